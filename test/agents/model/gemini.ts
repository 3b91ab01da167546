import type { ModelApi } from './api.ts';
import { wholeText, type Reply, type ToolSchema } from './conversation.ts';

interface Part {
  readonly text?: string;
  readonly functionResponse?: unknown;
}

interface Declaration {
  readonly name: string;
  readonly parameters?: ToolSchema;
  readonly parametersJsonSchema?: ToolSchema;
}

interface Body {
  readonly contents?: readonly { readonly role?: string; readonly parts?: readonly Part[] }[];
  readonly tools?: readonly { readonly functionDeclarations?: readonly Declaration[] }[];
}

/** Google's Gemini API. */
export const gemini: ModelApi = {
  path: /:(streamG|g)enerateContent$/,

  read: (body) => {
    const { contents = [], tools = [] } = body as Body;
    return {
      turns: contents.flatMap(({ role = 'user', parts = [] }) =>
        parts.map(({ text = '', functionResponse }) => ({
          from: functionResponse !== undefined ? 'tool' : role === 'user' ? 'user' : 'model',
          text: functionResponse === undefined ? text : JSON.stringify(functionResponse),
        })),
      ),
      tools: tools.flatMap(({ functionDeclarations = [] }) =>
        functionDeclarations.map(({ name, parameters, parametersJsonSchema }) => ({
          name,
          schema: parametersJsonSchema ?? parameters ?? {},
        })),
      ),
    };
  },

  async *stream(reply) {
    if (reply.kind === 'text') for await (const text of reply.pieces) yield { data: candidate([{ text }]) };
    yield { data: candidate(lastParts(reply), 'STOP') };
  },

  whole: async (reply) =>
    candidate(reply.kind === 'text' ? [{ text: await wholeText(reply) }] : lastParts(reply), 'STOP'),
};

function lastParts(reply: Reply): object[] {
  return reply.kind === 'text' ? [{ text: '' }] : [{ functionCall: { name: reply.tool, args: reply.input } }];
}

function candidate(parts: readonly object[], finishReason?: string) {
  return {
    candidates: [{ index: 0, content: { role: 'model', parts }, ...(finishReason && { finishReason }) }],
    usageMetadata: { promptTokenCount: 10, candidatesTokenCount: 10, totalTokenCount: 20 },
    modelVersion: 'gemini-fake',
  };
}
