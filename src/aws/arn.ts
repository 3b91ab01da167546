import { BridgeError } from '../base/errors.ts';
import { printable } from '../base/log.ts';
import { type PartitionId, partitions } from './partitions.ts';

/** The fields of an ARN of an AgentCore runtime or harness. */
export interface RuntimeArn {
  /** The ARN as it was given. */
  readonly text: string;
  readonly partition: PartitionId;
  readonly region: string;
  /** Twelve digits. */
  readonly account: string;
  readonly kind: 'runtime' | 'harness';
  readonly id: string;
}

/**
 * Parses `arn:{partition}:bedrock-agentcore:{region}:{account}:{runtime|harness}/{id}`.
 *
 * @throws BridgeError `usage`, which states the expected form
 */
export function parseRuntimeArn(text: string): RuntimeArn {
  const fields = pattern.exec(text)?.groups;
  if (fields === undefined || !Object.hasOwn(partitions, fields['partition'] ?? '')) {
    throw new BridgeError(
      'usage',
      `"${printable(text.slice(0, 200))}" is not the ARN of an AgentCore runtime.`,
      {
        remedy:
          'It has the form arn:aws:bedrock-agentcore:us-east-1:123456789012:runtime/my_agent-AbCdEfGhIj.',
      },
    );
  }
  return { text, ...(fields as Omit<RuntimeArn, 'text'>) };
}

const pattern =
  /^arn:(?<partition>[a-z-]+):bedrock-agentcore:(?<region>[a-z]+(?:-[a-z]+)+-\d+):(?<account>\d{12}):(?<kind>runtime|harness)\/(?<id>[A-Za-z0-9_-]+)$/;
