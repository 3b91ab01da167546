import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startLocalAgentCore } from '../../../src/local/local-agentcore.ts';
import type { LocalAgentCore } from '../../../src/local/options.ts';
import { verifies } from '../../requirements.ts';
import { newSessionId, open, refusal } from '../client.ts';
import type { Client } from '../client.ts';
import { start } from '../start.ts';

let core: LocalAgentCore;
beforeAll(async () => {
  core = await startLocalAgentCore();
});
afterAll(() => core.close());

test(
  verifies('local.shell', 'a new shell is an interactive bash on a terminal, and the answer has its ids'),
  async () => {
    const sessionId = newSessionId();
    const client = await open(core, { sessionId, shellId: 'my-shell' });
    expect(client.headers).toMatchObject({
      'x-amzn-bedrock-agentcore-runtime-session-id': sessionId,
      'x-amzn-bedrock-agentcore-shell-id': 'my-shell',
    });
    expect(await client.run('echo "$-"; tty')).toMatch(/i\w*\s+\/dev\/pts\/\d/);
    expect(client.frames[0]?.channel).toBe(3);
    expect(client.statuses).toMatchObject([{ metadata: { shellId: 'my-shell', reconnected: false } }]);
    expect(core.sessions()).toContainEqual(
      expect.objectContaining({
        sessionId,
        shells: [{ shellId: 'my-shell', pid: expect.any(Number), attached: true }],
      }),
    );
  },
);

test('ids that the client leaves out are made up', async () => {
  const client = await open(core);
  expect(client.headers['x-amzn-bedrock-agentcore-runtime-session-id']).toMatch(/^[\w-]{36}$/);
  expect(client.statuses).toMatchObject([
    { metadata: { shellId: client.headers['x-amzn-bedrock-agentcore-shell-id'] } },
  ]);
});

test(
  verifies('local.shell', 'a resize reaches the terminal, and one out of range is reported and ignored'),
  async () => {
    const client = await open(core, { sessionId: newSessionId() });
    client.send(4, '{"width":132,"height":50}');
    expect(await client.run('stty size')).toContain('50 132');
    for (const malformed of [
      '{"width":1001,"height":50}',
      '{"width":0,"height":1}',
      '{"width":1.5,"height":1}',
      'no',
    ]) {
      client.send(4, malformed);
    }
    expect(await client.run('stty size')).toContain('50 132');
    expect(client.frames.filter(({ channel }) => channel === 2)).toHaveLength(4);
  },
);

test(
  verifies('local.shell', 'a heartbeat is echoed, and unknown channels and empty messages are ignored'),
  async () => {
    const client = await open(core, { sessionId: newSessionId() });
    client.send(9, 'from the future');
    client.webSocket.send(new Uint8Array(0));
    client.send(5, 'beat');
    await client.until(({ frames }) => frames.some(({ channel }) => channel === 5));
    expect(client.frames.find(({ channel }) => channel === 5)?.payload.toString()).toBe('beat');
  },
);

test(
  verifies(
    'local.shell',
    'the exit of the shell is reported behind its output, and then the connection closes with 1000',
  ),
  async () => {
    const sessionId = newSessionId();
    const client = await open(core, { sessionId, shellId: 'a' });
    client.type("PS1=; head -c 100000 /dev/zero | tr '\\0' x; exit 3\n");
    expect(await client.closed).toMatchObject({ code: 1000 });
    expect(client.text.match(/x{1000,}/)?.[0]).toHaveLength(100_000);
    expect(client.frames.at(-1)?.channel).toBe(3);
    expect(client.statuses.at(-1)).toMatchObject({
      status: 'Failure',
      details: { causes: [{ message: '3' }] },
    });
    const next = await open(core, { sessionId, shellId: 'a' });
    expect(next.statuses).toMatchObject([{ metadata: { reconnected: false } }]);
  },
);

test(verifies('local.shell', '0xFF is echoed and ends the shell for good'), async () => {
  const sessionId = newSessionId();
  const client = await open(core, { sessionId, shellId: 'a' });
  await client.run('true');
  client.send(0xff);
  expect(await client.closed).toMatchObject({ code: 1000 });
  expect(client.frames.some(({ channel }) => channel === 0xff)).toBe(true);
  expect(core.sessions().find((session) => session.sessionId === sessionId)?.shells).toEqual([]);
  expect(await refusal(core, { sessionId, shellId: 'a' })).toMatchObject({
    status: 424,
    errorType: 'RuntimeClientError',
  });
});

