import { describe, expect, test } from 'vitest';
import { BridgeError } from '../../../src/base/errors.ts';
import { verifies } from '../../requirements.ts';
import { firstId, routed, routedAndBegun } from '../routed.ts';

const initialize = '{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":1}}';
const prompt = (id: number, session = 's'): string =>
  `{"jsonrpc":"2.0","id":${id},"method":"session/prompt","params":{"sessionId":"${session}","prompt":[]}}`;
const cancel = '{"jsonrpc":"2.0","method":"session/cancel","params":{"sessionId":"s"}}';
const permission = (id: string): string =>
  `{"jsonrpc":"2.0","id":${id},"method":"session/request_permission","params":{}}`;
const lost = (): BridgeError => new BridgeError('agent-lost', 'the microVM is gone', { retryable: true });

describe('a message', () => {
  // Off-schema members, numbers that JavaScript can't hold, odd spacing, escapes: as peers may write them.
  const rest = '"params" : {"n":9223372036854775807,"f":1.0,"_meta":{"\\u0061":[ ]},"é":"\\/😀"},"x":null }';

  test(
    verifies('acp.transparent', 'is passed on byte for byte in both directions, except its id'),
    async () => {
      const { link, ...it } = routedAndBegun();
      it.ask(`{"method":"_x", "id": 1,${rest}`, `{ "method":"_n",${rest}`);
      expect(link.takeToAgent()).toEqual([
        `{"method":"_x", "id": ${firstId},${rest}`,
        `{ "method":"_n",${rest}`,
      ]);
      link.say(`{"id": ${firstId} , "result":1.0,${rest}`);
      link.say(`{ "method":"_n",${rest}`);
      link.say(`{"id":"é","method":"_q",${rest}`);
      expect(await it.told()).toEqual([
        `{"id": 1 , "result":1.0,${rest}`,
        `{ "method":"_n",${rest}`,
        `{"id":0,"method":"_q",${rest}`,
      ]);
      it.ask(`{"error":{"code":1.0}, "id":0 ,${rest}`);
      expect(link.takeToAgent()).toEqual([`{"error":{"code":1.0}, "id":"é" ,${rest}`]);
    },
  );
});

describe('request ids', () => {
  test.each(['7', '-1', '1.5', '9223372036854775807', '"a"', '"\\u0061\\""', 'null', '1e3'])(
    verifies('acp.ids', 'of the client are returned as they were: %s'),
    async (id) => {
      const { link, ...it } = routedAndBegun();
      it.ask(`{"id":${id},"method":"m"}`);
      expect(link.takeToAgent()).toEqual([`{"id":${firstId},"method":"m"}`]);
      link.say(`{"id":${firstId},"result":{}}`);
      expect(await it.told()).toEqual([`{"id":${id},"result":{}}`]);
    },
  );

  test.each(['7', '-1', '1.5', '9223372036854775807', '"a"', 'null'])(
    verifies('acp.ids', 'of the agent are counted from 0 for the client, and returned as they were: %s'),
    async (id) => {
      const { link, ...it } = routedAndBegun();
      link.say(permission(id));
      link.say(permission(id));
      expect(await it.told()).toEqual([permission('0'), permission('1')]);
      it.ask('{"id":1,"result":1}', '{"id":0,"result":0}');
      expect(link.takeToAgent()).toEqual([`{"id":${id},"result":1}`, `{"id":${id},"result":0}`]);
    },
  );

  test(verifies('acp.stale-answers', 'of no open request are dropped, in either direction'), async () => {
    const { link, ...it } = routedAndBegun();
    it.ask('{"id":1,"method":"m"}');
    link.takeToAgent();
    for (const id of ['1', `"${firstId}"`, String(firstId + 1)]) link.say(`{"id":${id},"result":{}}`);
    link.say(`{"id":${firstId},"result":{}}`);
    link.say(`{"id":${firstId},"result":{}}`);
    expect(await it.told()).toEqual(['{"id":1,"result":{}}']);
    it.ask('{"id":0,"result":{}}', '{"id":"x","error":{}}');
    expect(link.takeToAgent()).toEqual([]);
  });

  test(verifies('acp.cancel-request', 'in $/cancel_request are exchanged, in both directions'), async () => {
    const { link, ...it } = routedAndBegun();
    const cancelOf = (id: string): string => `{"method":"$/cancel_request","params":{"requestId":${id}}}`;
    it.ask('{"id":"a","method":"m"}', cancelOf('"a"'), cancelOf('"b"'));
    expect(link.takeToAgent()).toEqual([`{"id":${firstId},"method":"m"}`, cancelOf(String(firstId))]);
    link.say(permission('"p"'));
    link.say(cancelOf('"p"'));
    link.say(cancelOf('"q"'));
    expect(await it.told()).toEqual([permission('0'), cancelOf('0')]);
  });

  test(verifies('acp.cancel-request', 'in an elicitation become the client’s own'), async () => {
    const { link, ...it } = routedAndBegun();
    it.ask('{"id":"login","method":"authenticate"}');
    const elicitation = (id: string, requestId: string): string =>
      `{"id":${id},"method":"elicitation/create","params":{"requestId":${requestId},"mode":"url"}}`;
    link.say(elicitation('5', String(firstId)));
    expect(await it.told()).toEqual([elicitation('0', '"login"')]);
  });
});

