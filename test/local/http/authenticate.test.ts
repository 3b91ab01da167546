import { expect, test } from 'vitest';
import { authenticate } from '../../../src/local/http/authenticate.ts';
import type { WireRequest } from '../../../src/local/http/request.ts';
import { verifies } from '../../requirements.ts';

const trusted = { credentials: [], bearerTokens: ['a.b.c'] };
const request = (...headers: [string, string][]): WireRequest => ({
  method: 'GET',
  path: '/',
  query: [],
  headers,
  body: new Uint8Array(0),
});
const protocols = (token: string): [string, string] => [
  'sec-websocket-protocol',
  `base64UrlBearerAuthorization.${Buffer.from(token).toString('base64url')}, base64UrlBearerAuthorization`,
];

test(
  verifies(
    'local.bearer',
    'a token is accepted from the subprotocols, and the answer chooses the one without it',
  ),
  () => {
    expect(authenticate(request(protocols('a.b.c')), trusted, 0)).toEqual({
      principal: 'bearer',
      subprotocol: 'base64UrlBearerAuthorization',
    });
  },
);

test(verifies('local.bearer', 'a token is accepted from the Authorization header'), () => {
  expect(authenticate(request(['authorization', 'Bearer a.b.c']), trusted, 0)).toEqual({
    principal: 'bearer',
  });
});

test(verifies('local.bearer', 'another token is refused with 401'), () => {
  const refused = expect.objectContaining({ status: 401, errorType: 'UnauthorizedException' });
  expect(() => authenticate(request(protocols('x')), trusted, 0)).toThrow(refused);
  expect(() => authenticate(request(['authorization', 'Bearer x']), trusted, 0)).toThrow(refused);
});

test('a request without credentials is refused with 403', () => {
  expect(() => authenticate(request(), trusted, 0)).toThrow(
    expect.objectContaining({ status: 403, errorType: 'MissingAuthenticationTokenException' }),
  );
});
