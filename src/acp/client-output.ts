/**
 * Takes lines, given without their newlines, to the client. `onWritten` says, perhaps in several steps and perhaps at
 * once, how many more of them the client's end of the pipe has whole.
 */
export type WriteLines = (lines: readonly Uint8Array[], onWritten: (count: number) => void) => void;

/**
 * Lines for the client, and how much of the agent's output the client has with them. Those of one turn of the event loop
 * go out together.
 */
export class ClientOutput {
  readonly #write: WriteLines;
  readonly #onProgress: (delivered: number) => void;
  #lines: Uint8Array[] = [];
  /** For each line that was not written yet: the position that the client has reached with it. */
  #positions: number[] = [];
  /** How much of the epoch's output is behind us, whether it gave the client a line or not. */
  #position = 0;
  #isDue = false;

  /** `onProgress` is told how much of the epoch's output the client has, in the same turn as the write that did it. */
  constructor(write: WriteLines, onProgress: (delivered: number) => void) {
    this.#write = write;
    this.#onProgress = onProgress;
  }

  add(line: Uint8Array): void {
    this.#lines.push(line);
    this.#positions.push(this.#position);
    this.schedule();
  }

  /** The agent's output up to here is dealt with once the lines are written that were added since. */
  moveTo(position: number): void {
    this.#position = position;
    this.schedule();
  }

  /** Another epoch: its output is counted from 0. */
  beginEpoch(): void {
    this.#position = 0;
    this.#positions.fill(0);
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
    const lines = this.#lines;
    this.#lines = [];
    if (lines.length > 0) this.#write(lines, (count) => this.#onWritten(count));
    else this.#progress(0);
  }

  #onWritten(count: number): void {
    const last = this.#positions.splice(0, count).at(-1);
    if (last !== undefined) this.#progress(last);
  }

  #progress(reached: number): void {
    this.#onProgress(this.#positions.length === 0 ? this.#position : reached);
  }
}
