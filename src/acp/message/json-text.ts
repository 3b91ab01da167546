import { type Span, whole } from './json-scanner.ts';
import type { Edit } from './splice.ts';

/** The JSON text at a span, or all of it. */
export function textAt(line: Uint8Array, span: Span = whole(line)): string {
  return decoder.decode(line.subarray(span.start, span.end));
}

/** JSON text as a line, without a newline. */
export function encodeText(text: string): Uint8Array {
  return encoder.encode(text);
}

/** A value as JSON, without a newline. */
export function encodeJson(value: unknown): Uint8Array {
  return encoder.encode(JSON.stringify(value));
}

/** Whether a text from elsewhere can take the place of a value in a line: one JSON object, and no line of its own in it. */
export function isObjectText(text: string): boolean {
  return !/[\n\r]/.test(text) && parseObject(text) !== undefined;
}

/** Undefined for what is no JSON, or no object. */
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

/** Puts JSON text in the place of a value. */
export function replacing(span: Span, text: string): Edit {
  return { span, bytes: encoder.encode(text) };
}

const decoder = new TextDecoder();
const encoder = new TextEncoder();