describe('lines that are no messages', () => {
  test(verifies('acp.parse-error', 'of the client are answered, and the stream continues'), async () => {
    const { link, ...it } = routedAndBegun();
    it.ask('{"id":1,', '[]', '"x"', '{"id":7}', '{"id":{},"method":"m"}', '{"id":8,"method":3}', '');
    it.ask(Uint8Array.of(0x22, 0xff, 0x22), '{"method":"m"}');
    expect((await it.answers()).map(({ id, error }) => [id, error?.code])).toEqual([
      [null, -32700],
      [null, -32600],
      [null, -32600],
      [7, -32600],
      [null, -32600],
      [8, -32600],
      [null, -32700],
    ]);
    expect(link.takeToAgent()).toEqual(['{"method":"m"}']);
  });

  test(
    verifies(
      'acp.peer-parse-errors',
      'errors without an id go to neither side; after one of the agent the host is asked what has arrived',
    ),
    async () => {
      const { link, ...it } = routedAndBegun();
      const noise = ['{"id":null,"error":{"code":-32700}}', '{"error":{"code":-32700}}'];
      for (const line of noise) link.say(line);
      it.ask(...noise);
      expect(await it.told()).toEqual([]);
      expect(link.takeToAgent()).toEqual([]);
      expect(link.verifications).toBe(noise.length);
    },
  );

  test('of the agent are dropped, and their text is not logged', async () => {
    const { link, logged, ...it } = routedAndBegun();
    for (const line of ['a secret', '{"level":"secret"}', '["secret"]']) link.say(line);
    expect(await it.told()).toEqual([]);
    expect(logged.join('')).toContain('bytes=8');
    expect(logged.join('')).not.toContain('secret');
  });

  test.each([`{"id":${firstId},"result":{"a"`, `{"id":${firstId}}`, `{"id":${firstId},"result":"\t"}`])(
    verifies('acp.one-answer', 'are answered to the request that they belong to, with an error: %s'),
    async (line) => {
      const { link, ...it } = routedAndBegun();
      it.ask('{"id":"a","method":"m"}');
      link.say(line);
      link.say(`{"id":${firstId},"result":{}}`);
      expect(await it.answers()).toMatchObject([{ id: 'a', error: { code: -32603 } }]);
    },
  );

  test(
    verifies(
      'acp.one-answer',
      'of an agent instead of its answer to initialize count as its error, and it goes on',
    ),
    async () => {
      const { link, ...it } = routed();
      it.ask(initialize);
      link.begin();
      it.ask('{"id":1,"method":"m"}');
      expect(link.takeToAgent()).toHaveLength(1);
      link.say(`{"id":${firstId},"result":{"a"`);
      expect(await it.answers()).toMatchObject([{ id: 0, error: { code: -32603 } }]);
      expect(link.takeToAgent()).toEqual([`{"id":${firstId + 1},"method":"m"}`]);
    },
  );

  test(
    verifies('acp.one-answer', 'of the client instead of an answer are an error to the agent'),
    async () => {
      const { link, ...it } = routedAndBegun();
      link.say(permission('"p"'));
      await it.told();
      it.ask('{"id":0,"result":{"a"');
      expect(link.takeToAgent().map((line) => JSON.parse(line) as unknown)).toMatchObject([
        { id: 'p', error: { code: -32603 } },
      ]);
      expect(await it.answers()).toMatchObject([{ id: null, error: { code: -32700 } }]);
    },
  );
});

