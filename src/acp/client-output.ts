/** Lines for the client. Those of one turn of the event loop go out in one write. */
export class ClientOutput {
  readonly #beforeWrite: () => void;
  readonly #write: (lines: readonly Uint8Array[]) => void;
  #lines: Uint8Array[] = [];
  #isDue = false;

  /** `beforeWrite` is called in the same turn as the write, also where there is nothing to write after all. */
  constructor(beforeWrite: () => void, write: (lines: readonly Uint8Array[]) => void) {
    this.#beforeWrite = beforeWrite;
    this.#write = write;
  }

  add(line: Uint8Array): void {
    this.#lines.push(line);
    this.schedule();
  }

  schedule(): void {
    if (this.#isDue) return;
    this.#isDue = true;
    queueMicrotask(() => this.flush());
  }

  /** Does now what is scheduled. */
  flush(): void {
    if (!this.#isDue) return;
    this.#isDue = false;
    this.#beforeWrite();
    const lines = this.#lines.splice(0);
    if (lines.length > 0) this.#write(lines);
  }
}
