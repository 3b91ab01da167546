import { describe, expect, test } from 'vitest';
import { errorResponse, resultResponse, rpcError } from '../../../src/acp/message/json-rpc-errors.ts';
import { BridgeError } from '../../../src/base/errors.ts';
import { textOf } from './json-texts.ts';

describe('rpcError', () => {
  test('says what failed and what to do, for users and for programs', () => {
    const error = new BridgeError('unreachable', 'the service can’t be reached', {
      remedy: 'Try again.',
      retryable: true,
      cause: new Error('with a secret'),
    });
    expect(rpcError(error)).toEqual({
      code: -32603,
      message: 'The service can’t be reached. Try again.',
      data: {
        'agentcore-bridge/code': 'unreachable',
        'agentcore-bridge/retryable': true,
        'agentcore-bridge/remedy': 'Try again.',
      },
    });
  });

  test('leaves out an empty remedy, and adds details under the bridge’s prefix', () => {
    const { message, data } = rpcError(new BridgeError('agent-exited', 'It ended.'), { exitCode: 1 });
    expect(message).toBe('It ended.');
    expect(data).toMatchObject({ 'agentcore-bridge/exitCode': 1 });
  });

  test('reports a shutdown as a cancellation', () => {
    expect(rpcError(new BridgeError('closing', 'x')).code).toBe(-32800);
  });
});

describe('responses', () => {
  test('have the request’s id as it was written', () => {
    const id = '9223372036854775807';
    expect(textOf(resultResponse(id, { a: 1 }))).toBe(`{"jsonrpc":"2.0","id":${id},"result":{"a":1}}`);
    expect(textOf(errorResponse('"é"', { code: 1, message: 'm' }))).toBe(
      '{"jsonrpc":"2.0","id":"é","error":{"code":1,"message":"m"}}',
    );
  });
});