describe('lines over the limit', () => {
  test(verifies('acp.oversized', 'of the client are refused, by their id if it can be seen'), async () => {
    const { link, router, ...it } = routedAndBegun();
    const head = (text: string): void => router.oversizedFromClient(new TextEncoder().encode(text));
    head('{"id":"a","method":"session/prompt","params":{"prompt":"aaa');
    head('{"method":"session/prompt","params":{"prompt":"aaa');
    expect(await it.answers()).toMatchObject([
      { id: 'a', error: { code: -32600, message: expect.stringContaining('Raise it.') as string } },
      { id: null, error: { code: -32600 } },
    ]);
    link.say(permission('"p"'));
    await it.told();
    head('{"id":0,"result":{"aaa');
    expect(await it.told()).toEqual([]);
    expect(JSON.parse(link.takeToAgent()[0] ?? '')).toMatchObject({ id: 'p', error: { code: -32603 } });
  });

  test(
    verifies('acp.oversized', 'of the agent become errors for the requests that they belong to'),
    async () => {
      const { link, ...it } = routedAndBegun();
      it.ask('{"id":"a","method":"m"}');
      link.takeToAgent();
      link.sayOversized(`{"id":${firstId},"result":{"aaa`, 1e9);
      expect(await it.answers()).toMatchObject([{ id: 'a', error: { code: -32603 } }]);
      link.sayOversized('{"id":"r","method":"fs/write_text_file","params":{"aaa', 1e9);
      expect(JSON.parse(link.takeToAgent()[0] ?? '')).toMatchObject({ id: 'r', error: { code: -32603 } });
      link.sayOversized('{"method":"session/update","params":{"aaa', 1e9);
      expect(await it.told()).toEqual([]);
      expect(link.acknowledged.at(-1)?.delivered).toBe(3e9 + 3);
    },
  );
});

describe('what concerns the client’s machine', () => {
  test(
    verifies('acp.initialize', 'fs and terminal are removed from initialize, which the agent answers'),
    async () => {
      const { link, ...it } = routedAndBegun();
      it.ask(
        '{"id":0,"method":"initialize","params":{"clientCapabilities":{"fs":{},"x":1.0,"terminal":true}}}',
      );
      expect(link.takeToAgent()).toEqual([
        `{"id":${firstId},"method":"initialize","params":{"clientCapabilities":{"x":1.0}}}`,
      ]);
      link.say(`{"id":${firstId},"result":{"agentCapabilities":{"y":1.0}}}`);
      expect(await it.told()).toEqual(['{"id":0,"result":{"agentCapabilities":{"y":1.0}}}']);
    },
  );

  test.each(['session/new', 'session/load', 'session/resume', 'session/fork'])(
    verifies('acp.cwd', '%s gets the thread’s directory'),
    (method) => {
      const { link, ...it } = routedAndBegun();
      it.ask(`{"id":0,"method":"${method}","params":{"cwd":"/home/me","mcpServers":[],"x":1.0}}`);
      expect(link.takeToAgent()).toEqual([
        `{"id":${firstId},"method":"${method}","params":{"cwd":"/mnt/workspace","mcpServers":[],"x":1.0}}`,
      ]);
    },
  );

  test('a request waits until the thread’s directory is known, with all lines behind it', async () => {
    const { link, router, ...it } = routed();
    const newSession = '{"id":1,"method":"session/new","params":{"cwd":"/home/me"}}';
    const later = ['{"id":2,"method":"m"}', '{"method":"n"}'];
    it.ask(newSession, ...later);
    expect(link.isAttached).toBe(true);
    expect(router.pendingBytes).toBe([newSession, ...later].join('').length);
    let hasRoom = false;
    const room = router.drained(0).then(() => (hasRoom = true));
    await it.told();
    expect(hasRoom).toBe(false);
    link.begin();
    await room;
    expect(link.takeToAgent()).toEqual([
      `{"id":${firstId},"method":"session/new","params":{"cwd":"/mnt/workspace"}}`,
      `{"id":${firstId + 1},"method":"m"}`,
      '{"method":"n"}',
    ]);
    expect(router.pendingBytes).toBe(0);
  });
});

