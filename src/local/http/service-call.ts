import { randomUUID } from 'node:crypto';
import { authenticate } from './authenticate.ts';
import { ServiceError } from '../behaviour/service-error.ts';
import { checkLoopback } from './loopback.ts';
import type { LocalCredentials } from './sigv4-verify.ts';
import { decodePercent, headerOrQuery, queryValue } from './request.ts';
import type { WireRequest } from './request.ts';
import { regionOfArn } from './runtime-arn.ts';

/** An operation that the caller may perform, its input checked. */
export type ServiceCall =
  | {
      readonly operation: 'InvokeAgentRuntimeCommandShell';
      readonly runtimeArn: string;
      readonly sessionId: string;
      readonly shellId: string;
      /** The WebSocket subprotocol that the answer must choose. */
      readonly subprotocol: string | undefined;
    }
  | { readonly operation: 'StopRuntimeSession'; readonly runtimeArn: string; readonly sessionId: string };

export interface ServiceRules {
  readonly credentials: readonly LocalCredentials[];
  readonly bearerTokens: readonly string[];
  readonly runtimes: readonly string[] | undefined;
  readonly deniedActions: readonly string[];
}

/** Header and query parameter that carry the session id. */
export const sessionIdHeader = 'X-Amzn-Bedrock-AgentCore-Runtime-Session-Id';

/**
 * Reads a request in the order in which a service refuses: operation, identity, permission, input, resource. Throws a
 * {@link ServiceError}.
 *
 * @param now milliseconds since the epoch
 */
export function readServiceCall(request: WireRequest, rules: ServiceRules, now: number): ServiceCall {
  checkLoopback(request);
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
  if (sessionId !== undefined && !sessionIdShape.test(sessionId)) {
    throw new ServiceError(400, `Invalid runtimeSessionId: it must match ${sessionIdShape.source}`);
  }
  if (rules.runtimes !== undefined && !rules.runtimes.includes(runtimeArn)) {
    const qualifier = queryValue(request, 'qualifier') ?? 'DEFAULT';
    throw new ServiceError(
      404,
      `No endpoint or agent found with qualifier '${qualifier}' for agent '${runtimeArn}'`,
    );
  }
  if (operation === 'StopRuntimeSession') {
    if (sessionId === undefined) throw new ServiceError(400, `Missing header ${sessionIdHeader}`);
    return { operation, runtimeArn, sessionId };
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

/** 33 to 256 characters; the alphabet is that of the responses' model. */
const sessionIdShape = /^[a-zA-Z0-9][a-zA-Z0-9_-]{32,255}$/;
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
