import { ServiceError } from '../behaviour/service-error.ts';
import { headerValues } from './request.ts';
import type { WireRequest } from './request.ts';

/**
 * Refuses what a web page of elsewhere could send here: a name that was rebound to 127.0.0.1 (Host), or a
 * cross-origin request (Origin). A shell on this machine is behind it.
 *
 * @param hostNames other names that Host may have, in lower case
 */
export function checkLoopback(request: WireRequest, hostNames: readonly string[] = []): void {
  const hosts = headerValues(request, 'host').map((host) => nameIn(`http://${host}`));
  const origins = headerValues(request, 'origin').map(nameIn);
  if (hosts.some((name) => !isLoopback(name) && !hostNames.includes(name)) || !origins.every(isLoopback)) {
    throw new ServiceError(403, 'The local AgentCore answers only requests from and to this machine itself.');
  }
}

/** In lower case; empty for what is no URL. */
function nameIn(url: string): string {
  return URL.canParse(url) ? new URL(url).hostname : '';
}

function isLoopback(name: string): boolean {
  return name === 'localhost' || name === '[::1]' || /^127(\.\d+){3}$/.test(name);
}