describe('session/cancel', () => {
  test(verifies('acp.cancel-overtakes', 'overtakes lines that were not sent'), () => {
    const { link, ...it } = routedAndBegun();
    it.ask(prompt(1));
    link.takeToAgent();
    link.isStalled = true;
    it.ask('{"method":"other"}', cancel);
    link.deliver();
    expect(link.takeToAgent()).toEqual([cancel, '{"method":"other"}']);
  });

  test(
    verifies(['acp.cancel-overtakes', 'acp.one-answer'], 'ends a prompt that the agent has not got'),
    async () => {
      const { link, ...it } = routedAndBegun();
      link.isStalled = true;
      it.ask(prompt(1), prompt(2, 'other'), cancel);
      link.deliver();
      expect(link.takeToAgent()).toEqual([prompt(firstId + 1, 'other')]);
      expect(await it.told()).toEqual(['{"jsonrpc":"2.0","id":1,"result":{"stopReason":"cancelled"}}']);
    },
  );

  test('ends a prompt that waits for the thread’s directory', async () => {
    const { link, ...it } = routed();
    it.ask('{"id":0,"method":"session/load","params":{"cwd":"/","sessionId":"s"}}', prompt(1), cancel);
    link.begin();
    expect(link.takeToAgent()).toHaveLength(1);
    expect(await it.answers()).toEqual([{ jsonrpc: '2.0', id: 1, result: { stopReason: 'cancelled' } }]);
  });

  test('reaches the agent during one prompt although another prompt was taken back', async () => {
    const { link, ...it } = routedAndBegun();
    it.ask(prompt(1));
    link.takeToAgent();
    link.isStalled = true;
    it.ask(prompt(2), cancel);
    link.deliver();
    expect(link.takeToAgent()).toEqual([cancel]);
    expect(await it.answers()).toMatchObject([{ id: 2, result: { stopReason: 'cancelled' } }]);
  });

  test('that waits for the connection reaches an agent that the last bridge left during a turn', () => {
    const { link, ...it } = routed();
    link.isStalled = true;
    it.ask(cancel);
    link.begin({ origin: 'found' });
    link.deliver();
    expect(link.takeToAgent()).toEqual([cancel]);
  });

  test('for the last agent does not reach the next one', () => {
    const { link, ...it } = routedAndBegun();
    it.ask(prompt(1));
    link.takeToAgent();
    link.isStalled = true;
    it.ask(cancel);
    link.begin({ cause: lost() });
    link.deliver();
    expect(link.takeToAgent()).toEqual([]);
  });
});

describe('$/cancel_request', () => {
  const cancelRequest = '{"method":"$/cancel_request","params":{"requestId":"a"}}';

  test(
    verifies('acp.one-answer', 'of a request that the agent has not got is answered by the bridge'),
    async () => {
      const { link, ...it } = routedAndBegun();
      link.isStalled = true;
      it.ask('{"id":"a","method":"m"}', cancelRequest);
      link.deliver();
      expect(link.takeToAgent()).toEqual([]);
      expect(await it.answers()).toMatchObject([{ id: 'a', error: { code: -32800 } }]);
    },
  );

  test('of a request that waits for the thread’s directory is answered by the bridge', async () => {
    const { link, ...it } = routed();
    it.ask('{"id":"a","method":"session/new","params":{"cwd":"/"}}', cancelRequest);
    link.begin();
    expect(link.takeToAgent()).toEqual([]);
    expect(await it.answers()).toMatchObject([{ id: 'a', error: { code: -32800 } }]);
  });
});

