import type { Connection } from './connection.ts';
import { channels } from './frames.ts';
import type { Readings } from '../behaviour/readings.ts';
import { confirmation } from './status.ts';

export interface GreetingFacts {
  readonly shellId: string;
  readonly reconnected: boolean;
  /** Output that a reattach gets again. */
  readonly replay: Uint8Array;
  /** Bytes that came while detached and are no longer kept. */
  readonly bytesDropped: number;
}

/** What a client gets when it has attached: the confirmation and the replay, in the order that the readings give. */
export class Greeting {
  readonly #connection: Connection;
  readonly #readings: Readings;
  readonly #facts: GreetingFacts;
  #late: NodeJS.Timeout | undefined;
  #due = false;

  constructor(connection: Connection, facts: GreetingFacts, readings: Readings) {
    this.#connection = connection;
    this.#facts = facts;
    this.#readings = readings;
  }

  begin(): void {
    const { confirmation: when, confirmationDelayMs, bytesDroppedIn } = this.#readings;
    const isFirst = when === 'first' || when === 'without-reconnected';
    if (isFirst || when === 'twice') this.#confirm(bytesDroppedIn === 'first');
    if (when === 'late') {
      this.#late = setTimeout(() => {
        this.#confirm(true);
      }, confirmationDelayMs);
    }
    this.#due = when === 'after-output';
    if (this.#facts.replay.length > 0) {
      this.#connection.sendOutput(this.#facts.replay);
      this.afterOutput();
    }
    const second = isFirst && bytesDroppedIn === 'second' && this.#facts.bytesDropped > 0;
    if (second || when === 'twice') this.#confirm(true);
  }

  /** Call this after each output. */
  afterOutput(): void {
    if (!this.#due) return;
    this.#due = false;
    this.#confirm(true);
  }

  /** The connection is gone: sends nothing more. */
  end(): void {
    clearTimeout(this.#late);
    this.#due = false;
  }

  #confirm(withDropped: boolean): void {
    const { shellId, reconnected, bytesDropped } = this.#facts;
    const dropped = withDropped && bytesDropped > 0 ? { bytesDropped } : {};
    const known = this.#readings.confirmation === 'without-reconnected' ? {} : { reconnected };
    this.#connection.send(channels.status, confirmation({ shellId, ...known, ...dropped }));
  }
}
