import type { Message } from './bridge-process.ts';

/** The numbers of the updates among these messages, as the test agent's flood has them. */
export function numbersOf(messages: readonly Message[]): number[] {
  return messages
    .filter(({ method }) => method === 'session/update')
    .map(({ params }) => Number(params?.['n']));
}

/** 0, 1, … up to `count`, which is not in it. */
export function upTo(count: number): number[] {
  return Array.from({ length: count }, (_, n) => n);
}