describe('when the agent ends', () => {
  test(
    verifies(
      ['acp.one-answer', 'acp.agent-requests'],
      'its open requests are answered, and its own are cancelled',
    ),
    async () => {
      const { link, logged, fatal, ...it } = routedAndBegun();
      link.say(permission('"p"'));
      await it.told();
      it.ask(prompt(1));
      link.isStalled = true;
      it.ask(prompt(2, 'other'));
      link.exit(139, 'secret\nboom\u001b[31m\n');
      const [answer, withdrawal, ...more] = await it.answers();
      expect(answer).toMatchObject({
        id: 1,
        error: {
          code: -32603,
          message: expect.stringContaining('boom\\x1b[31m') as string,
          data: {
            'agentcore-bridge/code': 'agent-exited',
            'agentcore-bridge/exitCode': 139,
            'agentcore-bridge/stderr': 'secret\nboom\\x1b[31m',
          },
        },
      });
      expect(withdrawal).toMatchObject({ method: '$/cancel_request', params: { requestId: 0 } });
      expect(more).toEqual([]);
      expect(logged.join('')).not.toMatch(/secret|boom/);
      expect(fatal).toEqual([]);

      link.takeToAgent();
      link.begin();
      link.deliver();
      it.ask('{"id":0,"result":{}}');
      link.say(`{"id":${firstId + 1},"result":{}}`);
      expect(link.takeToAgent()).toEqual([prompt(firstId + 1, 'other')]);
      expect(await it.told()).toEqual(['{"id":2,"result":{}}']);
    },
  );

  test(
    verifies('acp.one-answer', 'before it has written a message, an error says so and the bridge ends'),
    async () => {
      const { link, fatal, ...it } = routed();
      it.ask(initialize);
      link.begin();
      link.exit(127, 'bash: kiro-cli: command not found');
      const error = { code: -32603, data: { 'agentcore-bridge/code': 'agent-start-failed' } };
      expect(await it.answers()).toMatchObject([{ id: 0, error }]);
      expect(fatal.map(({ code }) => code)).toEqual(['agent-start-failed']);
      // The link may have gone on meanwhile.
      link.begin();
      it.ask(prompt(1));
      expect(await it.answers()).toMatchObject([{ id: 1, error }]);
      await it.router.close(0);
      expect(link.isClosed).toBe(true);
      expect(await it.told()).toEqual([]);
    },
  );

  test('that was found dead, it does not count as one that can’t be started', async () => {
    const { link, fatal, ...it } = routed();
    link.isStalled = true;
    it.ask(initialize);
    link.begin({ origin: 'found' });
    link.exit(0);
    expect(await it.told()).toEqual([]);
    expect(fatal).toEqual([]);
  });
});

describe('a new epoch', () => {
  test(
    verifies(
      ['acp.one-answer', 'acp.agent-requests'],
      'answers the requests that were lost with the last agent',
    ),
    async () => {
      const { link, ...it } = routedAndBegun();
      link.say(permission('"p"'));
      it.ask(prompt(1));
      await it.told();
      link.begin({ cause: lost() });
      expect(await it.answers()).toMatchObject([
        {
          id: 1,
          error: { data: { 'agentcore-bridge/code': 'agent-lost', 'agentcore-bridge/retryable': true } },
        },
        { method: '$/cancel_request', params: { requestId: 0 } },
      ]);
      expect(link.acknowledged.at(-1)).toEqual({ delivered: 0, open: [] });
    },
  );

  test('begins with the client’s initialize, whose answer the client does not get', async () => {
    const { link, ...it } = routedAndBegun();
    it.ask(initialize);
    link.say(`{"id":${firstId},"result":{}}`);
    await it.told();
    for (const life of [1, 2]) {
      link.takeToAgent();
      link.isStalled = true;
      it.ask('{"method":"m"}');
      link.begin({ cause: lost() });
      link.isStalled = false;
      link.deliver();
      expect(link.takeToAgent()).toEqual([initialize.replace('"id":0', `"id":${firstId + life}`)]);
      link.say(`{"id":${firstId + life},"result":{}}`);
      expect(link.takeToAgent()).toEqual(['{"method":"m"}']);
      expect(await it.told()).toEqual([]);
    }
  });

  test('gets an initialize that waits only once', () => {
    const { link, ...it } = routed();
    link.isStalled = true;
    it.ask(initialize);
    link.begin({ origin: 'found' });
    link.exit(1);
    link.begin();
    link.deliver();
    expect(link.takeToAgent()).toHaveLength(1);
  });

  test('gets initialize only once, even if one for the last agent still waits', () => {
    const { link, ...it } = routedAndBegun();
    it.ask(initialize);
    link.takeToAgent();
    link.isStalled = true;
    link.begin({ cause: lost() });
    link.begin({ cause: lost() });
    link.deliver();
    expect(link.takeToAgent()).toEqual([initialize.replace('"id":0', `"id":${firstId + 2}`)]);
  });

  test('gets no response that was meant for the last agent', async () => {
    const { link, ...it } = routedAndBegun();
    link.say(permission('0'));
    await it.told();
    link.isStalled = true;
    it.ask('{"id":0,"result":{}}');
    link.begin({ cause: lost() });
    link.deliver();
    expect(link.takeToAgent()).toEqual([]);
  });
});

