import type { ErrorCode } from '../base/errors.ts';

/** Exit codes of the process; the README has the same table. */
export const exitCodes = {
  /** The input ended, or SIGTERM came. */
  ended: 0,
  /** A defect of the bridge itself. */
  defect: 1,
  usage: 2,
  /** Credentials or permissions are missing, or there is no such runtime. */
  refused: 3,
  unreachable: 4,
  /** Another bridge serves this thread now. */
  replaced: 5,
  /** The agent, or its host in the microVM, can't be started. */
  agentCannotStart: 6,
} as const;

export function exitCodeOf(code: ErrorCode): number {
  return codes[code];
}

const codes: Record<ErrorCode, number> = {
  usage: exitCodes.usage,
  credentials: exitCodes.refused,
  refused: exitCodes.refused,
  'not-found': exitCodes.refused,
  busy: exitCodes.unreachable,
  unreachable: exitCodes.unreachable,
  replaced: exitCodes.replaced,
  'shell-silent': exitCodes.unreachable,
  'host-failed': exitCodes.agentCannotStart,
  'agent-start-failed': exitCodes.agentCannotStart,
  'agent-exited': exitCodes.agentCannotStart,
  'agent-lost': exitCodes.unreachable,
  'input-damaged': exitCodes.unreachable,
  closing: exitCodes.ended,
};
