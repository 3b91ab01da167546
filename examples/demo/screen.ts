import { styleText } from 'node:util';
import { printable } from '../../src/base/log.ts';

export type Style = Parameters<typeof styleText>[0];

/** Lines with the time of each. On a terminal also colours, and while something is waited for a line that shows for how long. */
export class Screen {
  readonly #out: NodeJS.WriteStream;
  readonly #startedAt = performance.now();
  #ticker: NodeJS.Timeout | undefined;

  constructor(out: NodeJS.WriteStream) {
    this.#out = out;
  }

  /** One line, cut where the terminal ends. `mark` is one character wide. */
  say(mark: string, text: string, style: Style = 'reset'): void {
    const time = seconds(performance.now() - this.#startedAt).padStart(7);
    const room = (this.#out.columns ?? 120) - time.length - 5;
    const line = printable(text);
    const cut = line.length > room ? `${line.slice(0, room - 1)}…` : line;
    this.#write(`${this.#styled('dim', time)}  ${this.#styled(style, `${mark} ${cut}`)}\n`);
  }

  /** Text as it stands. */
  print(text: string, style: Style = 'reset'): void {
    this.#write(`${this.#styled(style, text)}\n`);
  }

  /** Shows that something takes time, until `rest`. */
  wait(forWhat: string): void {
    this.rest();
    if (!this.#out.isTTY) return;
    const since = performance.now();
    let frame = 0;
    const draw = (): void => {
      const elapsed = seconds(performance.now() - since);
      this.#write(
        this.#styled('cyan', `${' '.repeat(9)}${frames[frame % frames.length]} ${forWhat} ${elapsed}`),
      );
      frame += 1;
    };
    draw();
    this.#ticker = setInterval(draw, 100);
  }

  rest(): void {
    if (this.#ticker === undefined) return;
    clearInterval(this.#ticker);
    this.#ticker = undefined;
    this.#write('');
  }

  /** In the place of the line that shows a wait. */
  #write(text: string): void {
    this.#out.write(this.#out.isTTY ? `\r\x1b[2K${text}` : text);
  }

  #styled(style: Style, text: string): string {
    return styleText(style, text, { stream: this.#out });
  }
}

const frames = ['⠋', '⠙', '⠸', '⠴', '⠦', '⠇'];

function seconds(milliseconds: number): string {
  return `${(milliseconds / 1000).toFixed(2)} s`;
}
