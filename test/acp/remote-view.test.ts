import { describe, expect, test } from 'vitest';
import { readMessage, type Request } from '../../src/acp/message.ts';
import { inRemoteTerms, namesLocalThings } from '../../src/acp/remote-view.ts';
import { splice } from '../../src/acp/splice.ts';
import { createLog } from '../../src/base/log.ts';
import { verifies } from '../requirements.ts';
import { bytesOf, textAt } from './json-texts.ts';

const requestOf = (method: string, params: string): { line: Uint8Array; request: Request } => {
  const line = bytesOf(`{"id":1,"method":"${method}","params":${params}}`);
  return { line, request: readMessage(line) as Request };
};

/** What becomes of a request's params, and the warnings. */
function inTerms(method: string, before: string, cwd?: string): { params: string; warnings: string[] } {
  const warnings: string[] = [];
  const log = createLog({ level: 'warn', format: 'text', write: (line) => warnings.push(line) });
  const { line, request } = requestOf(method, before);
  const after = splice(line, inRemoteTerms(line, request, cwd, log));
  const { params } = readMessage(after) as Request;
  return { params: params === undefined ? '' : textAt(after, params), warnings };
}

describe('initialize in remote terms', () => {
  const without = (params: string): string => inTerms('initialize', params).params;

  test(verifies('acp.initialize', 'takes fs and terminal from the capabilities, and nothing else'), () => {
    expect(
      without('{"fs":1,"clientCapabilities":{"fs":{"readTextFile":true},"_meta":{"fs":1} ,"terminal":true}}'),
    ).toBe('{"fs":1,"clientCapabilities":{"_meta":{"fs":1}}}');
  });

  test.each(['{}', '{"clientCapabilities":null}', '{"clientCapabilities":{ }}', '[]'])(
    'leaves %s as it is',
    (params) => {
      expect(without(params)).toBe(params);
    },
  );
});

describe('session/new in remote terms', () => {
  const moved = (params: string): { params: string; warnings: string[] } =>
    inTerms('session/new', params, '/mnt/"work"');

  test(verifies('acp.cwd', 'replaces cwd, and only the one at the top'), () => {
    expect(moved('{"cwd":"/home/me","_meta":{"cwd":"/home/me"}}')).toEqual({
      params: '{"cwd":"/mnt/\\"work\\"","_meta":{"cwd":"/home/me"}}',
      warnings: [],
    });
  });

  test('leaves a cwd of null, which lists the sessions of all directories', () => {
    expect(moved('{"cwd":null}').params).toBe('{"cwd":null}');
  });

  test('drops further directories with a warning', () => {
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

test.each(['session/prompt', 'm', '_session/new'])('%s crosses as it is', (method) => {
  const params = '{"cwd":"/home/me","mcpServers":[{}]}';
  expect(inTerms(method, params, '/mnt')).toEqual({ params, warnings: [] });
});

test.each([
  ['session/new', '{"cwd":1}', true],
  ['session/load', '{"mcpServers":[]}', true],
  ['session/x', '{"additionalDirectories":[]}', true],
  ['session/set_mode', '{"sessionId":"cwd"}', false],
  ['session/new', '["cwd"]', false],
  ['session/prompt', '{"cwd":"/"}', false],
  ['terminal/create', '{"cwd":"/"}', false],
])('namesLocalThings: %s with %s: %s', (method, params, is) => {
  const { line, request } = requestOf(method, params);
  expect(namesLocalThings(line, request)).toBe(is);
});
