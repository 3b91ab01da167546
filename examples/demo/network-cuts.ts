import type { Faults } from '../../src/local/behaviour/faults.ts';
import type { Crossing } from './chat-bot.ts';
import type { Screen } from './screen.ts';

/**
 * Cuts the network in the middle of what the agent says, and again when it waits for an answer, which is then sent to a
 * connection that is gone.
 */
export class NetworkCuts {
  readonly #faults: Faults;
  readonly #screen: Screen;
  #updates = 0;
  #cutAt: number | undefined;
  /** Connections that were cut so far. */
  count = 0;

  constructor(faults: Faults, screen: Screen) {
    this.#faults = faults;
    this.#screen = screen;
    faults.loseInFlight({ input: inFlightBytes, output: inFlightBytes });
    let latest = 1;
    faults.onFrame(({ connection }) => {
      if (connection > latest) this.#onReconnected();
      latest = Math.max(latest, connection);
    });
  }

  onCrossing({ method, kind }: Crossing): void {
    if (method === 'session/update') this.#updates += 1;
    if (method === 'session/update' && this.#updates === cutAtUpdate) this.#cut();
    if (method === 'session/request_permission' && kind === 'request') this.#cut();
  }

  #cut(): void {
    this.#screen.say('✂', 'the network is cut by a TCP reset, with all that was on its way', 'yellow');
    this.#cutAt = performance.now();
    this.#faults.delayUpgrades(awayMs);
    this.count += this.#faults.cut('rst');
  }

  #onReconnected(): void {
    // Where a microVM is only now begun, that is no return.
    if (this.#cutAt === undefined) return;
    const away = ((performance.now() - this.#cutAt) / 1000).toFixed(2);
    this.#cutAt = undefined;
    this.#screen.say('⟳', `connected again, ${away} s after the cut`, 'green');
  }
}

/** The example agent is in the middle of its first words then. */
const cutAtUpdate = 6;

/** More than is ever on its way here: all of it is lost. */
const inFlightBytes = 64 * 1024;

/** How long no connection can be had: time for the agent to say something that nobody hears. */
const awayMs = 600;