test(verifies('local.shell', '0xFF sends the shell SIGHUP, so that it can clean up'), async () => {
  const sessionId = newSessionId();
  const other = await open(core, { sessionId, shellId: 'other' });
  const client = await open(core, { sessionId, shellId: 'a' });
  // At its prompt bash takes SIGHUP for the end of its input, and runs no trap.
  client.type("trap 'touch ~/hung-up; exit' HUP; sleep 1000 & printf '<%s>' waiting; wait\n");
  await client.until(({ text }) => text.includes('<waiting>'));
  client.send(0xff);
  await client.closed;
  expect(await other.run('ls ~')).toContain('hung-up');
});

test(verifies('local.shell', 'a shell that ignores SIGHUP is killed'), async () => {
  const core = await start({ limits: { hangupMs: 20 } });
  const client = await open(core, { sessionId: newSessionId() });
  client.type("trap '' HUP; printf '<%s>' ignoring; exec cat\n");
  await client.until(({ text }) => text.includes('<ignoring>'));
  client.send(0xff);
  expect(await client.closed).toMatchObject({ code: 1000 });
});

test(
  verifies('local.reattach', 'another client gets the same PTY, and the attached client gets 4000'),
  async () => {
    const at = { sessionId: newSessionId(), shellId: 'a' };
    const first = await open(core, at);
    await first.run('here=kept');
    const second = await open(core, at);
    expect(await first.closed).toMatchObject({ code: 4000 });
    expect(second.statuses).toMatchObject([{ metadata: { reconnected: true } }]);
    expect(await second.run('echo $here')).toContain('kept');
  },
);

test(verifies('local.reattach', 'programs go on when their client has detached'), async () => {
  const at = { sessionId: newSessionId(), shellId: 'a' };
  const first = await open(core, at);
  first.type("printf '<%s>' waiting; read -r line; printf '<%s>' got $line\n");
  await first.until(({ text }) => text.includes('<waiting>'));
  await first.detach();
  const second = await open(core, at);
  second.type('word\n');
  await second.until(({ text }) => text.includes('<got>'));
  expect(second.text).toContain('<got><word>');
});

/** Leaves a shell that then writes so many `x` between brackets, and comes back when it has. */
async function whileDetached(core: LocalAgentCore, count: number): Promise<Client> {
  const at = { sessionId: newSessionId(), shellId: 'a' };
  const first = await open(core, at);
  const other = await open(core, { ...at, shellId: 'b' });
  await first.run('cd; mkfifo go gone end; echo earlier');
  first.type(
    `printf '<%s>' waiting; cat go; printf '['; head -c ${count} /dev/zero | tr '\\0' x; printf ']'; echo >gone; cat end\n`,
  );
  await first.until(({ text }) => text.includes('<waiting>'));
  await first.detach();
  await other.run('cd; : >go; cat gone');
  const back = await open(core, at);
  await back.until(({ text }) => text.endsWith(']'));
  return back;
}

describe(verifies('local.reattach', 'the replay'), () => {
  test('holds the output that came while detached, whole and once', async () => {
    const client = await whileDetached(core, 100_000);
    expect(client.text.replace(/x{100000}/, '')).toBe('[]');
    expect(client.statuses[0]?.metadata).toEqual({ shellId: 'a', reconnected: true });
  });

  test('holds the latest 256 KB, and the confirmation has the number of dropped bytes', async () => {
    const client = await whileDetached(core, 400_000);
    const dropped = Number(client.statuses[0]?.metadata['bytesDropped']);
    expect(dropped).toBeGreaterThan(0);
    expect(client.output.length + dropped).toBe(400_002);
  });

  test('also holds output that was sent before, under the other reading', async () => {
    const core = await start({ readings: { replay: 'recent' } });
    const client = await whileDetached(core, 10);
    expect(client.text).toMatch(/earlier[^]*\[x{10}\]/);
  });
});
