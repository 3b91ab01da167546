import { expect, test } from 'vitest';
import { checkLoopback } from '../../../src/local/http/loopback.ts';

const request = (...headers: [string, string][]) => ({
  method: 'GET',
  path: '/',
  query: [],
  headers,
  body: new Uint8Array(0),
});

const here: [string, string] = ['host', '127.0.0.1:8080'];

test.each([
  { headers: [here] },
  { headers: [['host', 'localhost']] },
  { headers: [['host', '[::1]:8080']] },
  { headers: [here, ['origin', 'http://localhost:3000']] },
] satisfies { headers: [string, string][] }[])('$headers is accepted', ({ headers }) => {
  expect(() => checkLoopback(request(...headers))).not.toThrow();
});

test('a name of --host-name is accepted in Host, but not in Origin', () => {
  const told = ['agentcore.example'];
  expect(() => checkLoopback(request(['host', 'AgentCore.example:8080']), told)).not.toThrow();
  const page = request(here, ['origin', 'https://agentcore.example']);
  expect(() => checkLoopback(page, told)).toThrow(expect.objectContaining({ status: 403 }));
});

test.each([
  { headers: [['host', 'evil.example:8080']] },
  { headers: [['host', '127.0.0.1.evil.example']] },
  { headers: [['host', 'localhost.evil.example']] },
  { headers: [here, ['origin', 'https://evil.example']] },
  { headers: [here, ['origin', 'null']] },
  { headers: [here, ['host', 'evil.example']] },
] satisfies { headers: [string, string][] }[])(
  '$headers is refused: a web page could have sent it',
  ({ headers }) => {
    expect(() => checkLoopback(request(...headers))).toThrow(expect.objectContaining({ status: 403 }));
  },
);
