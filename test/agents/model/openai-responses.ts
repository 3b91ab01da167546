import { textOf, type ModelApi, type ServerEvent } from './api.ts';
import { wholeText, type ToolSchema, type Turn } from './conversation.ts';

interface Item {
  readonly type?: string;
  readonly role?: string;
  readonly content?: unknown;
  readonly output?: unknown;
}

interface Body {
  readonly input?: string | readonly Item[];
  readonly tools?: readonly { readonly name?: string; readonly parameters?: ToolSchema }[];
}

/** OpenAI's responses. */
export const openAiResponses: ModelApi = {
  path: /\/responses$/,

  read: (body) => {
    const { input = [], tools = [] } = body as Body;
    const items = typeof input === 'string' ? [{ role: 'user', content: input }] : input;
    return {
      turns: items.flatMap((item) => turnsOf(item)),
      tools: tools.flatMap(({ name, parameters = {} }) =>
        name === undefined ? [] : [{ name, schema: parameters }],
      ),
    };
  },

  async *stream(reply) {
    const response = {
      id: `resp_${crypto.randomUUID()}`,
      object: 'response',
      model: 'fake-model',
      output: [],
    };
    yield event('response.created', { response: { ...response, status: 'in_progress' } });
    const id = `item_${crypto.randomUUID()}`;
    const place = { output_index: 0, item_id: id };
    let item: object;
    if (reply.kind === 'text') {
      const message = { id, type: 'message', role: 'assistant' };
      yield event('response.output_item.added', {
        output_index: 0,
        item: { ...message, status: 'in_progress', content: [] },
      });
      const part = { type: 'output_text', text: '', annotations: [] };
      yield event('response.content_part.added', { ...place, content_index: 0, part });
      let text = '';
      for await (const delta of reply.pieces) {
        text += delta;
        yield event('response.output_text.delta', { ...place, content_index: 0, delta });
      }
      yield event('response.output_text.done', { ...place, content_index: 0, text });
      yield event('response.content_part.done', { ...place, content_index: 0, part: { ...part, text } });
      item = { ...message, status: 'completed', content: [{ ...part, text }] };
    } else {
      const call = { id, type: 'function_call', call_id: `call_${crypto.randomUUID()}`, name: reply.tool };
      const given = JSON.stringify(reply.input);
      yield event('response.output_item.added', { output_index: 0, item: { ...call, arguments: '' } });
      yield event('response.function_call_arguments.delta', { ...place, delta: given });
      yield event('response.function_call_arguments.done', { ...place, arguments: given });
      item = { ...call, status: 'completed', arguments: given };
    }
    yield event('response.output_item.done', { output_index: 0, item });
    yield event('response.completed', {
      response: { ...response, status: 'completed', output: [item], usage },
    });
  },

  whole: async (reply) => ({
    id: `resp_${crypto.randomUUID()}`,
    object: 'response',
    status: 'completed',
    model: 'fake-model',
    output: [
      {
        id: `item_${crypto.randomUUID()}`,
        type: 'message',
        role: 'assistant',
        status: 'completed',
        content: [{ type: 'output_text', text: await wholeText(reply), annotations: [] }],
      },
    ],
    usage,
  }),
};

function turnsOf({ type = 'message', role, content, output }: Item): Turn[] {
  if (type.endsWith('_call_output')) return [{ from: 'tool', text: textOf(output) }];
  if (type !== 'message' || role === 'system' || role === 'developer') return [];
  return [{ from: role === 'user' ? 'user' : 'model', text: textOf(content) }];
}

let sequence = 0;

function event(type: string, data: object): ServerEvent {
  sequence += 1;
  return { event: type, data: { type, sequence_number: sequence, ...data } };
}

const usage = {
  input_tokens: 10,
  input_tokens_details: { cached_tokens: 0 },
  output_tokens: 10,
  output_tokens_details: { reasoning_tokens: 0 },
  total_tokens: 20,
};