describe('the end of the link', () => {
  test(verifies('acp.one-answer', 'answers all open requests, and all later ones'), async () => {
    const { link, fatal, router, ...it } = routed();
    it.ask('{"id":1,"method":"m"}', '{"id":2,"method":"session/new","params":{"cwd":"/"}}', '{"method":"n"}');
    const room = router.drained(0);
    const refused = new BridgeError('refused', 'Access is denied.', { remedy: 'Grant it.' });
    link.fail(refused);
    it.ask('{"id":3,"method":"m"}');
    const error = { code: -32603, message: 'Access is denied. Grant it.' };
    expect(await it.answers()).toMatchObject([
      { id: 1, error },
      { id: 2, error },
      { id: 3, error },
    ]);
    expect(fatal).toEqual([refused]);
    await room;
  });

  test('is told to the client before the bridge ends because of it', () => {
    const fatalAtWrite: number[] = [];
    const it = routed({ onWrite: () => fatalAtWrite.push(it.fatal.length) });
    it.ask('{"id":1,"method":"m"}');
    it.link.fail(lost());
    expect([fatalAtWrite, it.fatal.length]).toEqual([[0], 1]);
  });

  test(verifies('acp.one-answer', 'by the bridge’s own leaving is told to all open requests'), async () => {
    const { link, router, fatal, ...it } = routedAndBegun();
    link.say(permission('"p"'));
    it.ask(prompt(1));
    await it.told();
    await router.close(100);
    expect(link.isClosed).toBe(true);
    expect(await it.answers()).toMatchObject([{ id: 1, error: { code: -32800 } }]);
    expect(fatal).toEqual([]);
  });
});

test('leaves an agent that starts meanwhile to be introduced by the next bridge', async () => {
  const { link, router, ...it } = routed();
  it.ask(initialize);
  router.leave();
  link.begin();
  expect(link.takeToAgent()).toEqual([]);
  expect(await it.answers()).toMatchObject([{ id: 0, error: { code: -32800 } }]);
});

describe('the checkpoint', () => {
  test('is sent once a batch, with the agent’s open requests', async () => {
    const { link, ...it } = routedAndBegun();
    const update = '{"method":"session/update"}';
    for (const line of [update, permission('1'), update, permission('2'), 'noise']) link.say(line);
    expect(await it.writes()).toHaveLength(1);
    const starts = [update.length + 1, 2 * update.length + permission('1').length + 3];
    const end = 2 * (update.length + permission('1').length) + 'noise'.length + 5;
    expect(link.acknowledged).toEqual([{ delivered: end, open: starts }]);
    it.ask('{"id":0,"result":{}}');
    await it.told();
    expect(link.acknowledged.at(-1)).toEqual({ delivered: end, open: starts.slice(1) });
  });

  test('is sent when the client has the lines, and not before', async () => {
    const order: string[] = [];
    const it = routed({ onWrite: () => order.push('written') });
    it.link.acknowledge = () => order.push('acknowledged');
    it.link.begin();
    it.link.say('{"method":"m"}');
    await it.told();
    expect(order).toEqual(['written', 'acknowledged']);
  });
});
