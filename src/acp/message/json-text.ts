import { type Span, whole } from './json-scanner.ts';
import type { Edit } from './splice.ts';

/** The JSON text at a span, or of the whole line. */
export function textAt(line: Uint8Array, span: Span = whole(line)): string {
  return decoder.decode(line.subarray(span.start, span.end));
}

/** JSON text as a line, without a newline. */
export function encodeText(text: string): Uint8Array {
  return encoder.encode(text);
}

/** A value as a line of JSON, without a newline. */
export function encodeJson(value: unknown): Uint8Array {
  return encoder.encode(JSON.stringify(value));
}

/** Whether a text from elsewhere can replace a value in a line: it is one JSON object and has no newline. */
export function isObjectText(text: string): boolean {
  return !/[\n\r]/.test(text) && parseObject(text) !== undefined;
}

/** Undefined for text that is not JSON, or is no object. */
export function parseObject(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** An edit that replaces a value by JSON text. */
export function replacing(span: Span, text: string): Edit {
  return { span, bytes: encoder.encode(text) };
}

const decoder = new TextDecoder();
const encoder = new TextEncoder();
