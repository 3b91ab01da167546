import { type Command, Option } from 'commander';
import type { Setting, Settings } from '../config/settings.ts';

/** Gives a command the flags of its settings. */
export function addFlags(command: Command, settings: Settings): void {
  for (const { flag, alias, isList = false, env, says } of Object.values(settings)) {
    const variables = env.length > 0 ? ` [${env.join(', ')}]` : '';
    const option = new Option(flag, `${says}${variables}`);
    if (isList) option.argParser((value: string, list: string[] | undefined) => [...(list ?? []), value]);
    command.addOption(option);
    if (alias !== undefined) command.addOption(new Option(alias).hideHelp());
  }
}

/**
 * What a command was given on the command line, by the settings' names: text, a list of texts, or true for a flag without
 * a value, which is undefined where it was not given.
 */
export function givenFlags(command: Command, settings: Settings): Readonly<Record<string, unknown>> {
  const values = command.opts();
  const valueOf = (flag: string): unknown => {
    const option = new Option(flag);
    const value: unknown = values[option.attributeName()];
    // Of `--no-x` commander says whether x is.
    return option.negate ? value === false || undefined : value;
  };
  return Object.fromEntries(
    Object.entries<Setting>(settings).map(([name, { flag, alias = flag }]) => [
      name,
      valueOf(flag) ?? valueOf(alias),
    ]),
  );
}
