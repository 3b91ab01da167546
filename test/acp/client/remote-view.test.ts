import { describe, expect, test } from 'vitest';
import { readMessage, type Request } from '../../../src/acp/message/message.ts';
import {
  inRemoteDirectory,
  inRemoteTerms,
  localPath,
  mappedPath,
  type RemoteViewOptions,
} from '../../../src/acp/client/remote-view.ts';
import { splice } from '../../../src/acp/message/splice.ts';
import { createLog } from '../../../src/base/log.ts';
import { verifies } from '../../requirements.ts';
import { bytesOf, textAt } from '../message/json-texts.ts';

const requestOf = (method: string, params: string): { line: Uint8Array; request: Request } => {
  const line = bytesOf(`{"id":1,"method":"${method}","params":${params}}`);
  return { line, request: readMessage(line) as Request };
};

/** What becomes of a request's params, and the warnings. */
function inTerms(
  method: string,
  before: string,
  options: Partial<RemoteViewOptions> = {},
): { params: string; warnings: string[] } {
  const warnings: string[] = [];
  const log = createLog({ level: 'warn', format: 'text', write: (line) => warnings.push(line) });
  const { line, request } = requestOf(method, before);
  const dropping = { clientFs: false, clientTerminal: false, mcpStdio: 'drop', map: [], log } as const;
  const after = splice(line, inRemoteTerms(line, request, { ...dropping, ...options }));
  const { params } = readMessage(after) as Request;
  return { params: params === undefined ? '' : textAt(after, params), warnings };
}

/** What becomes of a request's params when its directory is known. */
function inDirectory(method: string, before: string): string {
  const { line, request } = requestOf(method, before);
  const after = splice(
    line,
    inRemoteDirectory(line, request, (cwd) => `/mnt"${cwd}"`),
  );
  const { params } = readMessage(after) as Request;
  return params === undefined ? '' : textAt(after, params);
}

describe('initialize in remote terms', () => {
  const without = (params: string): string => inTerms('initialize', params).params;

  test(verifies('acp.initialize', 'removes fs and terminal from the capabilities, and nothing else'), () => {
    expect(
      without('{"fs":1,"clientCapabilities":{"fs":{"readTextFile":true},"_meta":{"fs":1} ,"terminal":true}}'),
    ).toBe('{"fs":1,"clientCapabilities":{"_meta":{"fs":1}}}');
  });

  test(
    verifies(
      'acp.initialize',
      'removes logins in a terminal from the capabilities, since a login belongs in the microVM',
    ),
    () => {
      const auth = '"auth":{"terminal":true,"x":1}';
      const meta = '"_meta":{"terminal-auth":true,"terminal_output":true}';
      expect(without(`{"clientCapabilities":{${auth},${meta}},${meta}}`)).toBe(
        '{"clientCapabilities":{"auth":{"x":1},"_meta":{"terminal_output":true}},"_meta":{"terminal_output":true}}',
      );
      const all = { clientFs: true, clientTerminal: true };
      expect(inTerms('initialize', `{"clientCapabilities":{${auth},"terminal":true}}`, all).params).toBe(
        '{"clientCapabilities":{"auth":{"x":1},"terminal":true}}',
      );
    },
  );

  test.each(['{}', '{"clientCapabilities":null}', '{"clientCapabilities":{ }}', '[]'])(
    'leaves %s unchanged',
    (params) => {
      expect(without(params)).toBe(params);
    },
  );
});

describe('session/new in remote terms', () => {
  const moved = (params: string): { params: string; warnings: string[] } => inTerms('session/new', params);

  test(verifies('acp.cwd', 'replaces cwd, but only the one at the top'), () => {
    expect(inDirectory('session/new', '{"cwd":"/home/me","_meta":{"cwd":"/home/me"}}')).toBe(
      '{"cwd":"/mnt\\"/home/me\\"","_meta":{"cwd":"/home/me"}}',
    );
  });

  test('leaves a cwd of null, which lists the sessions of all directories', () => {
    expect(inDirectory('session/list', '{"cwd":null}')).toBe('{"cwd":null}');
  });

  test('drops additional directories with a warning', () => {
    const { params, warnings } = moved('{"additionalDirectories":["/a","/b"]}');
    expect(params).toBe('{"additionalDirectories":[]}');
    expect(warnings).toEqual([expect.stringContaining('count=2')]);
    expect(moved('{"additionalDirectories":[]}').warnings).toEqual([]);
  });

  test(
    verifies('acp.mcp-stdio', 'drops MCP servers that are local commands, and names them printably'),
    () => {
      const http = '{"type":"http","name":"h","url":"https://a", "headers":[ ]}';
      const sse = '{ "url":"https://b","type":"\\u0073se"}';
      const local = '{"name":"git\\u001b[2J","command":"git-mcp","args":[],"env":[]}';
      const stdio = '{"type":"stdio","name":"two"}';
      const { params, warnings } = moved(`{"mcpServers":[${local},${http},${stdio},${sse},{}]}`);
      expect(params).toBe(`{"mcpServers":[${http},${sse}]}`);
      expect(warnings.map((warning) => /server=(.*)\)/.exec(warning)?.[1])).toEqual([
        'git\\x1b[2J',
        'two',
        '',
      ]);
    },
  );

  test.each(['{"mcpServers":null}', '{"mcpServers":{}}', '{"additionalDirectories":"/a"}'])(
    'leaves %s for the agent to judge',
    (params) => {
      expect(moved(params)).toEqual({ params, warnings: [] });
    },
  );
});

test.each(['session/prompt', 'm', '_session/new'])('%s is passed on unchanged', (method) => {
  const params = '{"cwd":"/home/me","mcpServers":[{}]}';
  expect(inTerms(method, params)).toEqual({ params, warnings: [] });
  expect(inDirectory(method, params)).toBe(params);
});

describe('what the options let through', () => {
  test('are the client’s files, its terminals, and MCP servers that are commands', () => {
    const capabilities = '{"clientCapabilities":{"fs":1,"terminal":2}}';
    expect(inTerms('initialize', capabilities, { clientFs: true }).params).toBe(
      '{"clientCapabilities":{"fs":1}}',
    );
    expect(inTerms('initialize', capabilities, { clientTerminal: true }).params).toBe(
      '{"clientCapabilities":{"terminal":2}}',
    );
    const servers = '{"mcpServers":[{"name":"git","command":"git-mcp"}]}';
    expect(inTerms('session/new', servers, { mcpStdio: 'keep' })).toEqual({ params: servers, warnings: [] });
  });

  const map = [
    { local: '/home/me', remote: '/mnt/workspace' },
    { local: '/home/me/deep/', remote: '/mnt/deep' },
    { local: '/', remote: '/mnt/all' },
  ];

  test.each([
    ['/home/me', '/mnt/workspace'],
    ['/home/me/a b', '/mnt/workspace/a b'],
    ['/home/me/deep/x', '/mnt/deep/x'],
    ['/home/metoo', '/mnt/all/home/metoo'],
  ])('are directories that are mapped, the longest first: %s is %s', (local, remote) => {
    expect(mappedPath(local, { map })).toBe(remote);
    expect(mappedPath('relative', { map })).toBeUndefined();
    expect(localPath(remote, { map })).toBe(local);
  });

  test('are additional directories that are mapped', () => {
    const { params, warnings } = inTerms('session/new', '{"additionalDirectories":["/x","/home/me/a",3]}', {
      map: map.slice(0, 2),
    });
    expect(params).toBe('{"additionalDirectories":["/mnt/workspace/a"]}');
    expect(warnings).toEqual([expect.stringContaining('count=2')]);
  });
});
