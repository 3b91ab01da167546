import { describe, expect, it } from 'vitest';
import { parseRuntimeArn } from '../../src/aws/arn.ts';
import { upgradeRefusal } from '../../src/aws/upgrade-errors.ts';
import { verifies } from '../requirements.ts';

const arn = parseRuntimeArn('arn:aws:bedrock-agentcore:us-east-1:123456789012:runtime/my_agent-1');
const refusal = (status: number, body = '', errorType?: string) =>
  upgradeRefusal({ status, body, errorType }, arn);

describe('errors of the upgrade', () => {
  it.each([
    [400, 'refused'],
    [401, 'refused'],
    [403, 'refused'],
    [404, 'not-found'],
    [418, 'refused'],
    [200, 'refused'],
    [302, 'refused'],
  ])(verifies('aws.upgrade-refused', '%i stops, as %s'), (status, code) => {
    expect(refusal(status)).toMatchObject({ error: { code, retryable: false }, action: { is: 'stop' } });
  });

  it.each([
    [402, 2_000],
    [408, 1_000],
    [409, 1_000],
    [424, 1_000],
    [429, 2_000],
    [500, 1_000],
    [503, 1_000],
    [504, 1_000],
  ])(verifies('aws.upgrade-busy', '%i is tried again after %i ms'), (status, firstDelayMs) => {
    expect(refusal(status)).toMatchObject({
      error: { code: 'busy', retryable: true },
      action: { is: 'retry', firstDelayMs },
    });
  });

  it.each([
    [400, 'ThrottlingException', 2_000],
    [403, 'RequestLimitExceeded', 2_000],
    [404, 'com.amazon.coral.availability#SlowDown', 2_000],
    [503, 'TooManyRequestsException:http://internal.amazon.com/', 2_000],
    [400, 'RequestTimeout', 1_000],
    [418, 'RequestTimeoutException', 1_000],
    [400, 'RetryableConflictException', 1_000],
  ])(
    verifies('aws.upgrade-busy', 'HTTP %i is transient if it is named %s, and is retried after %i ms'),
    (status, name, firstDelayMs) => {
      const expected = { error: { code: 'busy', retryable: true }, action: { is: 'retry', firstDelayMs } };
      expect(refusal(status, '', name)).toMatchObject(expected);
      expect(refusal(status, JSON.stringify({ __type: name }))).toMatchObject(expected);
    },
  );

  it(
    verifies('aws.retry-after', 'the time that the service names is the earliest time of the next try'),
    () => {
      const after = (status: number, retryAfterMs: number) =>
        upgradeRefusal({ status, body: '', retryAfterMs }, arn);
      expect(after(503, 7_000)).toMatchObject({ action: { is: 'retry', firstDelayMs: 7_000 } });
      expect(after(429, 100)).toMatchObject({ action: { is: 'retry', firstDelayMs: 2_000 } });
      expect(after(503, 7_000).error.remedy).toBe(
        'Try again later. The service asks to try again in 7 s at the earliest.',
      );
      // A refusal for good stays one.
      expect(after(403, 7_000)).toMatchObject({ action: { is: 'stop' } });
    },
  );

  it('the cause of a 424 is in "error", that of every other status in "message"', () => {
    const body = '{"message":"Dependency failed","error":"shell id invalid"}';
    expect(refusal(424, body).error.message).toContain('(HTTP 424: shell id invalid)');
    expect(refusal(400, body).error.message).toContain('(HTTP 400: Dependency failed)');
    expect(refusal(424, '{"message":"only this"}').error.message).toContain('(HTTP 424: only this)');
  });

  it(verifies('aws.upgrade-refused', 'a refusal names the missing permission'), () => {
    expect(refusal(403).error.remedy).toContain('bedrock-agentcore:InvokeAgentRuntimeCommandShell');
    expect(refusal(403).error.remedy).not.toContain('clock');
  });

  it('a refusal that mentions the signature or its date hints at the clock', () => {
    expect(
      refusal(403, '{"message":"Signature expired: 2020 is now earlier than 2026"}').error.remedy,
    ).toContain('clock');
    for (const name of ['InvalidSignatureException', 'RequestTimeTooSkewed', 'RequestExpired']) {
      expect(refusal(403, '', name).error.remedy).toContain('clock');
    }
  });

  it('a refusal that names only the runtime does not hint at the clock', () => {
    const body = JSON.stringify({ message: `User: me is not authorized on resource: ${arn.text}` });
    expect(refusal(403, body, 'AccessDeniedException').error.remedy).not.toContain('clock');
  });

  it(verifies('aws.upgrade-refused', 'an unknown runtime is named by its ARN'), () => {
    expect(refusal(404).error.message).toContain(arn.text);
  });

  it('name and text of the service are shown, in any of their forms', () => {
    const { error } = refusal(
      400,
      '{"message":"session id too short"}',
      'ValidationException:http://internal.amazon.com/',
    );
    expect(error.message).toContain('(HTTP 400 ValidationException: session id too short)');
    const body = '{"__type":"com.amazon.agentcore#ConflictException","error":"claimed"}';
    expect(refusal(409, body).error.message).toContain('(HTTP 409 ConflictException: claimed)');
    expect(refusal(500, '{"Message":"oops"}').error.message).toContain('(HTTP 500: oops)');
  });

  it.each(['', '<html>', '[]', 'null', '{"message":5}'])(
    'a body that is no error text adds nothing: %j',
    (body) => {
      expect(refusal(503, body).error.message).toBe('AgentCore failed to open the shell (HTTP 503)');
    },
  );

  it('the text is printable, on one line, and short', () => {
    const { message } = refusal(
      500,
      JSON.stringify({ message: `a\n\u001b[2Jb ${'word '.repeat(1_000)}` }),
    ).error;
    expect(message).toContain(String.raw`a \x1b[2Jb`);
    expect(message.length).toBeLessThan(400);
  });

  it('no signature, key or token of a canonical request is shown', () => {
    const signature = 'f'.repeat(64);
    const token = 'IQoJb3JpZ2luX2VjEXAMPLE'.repeat(10);
    const body = JSON.stringify({
      message: `The request signature we calculated does not match ${signature}.\n\nThe Canonical String for this request should have been\n'GET\n/\n\nx-amz-security-token:secret\n'`,
    });
    const { message } = refusal(403, body, 'InvalidSignatureException').error;
    expect(message).toContain('does not match …');
    expect(message).not.toContain(signature);
    expect(message).not.toContain('secret');
    expect(refusal(403, JSON.stringify({ message: `token ${token} expired` })).error.message).not.toContain(
      'EXAMPLE',
    );
  });
});
