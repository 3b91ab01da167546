import { ServiceError } from '../behaviour/service-error.ts';

/** The Region of a runtime's or a harness's ARN. Throws a {@link ServiceError} if it is malformed. */
export function regionOfArn(arn: string): string {
  const region = arnShape.exec(arn)?.[1];
  if (region === undefined) {
    throw new ServiceError(
      400,
      `1 validation error detected: Value '${arn}' at 'agentRuntimeArn' failed to satisfy constraint: Member must satisfy ` +
        `regular expression pattern: ${arnShape.source}`,
    );
  }
  return region;
}

const arnShape =
  /^arn:aws(?:-[a-z]+){0,2}:bedrock-agentcore:([a-z]{2,}(?:-[a-z]+)+-\d):\d{12}:(?:runtime|harness)\/[a-zA-Z][a-zA-Z0-9_-]{0,99}$/;
