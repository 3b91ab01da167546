import { ServiceError } from '../behaviour/service-error.ts';
import { headerValues } from './request.ts';
import type { WireRequest } from './request.ts';

/**
 * Refuses what a web page of elsewhere could send here: a name that was rebound to 127.0.0.1 (Host), or a
 * cross-origin request (Origin). A shell on this machine is behind it.
 */
export function checkLoopback(request: WireRequest): void {
  const hosts = headerValues(request, 'host').map((host) => `http://${host}`);
  for (const url of [...hosts, ...headerValues(request, 'origin')]) {
    if (!isLoopback(url)) {
      throw new ServiceError(
        403,
        'The local AgentCore answers only requests from and to this machine itself.',
      );
    }
  }
}

function isLoopback(url: string): boolean {
  const name = URL.canParse(url) ? new URL(url).hostname : '';
  return name === 'localhost' || name === '[::1]' || /^127(\.\d+){3}$/.test(name);
}
