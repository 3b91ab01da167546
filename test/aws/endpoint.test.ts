import { describe, expect, it } from 'vitest';
import { parseRuntimeArn } from '../../src/aws/arn.ts';
import { dataPlaneEndpoint, type EndpointVariant, shellUrl } from '../../src/aws/endpoint.ts';
import { BridgeError } from '../../src/base/errors.ts';
import { verifies } from '../requirements.ts';

const arn = parseRuntimeArn('arn:aws:bedrock-agentcore:us-east-1:123456789012:runtime/my_agent-1');
const target = { arn, qualifier: 'DEFAULT', sessionId: 'unused', shellId: 'shell-1' };
const path =
  '/runtimes/arn%3Aaws%3Abedrock-agentcore%3Aus-east-1%3A123456789012%3Aruntime%2Fmy_agent-1/ws/shells';
const query = '?qualifier=DEFAULT&shellId=shell-1';

describe('the endpoint', () => {
  it.each([
    [
      'arn:aws:bedrock-agentcore:eu-west-1:123456789012:runtime/a',
      'bedrock-agentcore.eu-west-1.amazonaws.com',
    ],
    [
      'arn:aws-cn:bedrock-agentcore:cn-north-1:123456789012:runtime/a',
      'bedrock-agentcore.cn-north-1.amazonaws.com.cn',
    ],
    [
      'arn:aws-us-gov:bedrock-agentcore:us-gov-west-1:123456789012:runtime/a',
      'bedrock-agentcore.us-gov-west-1.amazonaws.com',
    ],
  ])(verifies('aws.arn', 'partition and Region of %s choose it'), (text, host) => {
    expect(dataPlaneEndpoint(parseRuntimeArn(text)).href).toBe(`https://${host}/`);
  });

  it.each([
    ['aws', 'us-west-2', 'amazonaws.com', 'api.aws'],
    ['aws-cn', 'cn-northwest-1', 'amazonaws.com.cn', 'api.amazonwebservices.com.cn'],
    ['aws-eusc', 'eusc-de-east-1', 'amazonaws.eu', 'api.amazonwebservices.eu'],
    ['aws-iso', 'us-iso-east-1', 'c2s.ic.gov', 'api.aws.ic.gov'],
    ['aws-iso-b', 'us-isob-east-1', 'sc2s.sgov.gov', 'api.aws.scloud'],
    ['aws-iso-e', 'eu-isoe-west-1', 'cloud.adc-e.uk', 'api.cloud-aws.adc-e.uk'],
    ['aws-iso-f', 'us-isof-south-1', 'csp.hci.ic.gov', 'api.aws.hci.ic.gov'],
    ['aws-us-gov', 'us-gov-east-1', 'amazonaws.com', 'api.aws'],
  ])(
    verifies('aws.arn', 'of the partition %s in %s ends in %s, and in %s for IPv6 as well'),
    (partition, region, dns, dualStackDns) => {
      const inPartition = parseRuntimeArn(
        `arn:${partition}:bedrock-agentcore:${region}:123456789012:runtime/a`,
      );
      const hostOf = (variant: Partial<EndpointVariant>): string =>
        dataPlaneEndpoint(inPartition, undefined, { isFips: false, isDualStack: false, ...variant }).href;
      expect(hostOf({})).toBe(`https://bedrock-agentcore.${region}.${dns}/`);
      expect(hostOf({ isFips: true })).toBe(`https://bedrock-agentcore-fips.${region}.${dns}/`);
      expect(hostOf({ isDualStack: true })).toBe(`https://bedrock-agentcore.${region}.${dualStackDns}/`);
      expect(hostOf({ isFips: true, isDualStack: true })).toBe(
        `https://bedrock-agentcore-fips.${region}.${dualStackDns}/`,
      );
    },
  );

  it.each([
    { isFips: true, isDualStack: false },
    { isFips: false, isDualStack: true },
  ])("that is given can't be another one of AWS's as well, as AWS's clients have it: %j", (variant) => {
    expect(() => dataPlaneEndpoint(arn, 'http://127.0.0.1:8080', variant)).toThrow(
      expect.objectContaining({ code: 'usage' }),
    );
  });

  it.each([
    ['http://127.0.0.1:8080', 'ws://127.0.0.1:8080'],
    ['https://vpce-1.example.com/base/', 'wss://vpce-1.example.com/base'],
    ['http://[::1]:9', 'ws://[::1]:9'],
  ])(verifies('aws.endpoint-override', '%s leads to %s, any path kept'), (override, base) => {
    const endpoint = dataPlaneEndpoint(arn, override);
    expect(shellUrl({ ...target, endpoint }).href).toBe(`${base}${path}${query}`);
  });

  it.each([
    '',
    'localhost:8080',
    'ftp://example.com',
    'ws://example.com',
    'http://u@example.com',
    'http://a/?b',
    'http://a/#b',
  ])('%j is no endpoint', (override) => {
    expect(() => dataPlaneEndpoint(arn, override)).toThrow(expect.objectContaining({ code: 'usage' }));
  });

  it('that is refused is shown without user, query and fragment', () => {
    let error: unknown;
    try {
      dataPlaneEndpoint(arn, 'https://user:secret@example.com/a?token=secret#secret');
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(BridgeError);
    expect(String(error)).toContain('example.com/a');
    expect(String(error)).not.toContain('secret');
  });
});

describe('the URL of a shell', () => {
  it(verifies('aws.sigv4', 'has the ARN as one path segment, encoded once'), () => {
    const url = shellUrl({ ...target, endpoint: dataPlaneEndpoint(arn) });
    expect(url.href).toBe(`wss://bedrock-agentcore.us-east-1.amazonaws.com${path}${query}`);
  });

  it('has encoded values in its query, a space as %20', () => {
    const endpoint = dataPlaneEndpoint(arn);
    const { search } = shellUrl({ ...target, endpoint, qualifier: 'a b+c&d=e' });
    expect(search).toBe('?qualifier=a%20b%2Bc%26d%3De&shellId=shell-1');
  });
});
