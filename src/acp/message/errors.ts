import type { AgentExit } from '../../agent/agent-link.ts';
import { BridgeError } from '../../base/errors.ts';
import { printable } from '../../base/log.ts';
import { rpcCodes, rpcError, type RpcError } from './json-rpc-errors.ts';

/** The agent ended before it wrote a message. */
export function agentCannotStart({ code }: AgentExit): BridgeError {
  const why =
    code === 127 ? ': no such command in the microVM' : code === 126 ? ': it is not executable' : '';
  return new BridgeError('agent-start-failed', `the agent could not be started (exit code ${code}${why})`, {
    remedy:
      'Check --command, and that the image of the runtime has the agent on its PATH. Where its environment can not be read, /etc/agentcore-bridge/environ says the PATH.',
  });
}

/** The agent ended with requests open. */
export function agentExited({ code }: Pick<AgentExit, 'code'>): BridgeError {
  return new BridgeError('agent-exited', `the agent ended unexpectedly (exit code ${code})`, {
    remedy: 'The next message starts it anew.',
    retryable: true,
  });
}

/** The agent did not end a turn that was cancelled. */
export function slowToCancel(graceMs: number): BridgeError {
  return new BridgeError(
    'agent-exited',
    `the agent was ended, since it had not ended a cancelled turn within ${graceMs / 1000} s`,
    { remedy: 'The next message starts it anew.', retryable: true },
  );
}

/** The bridge leaves with requests open. */
export function leaving(): BridgeError {
  return new BridgeError('closing', 'the bridge was told to leave before the agent answered', {
    remedy: 'The agent goes on: a bridge with the same --thread finds it.',
    retryable: true,
  });
}

/**
 * The error for requests that were open when the agent ended, with the last lines of its stderr, which usually give the
 * reason.
 */
export function exitAnswer(error: BridgeError, { code, stderr }: AgentExit): RpcError {
  const said = stderr.trimEnd().split('\n').map(printable);
  const answer = rpcError(error, { exitCode: code, ...(stderr === '' ? {} : { stderr: said.join('\n') }) });
  const last = said.at(-1) ?? '';
  return last === ''
    ? answer
    : { ...answer, message: `${answer.message} Its last words: ${last.slice(0, 300)}` };
}

/** @param sessionId as the client wrote it */
export function noSuchSession(sessionId: string): RpcError {
  return {
    code: rpcCodes.notFound,
    message: `There is no session ${printable(sessionId.slice(0, 100))}. Open a new one with session/new.`,
  };
}

export const neverSent: RpcError = {
  code: rpcCodes.requestCancelled,
  message: 'Cancelled before it was sent to the agent.',
};

export const parseError: RpcError = { code: rpcCodes.parseError, message: 'The line is not JSON.' };

export const invalidRequest: RpcError = {
  code: rpcCodes.invalidRequest,
  message: 'The line is JSON, but neither a request, a notification nor a response of JSON-RPC 2.0.',
};

export const unreadableAnswer: RpcError = {
  code: rpcCodes.internalError,
  message: 'The answer is not a valid message.',
};

export const oversizedAnswer: RpcError = {
  code: rpcCodes.internalError,
  message: 'The answer is longer than the bridge takes.',
};
