import type { Introduction } from '../client/introduction.ts';
import { errorResponse, resultResponse, rpcCodes } from '../message/json-rpc-errors.ts';
import { memberOf, stringAt } from '../message/json-scanner.ts';
import { textAt } from '../message/json-text.ts';
import type { Request } from '../message/message.ts';
import { isReopening, type SessionSetup } from '../thread/state/session-setup.ts';

/** A session that the client was given before its thread is known. The first prompt names the thread. */
export interface UnboundSession {
  readonly clientId: string;
  readonly setup: SessionSetup;
  /** Requests with which the client changed settings of the session, in order. The agent gets them once it is known. */
  settings: readonly { readonly line: Uint8Array; readonly message: Request }[];
}

/** The sessions that had no prompt yet, of a client whose prompts name their threads. */
export class UnboundSessions {
  readonly #introduction: Introduction;
  readonly #sessions = new Map<string, UnboundSession>();

  constructor(introduction: Introduction) {
    this.#introduction = introduction;
  }

  add(clientId: string, setup: SessionSetup): void {
    this.#sessions.set(clientId, { clientId, setup, settings: [] });
  }

  has(clientId: string): boolean {
    return this.#sessions.has(clientId);
  }

  /** Takes a session out, once its thread is known. */
  take(clientId: string): UnboundSession | undefined {
    const session = this.#sessions.get(clientId);
    this.#sessions.delete(clientId);
    return session;
  }

  /** Answers a request about a session that has no agent yet. */
  answer(clientId: string, line: Uint8Array, message: Request): Uint8Array {
    const session = this.#sessions.get(clientId);
    const id = textAt(line, message.id);
    const { method } = message;
    if (method === 'session/close' || method === 'session/delete') {
      this.#sessions.delete(clientId);
      return resultResponse(id, {});
    }
    if (isReopening(message)) {
      return resultResponse(id, this.#introduction.lastOpened);
    }
    if (session !== undefined && method.startsWith('session/set_')) {
      session.settings = [...session.settings, { line, message }];
      const isOption = method === 'session/set_config_option';
      return resultResponse(id, isOption ? { configOptions: this.#optionsOf(session) } : {});
    }
    return errorResponse(id, notBegun);
  }

  /** The config options that such agents have, as far as is known, with the values that the client has set. */
  #optionsOf({ settings }: UnboundSession): unknown[] {
    const options = this.#introduction.lastOpened['configOptions'];
    return (Array.isArray(options) ? (options as Readonly<Record<string, unknown>>[]) : []).map((option) => {
      const setting = settings.findLast(
        ({ line, message }) => stringAt(line, memberOf(line, message.params, 'configId')) === option['id'],
      );
      const value = setting && memberOf(setting.line, setting.message.params, 'value');
      if (setting === undefined || value === undefined) return option;
      const currentValue: unknown = JSON.parse(textAt(setting.line, value));
      return Object.assign({}, option, { currentValue });
    });
  }
}

const notBegun = {
  code: rpcCodes.internalError,
  message:
    'The session has no agent yet: it gets one with its first prompt, which tells the thread that it belongs to.',
} as const;
