import { randomUUID } from 'node:crypto';
import * as z from 'zod/mini';
import { authenticate } from './authenticate.ts';
import { ServiceError } from '../behaviour/service-error.ts';
import { checkLoopback } from './loopback.ts';
import type { LocalCredentials } from './sigv4-verify.ts';
import { decodePercent, headerOrQuery, queryValue } from './request.ts';
import type { WireRequest } from './request.ts';
import { regionOfArn } from './runtime-arn.ts';

/** An operation that the caller may perform, with checked input. */
export type ServiceCall =
  | {
      readonly operation: 'InvokeAgentRuntimeCommandShell';
      readonly runtimeArn: string;
      readonly sessionId: string;
      readonly shellId: string;
      /** The WebSocket subprotocol that the answer must choose. */
      readonly subprotocol: string | undefined;
    }
  | {
      readonly operation: 'StopRuntimeSession';
      readonly runtimeArn: string;
      readonly sessionId: string;
      /** Makes the request idempotent. */
      readonly clientToken: string | undefined;
    };

export interface ServiceRules {
  readonly credentials: readonly LocalCredentials[];
  readonly bearerTokens: readonly string[];
  readonly runtimes: readonly string[] | undefined;
  readonly deniedActions: readonly string[];
  /** Allowed names in Host besides those of the loopback interface, in lower case. */
  readonly hostNames: readonly string[];
}

/** Name of the header and of the query parameter that hold the session id. */
export const sessionIdHeader = 'X-Amzn-Bedrock-AgentCore-Runtime-Session-Id';

/**
 * Reads a request, and checks it in the order in which a service refuses: operation, identity, permission, input,
 * resource. Throws a {@link ServiceError}.
 *
 * @param now milliseconds since the epoch
 */
export function readServiceCall(request: WireRequest, rules: ServiceRules, now: number): ServiceCall {
  checkLoopback(request, rules.hostNames);
  const { operation, runtimeArn } = route(request);
  const caller = authenticate(request, rules, now);
  if (rules.deniedActions.includes(`bedrock-agentcore:${operation}`)) {
    throw new ServiceError(
      403,
      `User: ${caller.principal} is not authorized to perform: bedrock-agentcore:${operation} on resource: ${runtimeArn}`,
    );
  }
  const region = regionOfArn(runtimeArn);
  if (caller.region !== undefined && caller.region !== region) {
    throw new ServiceError(
      403,
      `Credential should be scoped to a valid region, not '${caller.region}'.`,
      'InvalidSignatureException',
    );
  }
  const sessionId = headerOrQuery(request, sessionIdHeader);
  if (sessionId !== undefined) checkSessionId(sessionId);
  if (rules.runtimes !== undefined && !rules.runtimes.includes(runtimeArn)) {
    const qualifier = queryValue(request, 'qualifier') ?? 'DEFAULT';
    throw new ServiceError(
      404,
      `No endpoint or agent found with qualifier '${qualifier}' for agent '${runtimeArn}'`,
    );
  }
  if (operation === 'StopRuntimeSession') {
    if (sessionId === undefined) throw new ServiceError(400, `Missing header ${sessionIdHeader}`);
    return { operation, runtimeArn, sessionId, clientToken: clientTokenOf(request.body) };
  }
  const shellId = queryValue(request, 'shellId') ?? randomUUID();
  if (!shellIdShape.test(shellId)) {
    throw new ServiceError(424, `Invalid shellId: it must match ${shellIdShape.source}`);
  }
  return {
    operation,
    runtimeArn,
    sessionId: sessionId ?? randomUUID(),
    shellId,
    subprotocol: caller.subprotocol,
  };
}

/** 33 to 256 characters, of the set that the model of the responses has. */
function checkSessionId(sessionId: string): void {
  const fault =
    sessionId.length < 33
      ? 'Member must have length greater than or equal to 33'
      : sessionId.length > 256
        ? 'Member must have length less than or equal to 256'
        : /^[a-zA-Z0-9][a-zA-Z0-9_-]*$/.test(sessionId)
          ? undefined
          : 'Member must satisfy regular expression pattern: [a-zA-Z0-9][a-zA-Z0-9-_]*';
  if (fault !== undefined) throw invalid('runtimeSessionId', sessionId, fault);
}

/** A ValidationException with AWS's text. */
function invalid(member: string, value: string, fault: string): ServiceError {
  return new ServiceError(
    400,
    `1 validation error detected: Value '${value}' at '${member}' failed to satisfy constraint: ${fault}`,
  );
}

/** botocore: 33 to 256 characters. */
const clientTokenShape = /^(?=.{33,256}$)[a-zA-Z0-9](-*[a-zA-Z0-9]){0,256}$/;

function clientTokenOf(body: Uint8Array): string | undefined {
  if (body.length === 0) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder().decode(body));
  } catch {
    throw new ServiceError(400, 'The request body is no JSON.', 'SerializationException');
  }
  const token = stopBody.safeParse(value);
  if (token.success) return token.data.clientToken;
  throw invalid(
    'clientToken',
    JSON.stringify(value),
    `Member must satisfy regular expression pattern: ${clientTokenShape.source}`,
  );
}

const stopBody = z.object({ clientToken: z.optional(z.string().check(z.regex(clientTokenShape))) });

const shellIdShape = /^[a-zA-Z0-9][a-zA-Z0-9_-]{0,127}$/;

const routes = [
  { method: 'GET', path: /^\/runtimes\/([^/]+)\/ws\/shells$/, operation: 'InvokeAgentRuntimeCommandShell' },
  { method: 'POST', path: /^\/runtimes\/([^/]+)\/stopruntimesession$/, operation: 'StopRuntimeSession' },
] as const;

function route(request: WireRequest): { operation: ServiceCall['operation']; runtimeArn: string } {
  for (const { method, path, operation } of routes) {
    const arn = request.method === method ? path.exec(request.path)?.[1] : undefined;
    if (arn !== undefined) return { operation, runtimeArn: decodePercent(arn) };
  }
  throw new ServiceError(404, 'The local AgentCore has no such operation.', 'UnknownOperationException');
}
