import { describe, expect, test } from 'vitest';
import { threadKeyOf } from '../../../src/acp/message/sender-context.ts';
import { verifies } from '../../requirements.ts';
import { bytesOf } from './json-texts.ts';

function keyOf(params: unknown): string | undefined {
  const line = bytesOf(JSON.stringify(params));
  return threadKeyOf(line, { start: 0, end: line.length });
}
const text = (text: string): object => ({ type: 'text', text });
const context = (members: object): string =>
  `<sender_context>\n${JSON.stringify({ schema: 'openab.sender.v1', ...members })}\n</sender_context>`;

describe('the thread of a prompt', () => {
  const discord = context({ channel: 'discord', channel_id: '123', thread_id: '456' });

  test(
    verifies(
      'acp.sender-context',
      'is told by the sender’s context, in a block of its own or at the head of one',
    ),
    () => {
      expect(keyOf({ prompt: [text(discord), text('hello')] })).toBe('discord:456');
      expect(keyOf({ prompt: [text(`${discord}\n\nhello`)] })).toBe('discord:456');
      expect(keyOf({ prompt: [text(`\n ${discord}`)] })).toBe('discord:456');
    },
  );

  test.each([undefined, null, '', 7])('is the channel where there is no thread: %s', (thread_id) => {
    expect(keyOf({ prompt: [text(context({ channel: 'slack', channel_id: 'C1', thread_id }))] })).toBe(
      'slack:C1',
    );
  });

  test.each([
    [{}],
    [{ prompt: 'x' }],
    [{ prompt: [] }],
    [{ prompt: [text('hello')] }],
    [{ prompt: [text('hello'), text(discord)] }],
    [{ prompt: [text(`see ${discord}`)] }],
    [{ prompt: [text('<sender_context>\n{"channel":\n</sender_context>')] }],
    [{ prompt: [text('<sender_context>null</sender_context>')] }],
    [{ prompt: [text(context({ channel: 'discord' }))] }],
    [{ prompt: [text(context({ channel_id: '1' }))] }],
    [{ prompt: [{ type: 'image', data: '' }] }],
  ])('is not told by anything else: %j', (params) => {
    expect(keyOf(params)).toBeUndefined();
  });
});
