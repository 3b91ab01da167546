import { Buffer } from 'node:buffer';
import { describe, expect, test } from 'vitest';
import { verifies } from '../requirements.ts';
import type { Message } from './bridge-process.ts';
import { begun, startBridge, startLocal } from './stage.ts';
import { numbersOf, upTo } from './updates.ts';

const megabyte = 1024 * 1024;

/** What ACP does not name, and what JSON.parse and JSON.stringify would change. */
const oddMembers = [
  '"_meta":{"traceparent":"00-1-2-01","x.dev/y":[1.0,1e2,-0,9223372036854775807,-9223372036854775808]}',
  '"big":9223372036854775807 , "one":1.0,\t"later":{"of":"a later version", "null":null,"empty":{},"e":[]}',
  String.raw`"escaped":"\u00e9\/\ud83d\ude00\ud800\u0000","plain":"é😀中\u2028","twice":1,"twice":2`,
].join(',');

/** The same line, with the request's number in the place of its id. */
function underId(line: string, id: unknown): string {
  return line.replace(/"id":\d+/, `"id":${String(id)}`);
}

/** The id by which the agent knows a request, from the line that it got. */
function idIn(line: unknown): unknown {
  return (JSON.parse(String(line)) as Message).id;
}

describe('large messages', () => {
  test(verifies('acp.large', 'arrive whole: a prompt of 8 MB, and an answer of the same size'), async () => {
    const bridge = await begun(startBridge(await startLocal()));
    const text = 'é😀 "\\'.repeat((8 * megabyte) / 10);
    const line = JSON.stringify({ jsonrpc: '2.0', id: 77, method: 'test/raw', params: { text } });
    expect(Buffer.byteLength(line)).toBeGreaterThan(8 * megabyte);
    bridge.write(line);
    const { result } = await bridge.answer(77);
    expect(result === underId(line, idIn(result))).toBe(true);
  });

  test(verifies('acp.large', 'arrive whole: an answer line of 5 MB'), async () => {
    const bridge = await begun(startBridge(await startLocal()));
    const { result } = await bridge.request('test/blob', { bytes: 5 * megabyte });
    expect(result === 'x'.repeat(5 * megabyte)).toBe(true);
  });

  test(verifies('acp.large', 'do not disturb the order of 20,000 updates'), async () => {
    const bridge = await begun(startBridge(await startLocal()));
    const flood = bridge.ask('test/flood', { count: 20_000, size: 200 });
    bridge.ask('test/blob', { bytes: 5 * megabyte });
    await bridge.answer(flood);
    expect(numbersOf(bridge.take())).toEqual(upTo(20_000));
  });
});

describe('a message', () => {
  test.each(['test/raw', '_test/raw'])(
    verifies('acp.transparent', 'is passed on byte for byte to the agent: a request for %s'),
    async (method) => {
      const bridge = await begun(startBridge(await startLocal()));
      const line = `{ "method":"${method}",  "id":5,"params":{${oddMembers}} ,${oddMembers},"jsonrpc":"2.0"}`;
      bridge.write(line);
      const { result } = await bridge.answer(5);
      expect(result).toBe(underId(line, idIn(result)));
    },
  );

  test(verifies('acp.transparent', 'is passed on byte for byte to the agent: notifications'), async () => {
    const bridge = await begun(startBridge(await startLocal()));
    const lines = ['later/notice', '_vendor/notice'].map(
      (method) => `{"jsonrpc" : "2.0","params":{${oddMembers}},"method":"${method}",${oddMembers}}`,
    );
    for (const line of lines) bridge.write(line);
    const { result } = await bridge.request('test/heard');
    expect(result).toEqual(lines);
  });

  test(verifies('acp.transparent', 'is passed on byte for byte to the client: notifications'), async () => {
    const bridge = await begun(startBridge(await startLocal()));
    const lines = ['session/update', 'later/notice', '_vendor/notice'].map(
      (method) => `{"jsonrpc" : "2.0","params":{${oddMembers}},"method":"${method}",${oddMembers}}`,
    );
    for (const line of lines) await bridge.request('test/say', { line });
    expect(bridge.lines.filter((line) => lines.includes(line))).toEqual(lines);
  });

  test.each(['later/question', '_vendor/question'])(
    verifies('acp.transparent', 'is passed on byte for byte to the client and back: %s of the agent'),
    async (method) => {
      const bridge = await begun(startBridge(await startLocal()));
      const question = `{ "id":41,"jsonrpc":"2.0","method":"${method}","params":{${oddMembers}},${oddMembers}}`;
      await bridge.request('test/say', { line: question });
      const { id } = await bridge.find((message) => message.method === method);
      expect(bridge.lines).toContain(underId(question, id));

      const asked = bridge.ask('test/ask', { method: '_vendor/ask', params: {} });
      const { id: number } = await bridge.find((message) => message.method === '_vendor/ask');
      const answer = `{"result" :{${oddMembers}}, "id":${String(number)},"jsonrpc":"2.0",${oddMembers}}`;
      bridge.write(answer);
      const { result } = await bridge.answer(asked);
      expect(result).toBe(underId(answer, 0));
    },
  );
});

describe('bytes that arrive one by one', () => {
  const text = 'é😀中\u{10ffff}'.repeat(200);

  test(verifies('acp.split-characters', 'from the service make whole characters'), async () => {
    const local = await startLocal();
    const bridge = await begun(startBridge(local));
    local.faults.splitOutput(1);
    const line = JSON.stringify({ jsonrpc: '2.0', method: '_test/said', params: { text } });
    await bridge.request('test/say', { line });
    expect(bridge.lines).toContain(line);
  });

  test(verifies('acp.split-characters', 'from the client make whole characters'), async () => {
    const bridge = await begun(startBridge(await startLocal()));
    const line = JSON.stringify({ jsonrpc: '2.0', method: '_test/told', params: { text } });
    for (const byte of Buffer.from(`${line}\n`)) {
      await new Promise((resolve) => bridge.child.stdin?.write(Uint8Array.of(byte), resolve));
    }
    const { result } = await bridge.request('test/heard');
    expect(result).toEqual([line]);
  });
});
