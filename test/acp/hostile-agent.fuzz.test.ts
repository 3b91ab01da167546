import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { verifies } from '../requirements.ts';
import { Stage } from './agents-stage.ts';
import { jsonText } from './message/json-texts.ts';

interface Told {
  readonly id?: unknown;
  readonly method?: string;
}

/** What the client got, of which each line must be one message. */
async function messages(stage: Stage): Promise<Told[]> {
  const lines = await stage.it.told();
  return lines.map((line) => {
    expect(line).not.toContain('\n');
    const message = JSON.parse(line) as Told;
    expect(message).toBeInstanceOf(Object);
    return message;
  });
}

/** An editor with two sessions, each at an agent of its own, and a turn open in each. */
async function twoTurns(): Promise<{ stage: Stage; sessions: string[]; asked: number[]; numbers: number[] }> {
  const stage = new Stage();
  stage.initialized();
  const sessions = [await stage.opened(0, 'one'), await stage.opened(1, 'two')];
  const asked = sessions.map((sessionId) =>
    stage.ask('session/prompt', { sessionId, prompt: [{ type: 'text', text: 'go' }] }),
  );
  const numbers = [stage.request(0).id, stage.request(1).id];
  await stage.told();
  return { stage, sessions, asked, numbers };
}

/** Lines of an agent that means harm: it guesses ids, of requests and of sessions, and breaks off where it likes. */
const hostileLine = (ids: readonly unknown[]): fc.Arbitrary<string> => {
  const id = fc.oneof(
    fc.constantFrom(...ids.map((each) => JSON.stringify(each))),
    fc.constantFrom('null', '-0', '1e0', '"1"', '{}'),
  );
  const pair = fc.oneof(
    id.map((text) => `"id":${text}`),
    fc.constantFrom(
      '"method":"session/update"',
      '"method":"session/request_permission"',
      '"method":"$/cancel_request"',
    ),
    fc.tuple(fc.constantFrom('result', 'error'), jsonText).map(([name, text]) => `"${name}":${text}`),
    id.map((text) => `"params":{"sessionId":${text},"requestId":${text},"update":{}}`),
  );
  const object = fc.array(pair, { maxLength: 5 }).map((pairs) => `{${pairs.join(',')}}`);
  return fc
    .tuple(object, fc.constantFrom('', '', '', '}', ',"id":1}', '\u0000', '{'), fc.nat())
    .map(([text, piece, where]) => (piece === '' ? text : text.slice(0, where % (text.length + 1)) + piece))
    .map((text) => text.replaceAll('\n', ' '));
};

describe('a hostile agent', () => {
  test(
    verifies(
      'acp.many-sessions',
      'cannot answer another agent’s request, or make the client read a line that is no message',
    ),
    async () => {
      const { numbers, asked } = await twoTurns();
      const ids = [...numbers, ...asked, 0, 1, 2, 3];
      await fc.assert(
        fc.asyncProperty(fc.array(hostileLine(ids), { maxLength: 12 }), async (lines) => {
          const { stage, asked } = await twoTurns();
          for (const line of lines) stage.link(0).say(line);
          const answers = (await messages(stage)).filter(
            ({ method, id }) => method === undefined && id !== undefined,
          );
          expect(answers.filter(({ id }) => id !== asked[0])).toEqual([]);
          // The other one's turn goes on, and ends as that agent says.
          stage.say(1, { id: numbers[1], result: { stopReason: 'end_turn' } });
          expect((await messages(stage)).map(({ id }) => id)).toContain(asked[1]);
        }),
        { numRuns: 300 },
      );
    },
  );
});

/** JSON that says more than a note should, and what is no JSON. */
const hostileNote = fc.oneof(
  jsonText,
  fc.string(),
  fc.constantFrom(
    '{"protocolVersion":1,\n"x":\n{"jsonrpc":"2.0","id":99,"result":{}}\n}',
    '{},"id":99',
    '{}}\n{"jsonrpc":"2.0","id":99,"result":{}}',
    '{"protocolVersion":1}\r\n',
    '"\ud800"',
  ),
);

describe('a hostile microVM', () => {
  test(
    verifies(
      'host.notes',
      'cannot make the client read anything but answers to its own requests, by changing the notes',
    ),
    async () => {
      await fc.assert(
        fc.asyncProperty(hostileNote, hostileNote, hostileNote, async (agent, opened, thread) => {
          const stage = new Stage({ threads: { is: 'fixed', key: 'thread' } });
          const note = JSON.stringify({
            sessions: { s: { cwd: '/', epoch: '1', turn: 5, opened } },
            current: 's',
          });
          const first = stage.ask('initialize', { protocolVersion: 1 });
          const load = stage.ask('session/load', { sessionId: 's', cwd: '/', mcpServers: [] });
          stage.link(0).begin({ epoch: '1', origin: 'found', notes: { agent, thread: note } });
          for (const { id, method } of stage.heard(0)) {
            if (method === 'initialize') stage.say(0, { id, result: { protocolVersion: 1 } });
          }
          stage.link(0).begin({ epoch: '2', origin: 'found', notes: { agent, thread } });
          const told = await messages(stage);
          expect(told.filter(({ id }) => ![first, load].includes(id as number))).toEqual([]);
          const ids = told.map(({ id }) => id);
          expect(new Set(ids).size).toBe(ids.length);
        }),
        { numRuns: 500 },
      );
    },
  );
});
