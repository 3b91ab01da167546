/**
 * The log: lines on stderr, never on stdout. No field may hold a credential, a signature, a presigned URL, or text of a
 * user or an agent: log sizes, counts, methods and ids instead.
 */
export const logLevels = ['error', 'warn', 'info', 'debug'] as const;
export type LogLevel = (typeof logLevels)[number];
export const logFormats = ['text', 'json'] as const;
export type LogFormat = (typeof logFormats)[number];

export type LogFields = Readonly<Record<string, string | number | boolean | undefined>>;

export interface Log {
  error(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  debug(message: string, fields?: LogFields): void;
}

export interface LogOptions {
  readonly level: LogLevel;
  readonly format: LogFormat;
  /** Writes one whole line, newline included. */
  readonly write: (line: string) => void;
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
}

/** A log that drops entries below `level` and writes each other one as one line. */
export function createLog(options: LogOptions): Log {
  const threshold = logLevels.indexOf(options.level);
  const now = options.now ?? Date.now;
  const at =
    (level: LogLevel) =>
    (message: string, fields: LogFields = {}): void => {
      if (logLevels.indexOf(level) > threshold) return;
      const time = new Date(now()).toISOString();
      options.write(
        options.format === 'json'
          ? `${withoutControls(JSON.stringify({ time, level, message, ...fields }))}\n`
          : `agentcore-bridge ${level}: ${printable(message)}${textFields(fields)}\n`,
      );
    };
  return { error: at('error'), warn: at('warn'), info: at('info'), debug: at('debug') };
}

/** A log that writes nothing. */
export const silentLog: Log = createLog({ level: 'error', format: 'text', write: () => undefined });

/** Text that is safe to show on a terminal: control characters become `\xNN`. */
export function printable(text: string): string {
  return text.replace(/[\u0000-\u001f\u007f-\u009f]/g, (character) => {
    return `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`;
  });
}

/** JSON escapes only the control characters below the space. A terminal acts on those from 0x7F on, too. */
function withoutControls(json: string): string {
  return json.replace(/[\u007f-\u009f]/g, (character) => `\\u00${character.charCodeAt(0).toString(16)}`);
}

function textFields(fields: LogFields): string {
  const pairs = Object.entries(fields).filter(([, value]) => value !== undefined);
  if (pairs.length === 0) return '';
  return ` (${pairs.map(([name, value]) => `${name}=${printable(String(value))}`).join(' ')})`;
}
