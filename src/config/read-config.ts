import * as z from 'zod/mini';
import { BridgeError } from '../base/errors.ts';
import { printable } from '../base/log.ts';
import type { ConfigOf, Setting, Settings } from './settings.ts';

/**
 * The configuration of a command. A flag overrides its variable, and an empty variable counts as not set.
 *
 * @param flags what was given on the command line, by the names of the settings; true for a flag without a value
 * @throws BridgeError `usage`, which names the flag or the variable with the mistake
 */
export function readConfig<S extends Settings>(
  settings: S,
  flags: Readonly<Record<string, unknown>>,
  env: Readonly<Record<string, string | undefined>>,
): ConfigOf<S> {
  const config = Object.entries(settings).map(([name, setting]) => {
    const variable = setting.env.find((each) => (env[each] ?? '') !== '');
    const isFlag = flags[name] !== undefined;
    const given = isFlag ? flags[name] : variable === undefined ? undefined : env[variable];
    const source = isFlag || variable === undefined ? flagName(setting) : variable;
    if (given === undefined) {
      if (setting.isRequired !== true) return [name, setting.default];
      throw new BridgeError('usage', `${source} is required`, { remedy: waysToSet(setting) });
    }
    const reading = z.safeParse(setting.schema(), given);
    if (reading.success) return [name, reading.data];
    // Only the first mistake is reported: users correct one at a time.
    const [fault] = reading.error.issues;
    throw new BridgeError('usage', printable(`${source} ${fault?.message}`));
  });
  return Object.fromEntries(config) as ConfigOf<S>;
}

function flagName({ flag }: Setting): string {
  return flag.split(' ')[0] ?? flag;
}

function waysToSet(setting: Setting): string {
  const [variable] = setting.env;
  return `Give ${setting.flag}${variable === undefined ? '' : `, or set ${variable}`}`;
}
