/** A refusal in the form in which AWS sends it. */
export class ServiceError extends Error {
  override readonly name = 'ServiceError';
  readonly status: number;
  /** Value of the header `x-amzn-ErrorType`. */
  readonly errorType: string;

  constructor(status: number, message: string, errorType: string = errorTypeOf(status)) {
    super(message);
    this.status = status;
    this.errorType = errorType;
  }

  /**
   * JSON. AWS: the cause of a 424 is in `error`, all others are in `message`; a ValidationException has a `reason` as
   * well.
   */
  get body(): string {
    if (this.status === 424) return JSON.stringify({ error: this.message });
    const reason = this.errorType === 'ValidationException' ? { reason: 'FieldValidationFailed' } : {};
    return JSON.stringify({ message: this.message, ...reason });
  }
}

/** The name that the service model gives an HTTP status. */
export function errorTypeOf(status: number): string {
  return errorTypes[status] ?? 'InternalServerException';
}

/**
 * From the model in `@aws-sdk/client-bedrock-agentcore`; if two names share a status, the one that the shells API
 * documents.
 */
const errorTypes: Readonly<Record<number, string>> = {
  400: 'ValidationException',
  401: 'UnauthorizedException',
  402: 'ServiceQuotaExceededException',
  403: 'AccessDeniedException',
  404: 'ResourceNotFoundException',
  409: 'ConflictException',
  424: 'RuntimeClientError',
  429: 'ThrottlingException',
  500: 'InternalServerException',
};
