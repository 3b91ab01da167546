import type { Attached } from '../stage.ts';

/** An agent that runs each line that it reads, and then says so. */
export const runLines =
  'type cat >&2 || for t in cat mkdir chmod ln mkfifo stat; do eval "$t() { busybox $t \\"\\$@\\"; }"; done; ' +
  'while IFS= read -r l; do eval "$l"; echo "ran $l"; done';

/** Has the agent run a line of bash. Resolves to what it printed. */
export async function run({ heard, until, say }: Attached, line: string): Promise<string[]> {
  const from = heard.lines.length;
  say(line);
  await until(() => heard.lines.includes(`ran ${line}`, from));
  return heard.lines.slice(from, heard.lines.indexOf(`ran ${line}`, from));
}
