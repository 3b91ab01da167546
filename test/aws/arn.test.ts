import { describe, expect, it } from 'vitest';
import { parseRuntimeArn } from '../../src/aws/arn.ts';
import { BridgeError } from '../../src/base/errors.ts';
import { verifies } from '../requirements.ts';

const arn = 'arn:aws:bedrock-agentcore:us-east-1:123456789012:runtime/my_agent-AbCdEfGhIj';

function refusal(text: string): BridgeError {
  try {
    parseRuntimeArn(text);
  } catch (error) {
    if (error instanceof BridgeError) return error;
  }
  throw new Error('it was accepted');
}

describe('the ARN of a runtime', () => {
  it(verifies('aws.arn', 'names partition, Region, account and runtime'), () => {
    expect(parseRuntimeArn(arn)).toEqual({
      text: arn,
      partition: 'aws',
      region: 'us-east-1',
      account: '123456789012',
      kind: 'runtime',
      id: 'my_agent-AbCdEfGhIj',
    });
  });

  it.each([
    ['arn:aws-cn:bedrock-agentcore:cn-north-1:123456789012:runtime/a', { partition: 'aws-cn' }],
    ['arn:aws-us-gov:bedrock-agentcore:us-gov-west-1:123456789012:runtime/a', { region: 'us-gov-west-1' }],
    ['arn:aws-eusc:bedrock-agentcore:eusc-de-east-1:123456789012:runtime/a', { partition: 'aws-eusc' }],
    ['arn:aws-iso-b:bedrock-agentcore:us-isob-east-1:123456789012:runtime/a', { region: 'us-isob-east-1' }],
    ['arn:aws:bedrock-agentcore:ap-southeast-2:123456789012:harness/h-1', { kind: 'harness', id: 'h-1' }],
  ])(verifies('aws.arn', '%s is one'), (text, fields) => {
    expect(parseRuntimeArn(text)).toMatchObject(fields);
  });

  it.each([
    '',
    'my_agent-AbCdEfGhIj',
    `${arn}/runtime-endpoint/DEFAULT`,
    `${arn}\n`,
    ` ${arn}`,
    arn.replace('arn:aws:', 'arn:aws-moon:'),
    arn.replace('arn:aws:', 'arn:constructor:'),
    arn.replace('bedrock-agentcore', 'lambda'),
    arn.replace('123456789012', '12345'),
    arn.replace('us-east-1', ''),
    arn.replace('runtime/', 'memory/'),
    arn.replace('my_agent', '../my_agent'),
  ])(verifies('aws.arn', 'anything else is refused in one line that shows the form: %j'), (text) => {
    const error = refusal(text);
    expect(error.code).toBe('usage');
    expect(error.message).not.toContain('\n');
    expect(error.remedy).toContain('arn:aws:bedrock-agentcore:us-east-1:123456789012:runtime/');
  });

  it('is shown printable and short if it is malformed', () => {
    const { message } = refusal(`\u001b[2J${'x'.repeat(10_000)}`);
    expect(message).toContain(String.raw`\x1b[2J`);
    expect(message.length).toBeLessThan(300);
  });
});
