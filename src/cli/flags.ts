import { type Command, Option } from 'commander';
import type { Setting, Settings } from '../config/settings.ts';

/** Adds the flags of settings to a command. */
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
 * The values on a command line, by the names of the settings: text, a list of texts, or true for a flag without a
 * value; undefined for a flag that was not given.
 */
export function givenFlags(command: Command, settings: Settings): Readonly<Record<string, unknown>> {
  const values = command.opts();
  const valueOf = (flag: string): unknown => {
    const option = new Option(flag);
    const value: unknown = values[option.attributeName()];
    // For `--no-x`, commander gives the value of x.
    return option.negate ? value === false || undefined : value;
  };
  return Object.fromEntries(
    Object.entries<Setting>(settings).map(([name, { flag, alias = flag }]) => [
      name,
      valueOf(flag) ?? valueOf(alias),
    ]),
  );
}
