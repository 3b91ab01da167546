import type { Log, LogFields } from '../../src/base/log.ts';

/** What a local AgentCore did, by its log: hand `log` to it. */
export class ServiceRecord {
  /** Connections that were attached to a shell so far. */
  attached = 0;
  /** Upgrades that were refused so far. */
  refused = 0;
  /** The sessions that microVMs were begun for, each as often as one was. */
  readonly begun: unknown[] = [];
  /** The close codes that it gave. */
  readonly closeCodes: number[] = [];
  readonly log: Log = {
    error: () => undefined,
    warn: () => undefined,
    info: (message, fields) => this.#onEntry(message, fields),
    debug: () => undefined,
  };
  readonly #checks = new Set<() => void>();

  /** Resolves when it has closed a connection with this code. */
  async closedWith(code: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const check = (): void => {
        if (!this.closeCodes.includes(code)) return;
        this.#checks.delete(check);
        resolve();
      };
      this.#checks.add(check);
      check();
    });
  }

  #onEntry(message: string, fields?: LogFields): void {
    if (message === 'attached') this.attached += 1;
    if (message === 'microVM starting') this.begun.push(fields?.['sessionId']);
    if (message === 'upgrade refused') this.refused += 1;
    if (message === 'closing') this.closeCodes.push(Number(fields?.['code']));
    for (const check of this.#checks) check();
  }
}
