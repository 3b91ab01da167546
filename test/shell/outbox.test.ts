import { describe, expect, it } from 'vitest';
import { Outbox } from '../../src/shell/outbox.ts';
import { ManualClock } from './manual-clock.ts';

function setUp(pace = { frameBytes: 11, framesPerSecond: 200 }) {
  const clock = new ManualClock();
  const sent: { text: string; flushed: () => void }[] = [];
  const outbox = new Outbox({
    pace,
    bufferedBytes: 20,
    clock,
    send: (frame, flushed) => sent.push({ text: Buffer.from(frame.subarray(1)).toString(), flushed }),
  });
  const texts = (): string[] => sent.map(({ text }) => text);
  return { clock, sent, texts, outbox };
}

describe('the outbox', () => {
  it('writes of one tick share a frame', async () => {
    const { outbox, texts } = setUp();
    outbox.write(Buffer.from('one '));
    outbox.write(Buffer.from('two'));
    expect(texts()).toEqual([]);
    await Promise.resolve();
    expect(texts()).toEqual(['one two']);
  });

  it('no frame is made while the socket holds enough', async () => {
    const { outbox, sent, texts } = setUp();
    outbox.write(Buffer.from('0123456789'.repeat(4)));
    await Promise.resolve();
    expect(texts()).toHaveLength(2);
    sent[0]?.flushed();
    expect(texts()).toHaveLength(3);
  });

  it('bytes that wait for the rate leave when their time has come', async () => {
    const { outbox, clock, sent, texts } = setUp({ frameBytes: 2, framesPerSecond: 50 });
    outbox.write(Buffer.from('abc'));
    await Promise.resolve();
    sent[0]?.flushed();
    sent[1]?.flushed();
    expect(texts()).toEqual(['a', 'b']);
    clock.advance(19);
    expect(texts()).toEqual(['a', 'b']);
    clock.advance(1);
    expect(texts()).toEqual(['a', 'b', 'c']);
  });

  it('unsent bytes are those that the kernel has not taken', async () => {
    const { outbox, sent } = setUp();
    outbox.write(Buffer.from('0123456789abc'));
    expect(outbox.unsentBytes).toBe(13);
    await Promise.resolve();
    expect(outbox.unsentBytes).toBe(13);
    sent[0]?.flushed();
    expect(outbox.unsentBytes).toBe(3);
    sent[1]?.flushed();
    expect(outbox.unsentBytes).toBe(0);
  });

  it('sent resolves when few enough bytes are left', async () => {
    const { outbox, sent } = setUp();
    const order: string[] = [];
    outbox.write(Buffer.from('0123456789abc'));
    const some = outbox.sent(3).then(() => order.push('some'));
    const all = outbox.sent(0).then(() => order.push('all'));
    await outbox.sent(13);
    sent[0]?.flushed();
    await some;
    order.push('between');
    sent[1]?.flushed();
    await all;
    expect(order).toEqual(['some', 'between', 'all']);
  });

  it('closing drops the bytes that are left, ends the timer, and wakes those who wait', async () => {
    const { outbox, clock, texts } = setUp({ frameBytes: 2, framesPerSecond: 50 });
    outbox.write(Buffer.from('abc'));
    await Promise.resolve();
    const sent = outbox.sent(0);
    outbox.close();
    await sent;
    outbox.write(Buffer.from('d'));
    clock.advance(10_000);
    expect(texts()).toEqual(['a', 'b']);
    expect(clock.timers).toBe(0);
  });
});
