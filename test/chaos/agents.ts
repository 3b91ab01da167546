import { createServer, type Server, type Socket } from 'node:net';
import type { AddressInfo } from 'node:net';
import { LineAssembler } from '../../src/base/lines.ts';
import type { Ledger } from './ledger.ts';
import type { AgentReport, Command } from './wire.ts';

/** The side way on which the agents of one thread tell what they see, and are told what to do. */
export class Agents {
  readonly #ledger: Ledger;
  readonly #server: Server;
  readonly #waiters = new Set<() => void>();
  #living: { readonly life: string; readonly socket: Socket }[] = [];

  constructor(ledger: Ledger) {
    this.#ledger = ledger;
    this.#server = createServer((socket) => this.#listen(socket));
  }

  /** Resolves to the port. */
  open(): Promise<number> {
    return new Promise((resolve) => {
      this.#server.listen(0, '127.0.0.1', () => resolve((this.#server.address() as AddressInfo).port));
    });
  }

  /** The agent that was born last, if it lives. */
  get current(): string | undefined {
    return this.#living.at(-1)?.life;
  }

  /** Tells the agent that was born last. Returns whether there is one. */
  tell(command: Command): boolean {
    const last = this.#living.at(-1);
    last?.socket.write(`${JSON.stringify(command)}\n`);
    return last !== undefined;
  }

  /** Has the agent report. Resolves when it has. */
  report(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiters.add(resolve);
    this.tell({ do: 'report' });
    return promise;
  }

  close(): void {
    this.#server.close();
    for (const { socket } of this.#living) socket.destroy();
  }

  #listen(socket: Socket): void {
    let life = '';
    const lines = new LineAssembler({
      maxBytes: 64 * 1024 * 1024,
      onLine: (line) => {
        const report = JSON.parse(Buffer.from(line).toString('utf8')) as AgentReport;
        switch (report.is) {
          case 'born':
            life = report.life;
            this.#living.push({ life, socket });
            this.#ledger.born(life);
            break;
          case 'seen':
            this.#ledger.seen(life, report.runs);
            break;
          case 'garbled':
            this.#ledger.garbled(life, report.bytes);
            break;
          case 'astray':
            this.#ledger.astray(life);
            break;
          case 'written':
            this.#ledger.written(life, report, this.#waiters.size > 0);
            for (const wake of this.#waiters) wake();
            this.#waiters.clear();
            break;
        }
      },
      onOversizedLine: () => undefined,
    });
    socket.on('data', (chunk: Uint8Array) => lines.push(chunk));
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.#living = this.#living.filter((each) => each.socket !== socket);
      if (life !== '') this.#ledger.died(life);
    });
  }
}
