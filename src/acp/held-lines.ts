import { textAt } from './json-text.ts';
import { readMessage, type Request } from './message.ts';

/** Lines of the client's that can't go on yet, in order. Whoever fills it reads no more once `bytes` are too many. */
export class HeldLines {
  #lines: Uint8Array[] = [];
  #bytes = 0;

  get bytes(): number {
    return this.#bytes;
  }

  get isEmpty(): boolean {
    return this.#lines.length === 0;
  }

  add(line: Uint8Array): void {
    this.#lines.push(line);
    this.#bytes += line.length;
  }

  takeAll(): Uint8Array[] {
    this.#bytes = 0;
    return this.#lines.splice(0);
  }

  /** Takes out those requests for which `isSo`. Returns their ids, as JSON text. */
  takeRequests(isSo: (request: Request, line: Uint8Array) => boolean): string[] {
    const ids: string[] = [];
    for (const line of this.takeAll()) {
      const message = readMessage(line);
      if (message.is === 'request' && isSo(message, line)) ids.push(textAt(line, message.id));
      else this.add(line);
    }
    return ids;
  }
}
