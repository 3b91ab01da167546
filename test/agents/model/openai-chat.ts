import { textOf, type ModelApi } from './api.ts';
import { wholeText, type ToolSchema, type Turn } from './conversation.ts';

interface Body {
  readonly messages?: readonly { readonly role: string; readonly content?: unknown }[];
  readonly tools?: readonly {
    readonly function?: { readonly name: string; readonly parameters?: ToolSchema };
  }[];
}

/** OpenAI's chat completions. */
export const openAiChat: ModelApi = {
  path: /\/chat\/completions$/,

  read: (body) => {
    const { messages = [], tools = [] } = body as Body;
    return {
      turns: messages
        .filter(({ role }) => role !== 'system' && role !== 'developer')
        .map(({ role, content }) => ({ from: speakers[role] ?? 'model', text: textOf(content) })),
      tools: tools.flatMap((tool) =>
        tool.function ? [{ name: tool.function.name, schema: tool.function.parameters ?? {} }] : [],
      ),
    };
  },

  async *stream(reply) {
    yield chunk({ role: 'assistant', content: '' });
    if (reply.kind === 'text') {
      for await (const content of reply.pieces) yield chunk({ content });
    } else {
      const call = { name: reply.tool, arguments: JSON.stringify(reply.input) };
      yield chunk({ tool_calls: [{ index: 0, id: callId(), type: 'function', function: call }] });
    }
    yield chunk({}, reply.kind === 'text' ? 'stop' : 'tool_calls');
    yield { data: { ...head('chat.completion.chunk'), choices: [], usage } };
    yield { data: '[DONE]' };
  },

  whole: async (reply) => ({
    ...head('chat.completion'),
    choices: [
      { index: 0, message: { role: 'assistant', content: await wholeText(reply) }, finish_reason: 'stop' },
    ],
    usage,
  }),
};

const speakers: Readonly<Record<string, Turn['from']>> = { user: 'user', tool: 'tool' };

const usage = { prompt_tokens: 10, completion_tokens: 10, total_tokens: 20 };

const head = (object: string) => ({ id: 'chatcmpl-1', object, created: 1_700_000_000, model: 'fake-model' });

const callId = (): string => `call_${crypto.randomUUID().replaceAll('-', '')}`;

function chunk(delta: object, finishReason: string | null = null) {
  return {
    data: {
      ...head('chat.completion.chunk'),
      choices: [{ index: 0, delta, finish_reason: finishReason }],
    },
  };
}
