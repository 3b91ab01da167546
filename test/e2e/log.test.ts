import { expect, test } from 'vitest';
import { logFormats } from '../../src/base/log.ts';
import { verifies } from '../requirements.ts';
import { startBridge, startLocal } from './stage.ts';

/** What stands for the words of people and agents, and for secrets of every kind. */
const secrets = {
  key: 'kkkk/SECRET+KEY/kkkkkkkkkkkkkkkkkkkkkkkk',
  token: 'tttt+SESSION/TOKEN+ttttttttttttttttttttttttttttttttttttttttttttttt==',
  variable: 'vvvv-value-of-a-variable',
  prompt: 'pppp-words-of-a-person',
  stderr: 'eeee-stderr-of-the-agent',
  noise: 'nnnn-noise-on-stdout',
  thread: 'hhhh-name-of-a-thread',
} as const;

/** As AWS answers a signature that does not match. */
const mismatch = {
  message: `The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key. The Canonical String for this request should have been\n'GET\n/runtimes\n\nx-amz-security-token:${secrets.token}\n\nAWS4-HMAC-SHA256 Signature=0123456789abcdef'`,
};

test.each(logFormats)(
  verifies('cli.no-secrets', 'a log of %s at level debug has no secret and no text of users or agents'),
  async (format) => {
    const credentials = {
      accessKeyId: 'AKIAEXAMPLEEXAMPLE12',
      secretAccessKey: secrets.key,
      sessionToken: secrets.token,
    };
    const local = await startLocal({ credentials: [credentials] });
    const bridge = startBridge(local, {
      args: [
        ...['--log-level', 'debug', '--log-format', format],
        ...['--env', `SECRET=${secrets.variable}`, '--thread', secrets.thread],
      ],
      env: { AWS_SESSION_TOKEN: secrets.token },
    });
    const prompt = { sessionId: 'session-1', prompt: [{ type: 'text', text: secrets.prompt }] };
    await bridge.request('initialize', { protocolVersion: 1 });
    await bridge.request('session/prompt', prompt);
    await bridge.request('test/complain', { text: secrets.stderr });
    await bridge.request('test/say', { line: secrets.noise });
    bridge.write(`not JSON: ${secrets.prompt}`);
    await bridge.answer(null);
    bridge.write(`{"jsonrpc":"2.0","id":12345,"result":"${secrets.prompt}"}`);

    local.faults.refuseUpgrades({ status: 503, body: JSON.stringify(mismatch) });
    local.faults.cut(1011);
    await bridge.request('session/prompt', prompt);
    await bridge.request('test/exit', { code: 3, stderr: secrets.stderr });
    await bridge.request('session/prompt', prompt);

    local.faults.refuseUpgrades({
      status: 403,
      errorType: 'InvalidSignatureException',
      body: JSON.stringify(mismatch),
    });
    local.faults.cut('rst');
    const { error } = await bridge.request('session/prompt', prompt);
    expect(error?.message).toMatch(/InvalidSignatureException/);
    expect(await bridge.exit).toBe(3);

    // All of it was logged.
    expect(bridge.stderr).toMatch(/attached/);
    expect(bridge.stderr).toMatch(/HTTP 503/);
    expect(bridge.stderr).toMatch(/HTTP 403 InvalidSignatureException/);
    for (const secret of [
      ...Object.values(secrets),
      credentials.accessKeyId,
      'AWS4-HMAC',
      'Signature=',
      'X-Amz-',
    ]) {
      expect(bridge.stderr.toLowerCase()).not.toContain(secret.toLowerCase());
    }
    for (const line of bridge.stderr.trimEnd().split('\n')) {
      if (format === 'json') {
        expect(JSON.parse(line)).toMatchObject({
          time: expect.any(String) as string,
          level: expect.any(String) as string,
        });
      } else {
        expect(line).toMatch(/^agentcore-bridge (error|warn|info|debug): /);
      }
    }
  },
);
