import { describe, expect, onTestFinished, test, vi } from 'vitest';
import type { Connection } from '../../../src/local/sessions/connection.ts';
import { Greeting } from '../../../src/local/sessions/greeting.ts';
import type { GreetingFacts } from '../../../src/local/sessions/greeting.ts';
import { defaultReadings } from '../../../src/local/behaviour/readings.ts';
import type { Readings } from '../../../src/local/behaviour/readings.ts';
import { verifies } from '../../requirements.ts';

const facts: GreetingFacts = {
  shellId: 'a',
  reconnected: true,
  replay: Buffer.from('replay'),
  bytesDropped: 0,
};

function greet(
  readings: Partial<Readings>,
  more: Partial<GreetingFacts> = {},
): { said: unknown[]; greeting: Greeting } {
  const said: unknown[] = [];
  const connection = {
    send: (channel: number, payload: Uint8Array) => {
      const { metadata } = JSON.parse(Buffer.from(payload).toString()) as {
        metadata: Record<string, unknown>;
      };
      const confirmed = 'reconnected' in metadata ? 'confirmed' : 'confirmed, no more';
      said.push(channel === 3 ? (metadata['bytesDropped'] ?? confirmed) : channel);
    },
    sendOutput: (bytes: Uint8Array) => {
      said.push(Buffer.from(bytes).toString());
    },
  } as unknown as Connection;
  const greeting = new Greeting(connection, { ...facts, ...more }, { ...defaultReadings, ...readings });
  onTestFinished(() => {
    greeting.end();
  });
  greeting.begin();
  return { said, greeting };
}

describe(verifies('local.reattach', 'the confirmation comes when the reading says:'), () => {
  test.each([
    ['first', ['confirmed', 'replay']],
    ['after-output', ['replay', 'confirmed']],
    ['twice', ['confirmed', 'replay', 'confirmed']],
    ['never', ['replay']],
    ['late', ['replay']],
    ['without-reconnected', ['confirmed, no more', 'replay']],
  ] as const)('%s', (confirmation, expected) => {
    expect(greet({ confirmation }).said).toEqual(expected);
  });

  test('after the first output, if there is no replay', () => {
    const { said, greeting } = greet({ confirmation: 'after-output' }, { replay: new Uint8Array(0) });
    expect(said).toEqual([]);
    greeting.afterOutput();
    greeting.afterOutput();
    expect(said).toEqual(['confirmed']);
  });

  test('late, after the delay, unless the connection has ended by then', () => {
    vi.useFakeTimers();
    onTestFinished(() => {
      vi.useRealTimers();
    });
    const late = greet({ confirmation: 'late', confirmationDelayMs: 1000 });
    const gone = greet({ confirmation: 'late', confirmationDelayMs: 1000 });
    vi.advanceTimersByTime(999);
    expect(late.said).toEqual(['replay']);
    gone.greeting.end();
    vi.advanceTimersByTime(1);
    expect(late.said).toEqual(['replay', 'confirmed']);
    expect(gone.said).toEqual(['replay']);
  });
});

test('bytesDropped is in the first confirmation, or in one behind the replay', () => {
  expect(greet({ bytesDroppedIn: 'first' }, { bytesDropped: 5 }).said).toEqual([5, 'replay']);
  expect(greet({ bytesDroppedIn: 'second' }, { bytesDropped: 5 }).said).toEqual(['confirmed', 'replay', 5]);
  expect(greet({ bytesDroppedIn: 'second' }).said).toEqual(['confirmed', 'replay']);
});
