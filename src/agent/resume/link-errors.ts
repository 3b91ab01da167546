import { BridgeError } from '../../base/errors.ts';

/** Another bridge attached to the thread after this one, and now this one attaches again. */
export function taken(): BridgeError {
  return new BridgeError('replaced', 'another bridge had this thread meanwhile', {
    remedy: 'Send the request again. Only one bridge at a time can serve a thread.',
    retryable: true,
  });
}

/** The agent of the last epoch is gone, and nobody ended it. */
export function lost(): BridgeError {
  return new BridgeError('agent-lost', 'the microVM was reclaimed, and the agent with it', {
    remedy: 'A new one was started: send the request again.',
    retryable: true,
  });
}

/** The agent's input in the microVM is not what was sent. */
export function damaged(): BridgeError {
  return new BridgeError('input-damaged', 'part of what was sent to the agent got lost on the way', {
    remedy: 'The agent was started anew: send the request again.',
    retryable: true,
  });
}

/** Connections open, but nothing answers on any of them. */
export function silent(): BridgeError {
  return new BridgeError('shell-silent', 'the shell in the microVM does not answer', {
    remedy: 'See that /bin/bash starts in the image without waiting for input.',
    retryable: true,
  });
}
