import { describe, expect, test } from 'vitest';
import type { Span } from '../../../src/acp/message/json-scanner.ts';
import { type Invalid, readHead, readMessage, type Request } from '../../../src/acp/message/message.ts';
import { bytesOf, textAt } from './json-texts.ts';

describe('readMessage', () => {
  test.each([
    ['{"id":1,"method":"m"}', 'request'],
    ['{"id":null,"method":"m"}', 'request'],
    ['{"id":-1.5,"method":"m","result":{}}', 'request'],
    ['{"method":"m","params":[]}', 'notification'],
    ['{"result":null,"id":"a"}', 'response'],
    ['{"id":1,"error":{}}', 'response'],
    ['{"id":null,"error":{}}', 'orphan'],
    ['{"error":{}}', 'orphan'],
    ['{"id":1}', 'invalid'],
    ['{"id":true,"method":"m"}', 'invalid'],
    ['{"id":[],"result":1}', 'invalid'],
    ['{"id":1,"method":null,"result":1}', 'invalid'],
    ['{}', 'invalid'],
    ['[{"id":1,"method":"m"}]', 'invalid'],
    ['{"id":1,"method":"m"', 'invalid'],
    ['', 'invalid'],
  ])('takes %s for a %s', (line, is) => {
    expect(readMessage(bytesOf(line)).is).toBe(is);
  });

  test('finds id and params, in any order', () => {
    const line = bytesOf(' {"params":{"id":2} , "id" : "a\\n","method":"a\\/b"}');
    const message = readMessage(line) as Request & { params: Span };
    expect(message).toMatchObject({ is: 'request', method: 'a/b' });
    expect([textAt(line, message.id), textAt(line, message.params)]).toEqual(['"a\\n"', '{"id":2}']);
  });

  test.each([
    ['{"id":1,"method":"m","params":x}', 'call', '1'],
    ['{"id":"a","result":{"b"', 'answer', '"a"'],
    ['{"error":{},"id":1,', 'answer', '1'],
    ['{"id":[1],"method":"m"}', 'call', undefined],
    ['{"id":1', 'neither', undefined],
    ['garbage', 'neither', undefined],
  ])('reads the malformed %s as a %s with the id %s', (text, looksLike, id) => {
    const line = bytesOf(text);
    const message = readMessage(line) as Invalid;
    expect([message.looksLike, message.id && textAt(line, message.id)]).toEqual([looksLike, id]);
  });
});

test('readHead recognizes a message by its beginning', () => {
  const head = bytesOf('{"id":"a","method":"session/prompt","params":{"prompt":[{"data":"aaaa');
  expect(readHead(head)).toEqual({ id: { start: 6, end: 9 }, looksLike: 'call' });
});
