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

describe('the thread key of a prompt', () => {
  const discord = context({ channel: 'discord', channel_id: '123', thread_id: '456' });

  test(
    verifies(
      'acp.sender-context',
      'comes from the sender’s context, in a block of its own or at the head of one',
    ),
    () => {
      expect(keyOf({ prompt: [text(discord), text('hello')] })).toBe('discord:123:456');
      expect(keyOf({ prompt: [text(`${discord}\n\nhello`)] })).toBe('discord:123:456');
      expect(keyOf({ prompt: [text(`\n ${discord}`)] })).toBe('discord:123:456');
    },
  );

  test.each([undefined, null, '', 7])('is the channel if there is no thread: %s', (thread_id) => {
    expect(keyOf({ prompt: [text(context({ channel: 'slack', channel_id: 'C1', thread_id }))] })).toBe(
      'slack:C1',
    );
  });

  test(
    verifies(
      'acp.sender-context',
      'has the channel’s id and, for Slack, thread_ts, which is unique within a channel only',
    ),
    () => {
      const slack = (members: object): string | undefined =>
        keyOf({ prompt: [text(context({ channel: 'slack', ...members }))] });
      expect(slack({ channel_id: 'C1', thread_ts: '17.5' })).toBe('slack:C1:17.5');
      expect(slack({ channel_id: 'C2', thread_id: '17.5' })).toBe('slack:C2:17.5');
      expect(slack({ thread_id: '17.5' })).toBe('slack:17.5');
    },
  );

  test(
    verifies(
      'acp.sender-context',
      'is the same for the message that begins a Slack thread and for later ones',
    ),
    () => {
      const first = { channel: 'slack', channel_id: 'C1', message_id: '17.5' };
      const later = { channel: 'slack', channel_id: 'C1', message_id: '18.5', thread_ts: '17.5' };
      expect(keyOf({ prompt: [text(context(first))] })).toBe('slack:C1:17.5');
      expect(keyOf({ prompt: [text(context(later))] })).toBe('slack:C1:17.5');
      // Elsewhere a message may have no thread.
      const discord = { channel: 'discord', channel_id: '123', message_id: '7' };
      expect(keyOf({ prompt: [text(context(discord))] })).toBe('discord:123');
    },
  );

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
