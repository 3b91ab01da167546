import { ServiceError } from '../behaviour/service-error.ts';
import { headerValues } from './request.ts';
import type { WireRequest } from './request.ts';

/**
 * Refuses requests that a web page from elsewhere could send: with a name that was rebound to 127.0.0.1 (Host), or from
 * another origin (Origin). Otherwise such a page could use a shell on this machine.
 *
 * @param hostNames other allowed names in Host, in lower case
 */
export function checkLoopback(request: WireRequest, hostNames: readonly string[] = []): void {
  const hosts = headerValues(request, 'host').map((host) => nameIn(`http://${host}`));
  const origins = headerValues(request, 'origin').map(nameIn);
  if (hosts.some((name) => !isLoopback(name) && !hostNames.includes(name)) || !origins.every(isLoopback)) {
    throw new ServiceError(403, 'The local AgentCore answers only requests from and to this machine itself.');
  }
}

/** In lower case; empty for text that is no URL. */
function nameIn(url: string): string {
  return URL.canParse(url) ? new URL(url).hostname : '';
}

function isLoopback(name: string): boolean {
  return name === 'localhost' || name === '[::1]' || /^127(\.\d+){3}$/.test(name);
}
