import { expect, test } from 'vitest';
import { readMessage, type Response } from '../../../../src/acp/message/message.ts';
import { question, replyIn } from '../../../../src/acp/thread/state/questions.ts';
import { verifies } from '../../../requirements.ts';
import { bytesOf, textOf } from '../../message/json-texts.ts';

const replyOf = (members: string): unknown => {
  const line = bytesOf(`{"id":1,${members}}`);
  return replyIn({ is: 'answered', line, message: readMessage(line) as Response });
};

test('a request of the bridge’s own is a message', () => {
  const { line, message } = question('session/list', '{"cursor":"x"}');
  expect(textOf(line)).toBe('{"jsonrpc":"2.0","id":0,"method":"session/list","params":{"cursor":"x"}}');
  expect(message).toEqual(readMessage(line));
});

test('its answer is the text of a result, or an error', () => {
  expect(replyOf('"result":{"n":1.0}')).toEqual({ is: 'result', text: '{"n":1.0}' });
  const error = { code: -32000, message: 'log in', data: { why: 1 } };
  expect(replyOf(`"error":${JSON.stringify(error)}`)).toEqual({ is: 'error', error });
});

test.each(['null', '[]', '"no"', '{"code":"x","message":3}'])(
  verifies('acp.one-answer', 'a malformed error is still an error: %s'),
  (error) => {
    expect(replyOf(`"result":{},"error":${error}`)).toEqual({
      is: 'error',
      error: { code: -32603, message: 'The answer is not a valid message.' },
    });
  },
);
