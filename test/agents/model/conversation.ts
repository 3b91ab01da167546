import { setTimeout } from 'node:timers/promises';

/** What a model is asked, whichever API asks it. */
export interface ModelRequest {
  readonly turns: readonly Turn[];
  readonly tools: readonly Tool[];
}

export interface Turn {
  readonly from: 'user' | 'model' | 'tool';
  readonly text: string;
}

export interface Tool {
  readonly name: string;
  /** JSON schema of what it takes. */
  readonly schema: ToolSchema;
}

export interface ToolSchema {
  readonly properties?: Readonly<
    Record<string, { readonly type?: unknown; readonly enum?: readonly unknown[] }>
  >;
  readonly required?: readonly string[];
}

/** What a model says: text, as it comes to its mind, or the call of a tool. */
export type Reply =
  | { readonly kind: 'text'; readonly pieces: AsyncIterable<string> }
  | { readonly kind: 'call'; readonly tool: string; readonly input: Readonly<Record<string, unknown>> };

/**
 * What the model does is written in the prompt: `[[say WORDS]]`, `[[run COMMAND]]` in a shell, or `[[drip]]`, which goes on
 * for a minute. The last such order counts, and a tool that has answered it has fulfilled it. What is asked without tools is
 * not the conversation: agents have titles made and the like.
 */
export function replyTo({ turns, tools }: ModelRequest, signal: AbortSignal): Reply {
  const at = turns.findLastIndex(({ from, text }) => from === 'user' && order.test(text));
  if (at === -1 || tools.length === 0) return { kind: 'text', pieces: words('A title') };
  if (turns.slice(at + 1).some(({ from }) => from === 'tool')) {
    return { kind: 'text', pieces: words('The tool has answered.') };
  }
  const [, verb = '', what = ''] = (turns[at]?.text ?? '').match(order) ?? [];
  if (verb === 'drip') return { kind: 'text', pieces: drops(signal) };
  if (verb === 'run') return runInShell(what, tools);
  return { kind: 'text', pieces: words(what) };
}

/** The text of a reply as a whole. */
export async function wholeText(reply: Reply): Promise<string> {
  return reply.kind === 'text' ? textOfPieces(reply.pieces) : '';
}

async function textOfPieces(pieces: AsyncIterable<string>): Promise<string> {
  let text = '';
  for await (const piece of pieces) text += piece;
  return text;
}

/** The greedy head finds the last one. */
const order = /[^]*\[\[(say|run|drip) ?(.*?)\]\]/;

async function* words(text: string): AsyncGenerator<string> {
  yield* text.split(/(?<= )/);
}

async function* drops(signal: AbortSignal): AsyncGenerator<string> {
  for (let n = 1; n <= 300 && !signal.aborted; n += 1) {
    yield `drop ${n} `;
    await setTimeout(200, undefined, { signal }).catch(() => undefined);
  }
}

function runInShell(command: string, tools: readonly Tool[]): Reply {
  const tool = tools.find(({ name }) => shells.has(name.toLowerCase()));
  if (tool === undefined) {
    return { kind: 'text', pieces: words(`No shell among: ${tools.map(({ name }) => name).join(', ')}`) };
  }
  const { properties = {}, required = [] } = tool.schema;
  const input: Record<string, unknown> = {};
  for (const name of required) input[name] = filling(properties[name] ?? {});
  const commandName = 'cmd' in properties ? 'cmd' : 'command';
  // Codex works in a sandbox without asking, unless the model wants to leave it.
  if ('sandbox_permissions' in properties) {
    Object.assign(input, { sandbox_permissions: 'require_escalated', justification: 'May I?' });
  }
  input[commandName] = properties[commandName]?.type === 'array' ? ['bash', '-c', command] : command;
  return { kind: 'call', tool: tool.name, input };
}

const shells: ReadonlySet<string> = new Set([
  'bash',
  'run_shell_command',
  'shell',
  'shell_command',
  'exec_command',
]);

/** Something that the schema allows, for what a tool wants and the test has no opinion on. */
function filling({ type, enum: choices }: { type?: unknown; enum?: readonly unknown[] }): unknown {
  if (choices !== undefined) return choices[0];
  if (type === 'boolean') return false;
  if (type === 'number' || type === 'integer') return 10;
  return 'a step of the test';
}
