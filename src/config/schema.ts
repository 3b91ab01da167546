/**
 * What a setting may be. What is given is text, a list of texts, a boolean or nothing. It's no schema library's, since every
 * start of a bridge waits for it, and there is one for each message of a chat.
 */
export class Schema<Value> {
  readonly #read: (given: unknown) => Reading<Value>;

  constructor(read: (given: unknown) => Reading<Value>) {
    this.#read = read;
  }

  read(given: unknown): Reading<Value> {
    return this.#read(given);
  }

  /** Undefined where nothing is given. */
  optional(): Schema<Value | undefined> {
    return new Schema<Value | undefined>((given) =>
      given === undefined ? { value: undefined } : this.#read(given),
    );
  }

  /** `value` where nothing is given. */
  default(value: Value): Schema<Value> {
    return new Schema((given) => (given === undefined ? { value } : this.#read(given)));
  }

  /** Only what passes; `fault` says of the rest what it must be. */
  check(passes: (value: Value) => boolean, fault: string): Schema<Value> {
    return this.map((value) => (passes(value) ? { value } : { fault }));
  }

  /** Reads what this has read. */
  map<Next>(read: (value: Value) => Reading<Next>): Schema<Next> {
    return new Schema((given) => {
      const reading = this.#read(given);
      return 'fault' in reading ? reading : read(reading.value);
    });
  }
}

/** What was read, or what is wrong, to be put behind the name of the setting. It never repeats what was given: that may be a secret. */
export type Reading<Value> = { readonly value: Value } | { readonly fault: string };

export type ValueOf<S> = S extends Schema<infer Value> ? Value : never;

/** Any text; `fault` is what is said where none is given. */
export function text(fault = 'must be a text'): Schema<string> {
  return new Schema((given) => (typeof given === 'string' ? { value: given } : { fault }));
}

/** A list of texts, each of them read by `item`: the first fault counts. */
export function listOf<Item>(item: Schema<Item>): Schema<readonly Item[]> {
  return new Schema<readonly Item[]>((given) => {
    const value: Item[] = [];
    for (const each of Array.isArray(given) ? (given as readonly unknown[]) : [given]) {
      const reading = item.read(each);
      if ('fault' in reading) return reading;
      value.push(reading.value);
    }
    return { value };
  });
}
