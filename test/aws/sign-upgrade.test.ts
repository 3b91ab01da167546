import * as fc from 'fast-check';
import { RuntimeClient } from 'bedrock-agentcore/runtime';
import { describe, expect, it } from 'vitest';
import { parseRuntimeArn } from '../../src/aws/arn.ts';
import { dataPlaneEndpoint, type ShellTarget } from '../../src/aws/endpoint.ts';
import { signUpgrade, type SignedUpgrade } from '../../src/aws/sign-upgrade.ts';
import { verifies } from '../requirements.ts';
import { carriedSignature, expectedSignature, type SentRequest } from './canonical-signature.ts';

const credentials = {
  accessKeyId: 'AKIDEXAMPLE',
  secretAccessKey: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY',
};
const key = { ...credentials, region: 'us-east-1', service: 'bedrock-agentcore' };
const arn = parseRuntimeArn('arn:aws:bedrock-agentcore:us-east-1:123456789012:runtime/my_agent-1');
const now = new Date('2026-08-30T12:36:00Z');
const target: ShellTarget = {
  endpoint: dataPlaneEndpoint(arn),
  arn,
  qualifier: 'DEFAULT',
  sessionId: 'session-0123456789-0123456789-0123456789',
  shellId: 'shell-1',
};

/** The request as a WebSocket client puts it on the wire. */
function sent({ url, headers }: { url: string; headers: Readonly<Record<string, string>> }): SentRequest {
  const { host, pathname, search } = new URL(url);
  const lowerCase = Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]),
  );
  return { method: 'GET', host, target: pathname + search, headers: lowerCase };
}

function signedHeaders({ headers }: SignedUpgrade): string | undefined {
  return /SignedHeaders=([^,]+)/.exec(headers['authorization'] ?? '')?.[1];
}

describe('the reference signer of these tests', () => {
  it("agrees with AWS's test suite (get-vanilla)", () => {
    const authorization = 'Credential=…, SignedHeaders=host;x-amz-date, Signature=…';
    const headers = { authorization, 'x-amz-date': '20150830T123600Z' };
    const request = { method: 'GET', host: 'example.amazonaws.com', target: '/', headers };
    expect(expectedSignature(request, { ...key, service: 'service' })).toBe(
      '5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31',
    );
  });

  it("agrees with AWS's own client", async () => {
    const client = new RuntimeClient({
      region: 'us-east-1',
      credentialsProvider: () => Promise.resolve(credentials),
    });
    const { sessionId, shellId } = target;
    const request = sent(await client.connectShellSigV4({ runtimeArn: arn.text, sessionId, shellId }));
    expect(carriedSignature(request)).toBe(expectedSignature(request, key));
  });
});

describe('the signed upgrade', () => {
  it(
    verifies('aws.sigv4', 'has the signature that the service computes from the request as it was sent'),
    async () => {
      const request = sent(await signUpgrade(target, credentials, now));
      expect(request.target).toContain('arn%3Aaws%3Abedrock');
      expect(carriedSignature(request)).toBe(expectedSignature(request, key));
    },
  );

  it(
    verifies('aws.sigv4', 'signs Host, date and session id, and a session token if there is one'),
    async () => {
      const names = 'host;x-amz-date;x-amzn-bedrock-agentcore-runtime-session-id';
      expect(signedHeaders(await signUpgrade(target, credentials, now))).toBe(names);
      const upgrade = await signUpgrade(target, { ...credentials, sessionToken: 'made-up-token' }, now);
      expect(signedHeaders(upgrade)).toBe(names.replace('date;', 'date;x-amz-security-token;'));
      expect(upgrade.headers).toMatchObject({
        'x-amz-date': '20260830T123600Z',
        'x-amz-security-token': 'made-up-token',
        'x-amzn-bedrock-agentcore-runtime-session-id': target.sessionId,
      });
    },
  );

  it(verifies('aws.endpoint-override', 'signs Host with a port that is not the default one'), async () => {
    for (const [override, host] of [
      ['http://127.0.0.1:8080', '127.0.0.1:8080'],
      ['http://127.0.0.1:80', '127.0.0.1'],
      ['https://example.com:443/base', 'example.com'],
    ] as const) {
      const endpoint = dataPlaneEndpoint(arn, override);
      const upgrade = await signUpgrade({ ...target, endpoint }, credentials, now);
      expect(upgrade.headers['host']).toBe(host);
      const request = sent(upgrade);
      expect(carriedSignature(request)).toBe(expectedSignature(request, key));
    }
  });

  it(verifies('aws.sigv4', 'is valid for any ids and qualifiers'), async () => {
    const text = fc.string({ minLength: 1, unit: 'grapheme' });
    await fc.assert(
      fc.asyncProperty(text, text, async (qualifier, shellId) => {
        const request = sent(await signUpgrade({ ...target, qualifier, shellId }, credentials, now));
        expect(carriedSignature(request)).toBe(expectedSignature(request, key));
      }),
    );
  });
});
