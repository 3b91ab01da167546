import { numbersOf } from '../numbered.ts';
import type { Crossing } from './chat-bot.ts';

/** Counts what the bot and the agent sent against what the other got, by the numbers that the messages carry. */
export class Tally {
  #botSent = 0;
  #botGot: number[] = [];
  #agentGot: readonly number[] = [];

  count({ direction, message }: Crossing): void {
    if (direction === 'to-agent') {
      this.#botSent += 1;
      return;
    }
    const { 'example/number': number, 'example/received': received } = numbersOf(message);
    if (number !== undefined) this.#botGot.push(number);
    if (received !== undefined) this.#agentGot = received;
  }

  /** To be read when the last answer is there: its number says how many the agent sent. */
  outcomes(): Readonly<Record<'bot → agent' | 'agent → bot', Outcome>> {
    return {
      'bot → agent': outcomeOf(this.#botSent, this.#agentGot),
      'agent → bot': outcomeOf(Math.max(-1, ...this.#botGot) + 1, this.#botGot),
    };
  }

  isWhole(): boolean {
    return Object.values(this.outcomes()).every(
      ({ sent, lost, doubled, disordered }) => sent > 0 && lost + doubled + disordered === 0,
    );
  }

  table(): string {
    const outcomes = Object.entries(this.outcomes());
    const columns = ['sent', 'received', 'lost', 'doubled', 'disordered'] as const;
    const row = (name: string, cells: readonly (string | number)[]): string =>
      [
        name.padEnd(13),
        ...cells.map((cell, index) => String(cell).padStart((columns[index]?.length ?? 0) + 2)),
      ].join('');
    return [
      row('', columns),
      ...outcomes.map(([name, outcome]) =>
        row(
          name,
          columns.map((column) => outcome[column]),
        ),
      ),
    ].join('\n');
  }
}

/** What became of messages that were numbered 0, 1, … */
export interface Outcome {
  readonly sent: number;
  readonly received: number;
  readonly lost: number;
  readonly doubled: number;
  /** Came behind one that was sent later. */
  readonly disordered: number;
}

/** @param numbers those of the messages that arrived, in the order of arrival */
export function outcomeOf(sent: number, numbers: readonly number[]): Outcome {
  const distinct = new Set(numbers);
  let latest = -1;
  let disordered = 0;
  for (const number of distinct) {
    if (number < latest) disordered += 1;
    latest = Math.max(latest, number);
  }
  return {
    sent,
    received: numbers.length,
    lost: sent - distinct.size,
    doubled: numbers.length - distinct.size,
    disordered,
  };
}
