import { textOf, type ModelApi, type ServerEvent } from './api.ts';
import { wholeText, type ToolSchema, type Turn } from './conversation.ts';

interface Body {
  readonly messages?: readonly { readonly role: string; readonly content: unknown }[];
  readonly tools?: readonly { readonly name: string; readonly input_schema?: ToolSchema }[];
}

/** Anthropic's messages. */
export const anthropic: ModelApi = {
  path: /\/v1\/messages$/,

  read: (body) => {
    const { messages = [], tools = [] } = body as Body;
    return {
      turns: messages.flatMap(({ role, content }) => turnsOf(role, content)),
      tools: tools.map(({ name, input_schema: schema = {} }) => ({ name, schema })),
    };
  },

  async *stream(reply) {
    yield event('message_start', { message: { ...message(), content: [], stop_reason: null } });
    if (reply.kind === 'text') {
      yield event('content_block_start', { index: 0, content_block: { type: 'text', text: '' } });
      for await (const text of reply.pieces) {
        yield event('content_block_delta', { index: 0, delta: { type: 'text_delta', text } });
      }
    } else {
      const call = { type: 'tool_use', id: toolUseId(), name: reply.tool, input: {} };
      yield event('content_block_start', { index: 0, content_block: call });
      const json = JSON.stringify(reply.input);
      yield event('content_block_delta', {
        index: 0,
        delta: { type: 'input_json_delta', partial_json: json },
      });
    }
    yield event('content_block_stop', { index: 0 });
    const stopReason = reply.kind === 'text' ? 'end_turn' : 'tool_use';
    yield event('message_delta', { delta: { stop_reason: stopReason, stop_sequence: null }, usage });
    yield event('message_stop', {});
  },

  whole: async (reply) => ({
    ...message(),
    content: [{ type: 'text', text: await wholeText(reply) }],
    stop_reason: 'end_turn',
  }),
};

const usage = { input_tokens: 10, output_tokens: 10 };

const message = () => ({
  id: `msg_${crypto.randomUUID()}`,
  type: 'message',
  role: 'assistant',
  model: 'claude-fake',
  stop_sequence: null,
  usage,
});

const toolUseId = (): string => `toolu_${crypto.randomUUID().replaceAll('-', '')}`;

function event(type: string, data: object): ServerEvent {
  return { event: type, data: { type, ...data } };
}

/** Of a message: what tools answered stands in the user's. */
function turnsOf(role: string, content: unknown): Turn[] {
  if (role !== 'user') return [{ from: 'model', text: textOf(content) }];
  const blocks = Array.isArray(content) ? (content as unknown[]) : [content];
  return blocks.map((block) => ({
    from: (block as { type?: string }).type === 'tool_result' ? 'tool' : 'user',
    text: textOf(block),
  }));
}
