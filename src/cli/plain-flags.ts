import type { Settings } from '../config/settings.ts';

/**
 * The values of settings on a command line that has only their flags, as from `givenFlags`. Undefined for every other
 * line, such as one that asks for help or has a mistake: commander reads those. So the usual start need not load
 * commander.
 */
export function plainFlags(
  argv: readonly string[],
  settings: Settings,
): Readonly<Record<string, unknown>> | undefined {
  const known = new Map<string, Known>();
  for (const [name, { flag, alias, isList = false }] of Object.entries(settings)) {
    for (const each of alias === undefined ? [flag] : [flag, alias]) {
      const [word = '', value] = each.split(' ');
      known.set(word, { name, isAlias: each === alias, takesValue: value !== undefined, isList });
    }
  }
  const given = new Map<string, unknown>();
  const byAlias = new Map<string, unknown>();
  const words = argv.values();
  for (const word of words) {
    const end = word.indexOf('=');
    const flag = known.get(end < 0 ? word : word.slice(0, end));
    if (flag === undefined) return undefined;
    const to = flag.isAlias ? byAlias : given;
    if (!flag.takesValue) {
      if (end >= 0) return undefined;
      to.set(flag.name, true);
      continue;
    }
    const value = end < 0 ? words.next().value : word.slice(end + 1);
    if (value === undefined) return undefined;
    const before = (to.get(flag.name) ?? []) as readonly string[];
    to.set(flag.name, flag.isList ? [...before, value] : value);
  }
  return Object.fromEntries([...byAlias, ...given]);
}

interface Known {
  /** The setting's name. */
  readonly name: string;
  readonly isAlias: boolean;
  readonly takesValue: boolean;
  readonly isList: boolean;
}
