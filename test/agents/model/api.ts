import type { ModelRequest, Reply } from './conversation.ts';

/** How one vendor's API asks a model, and how it streams what the model says. */
export interface ModelApi {
  /** Of the paths that it answers, without the query. */
  readonly path: RegExp;
  read(body: unknown): ModelRequest;
  /** Server-sent events. */
  stream(reply: Reply): AsyncGenerator<ServerEvent>;
  /** The answer to a request that wants no stream. */
  whole(reply: Reply): Promise<unknown>;
}

export interface ServerEvent {
  readonly event?: string;
  readonly data: unknown;
}

/** The text in a message's content: a string, or a list of parts that may hold some. */
export function textOf(content: unknown): string {
  if (typeof content === 'string') return content;
  if (Array.isArray(content)) return content.map((part) => textOf(part)).join('\n');
  if (typeof content !== 'object' || content === null) return '';
  const { text, content: inner, output } = content as Record<string, unknown>;
  return textOf(text ?? inner ?? output);
}
