import { elements, members, type Span } from './json-scanner.ts';

/** A change to a line: `bytes` replace what is at `span`. Without bytes the span is removed; an empty span inserts. */
export interface Edit {
  readonly span: Span;
  readonly bytes: Uint8Array;
}

/**
 * A copy of the line with the edits applied, which may be in any order. All other bytes stay the same.
 * @throws {RangeError} if edits overlap or reach outside of the line, since the result would be no message
 */
export function splice(line: Uint8Array, edits: readonly Edit[]): Uint8Array {
  const inOrder = edits.toSorted((a, b) => a.span.start - b.span.start || a.span.end - b.span.end);
  const growth = edits.reduce((sum, { span, bytes }) => sum + bytes.length - (span.end - span.start), 0);
  const result = new Uint8Array(Math.max(0, line.length + growth));
  let from = 0;
  let to = 0;
  for (const { span, bytes } of inOrder) {
    if (span.start < from || span.end < span.start || span.end > line.length) {
      throw new RangeError(
        `The edit of bytes ${span.start} to ${span.end} overlaps another or leaves the line`,
      );
    }
    result.set(line.subarray(from, span.start), to);
    to += span.start - from;
    result.set(bytes, to);
    to += bytes.length;
    from = span.end;
  }
  result.set(line.subarray(from), to);
  return result;
}

/**
 * Edits that remove all members with these names, duplicates included, from the object at `object`; none if the value
 * is no object. All removals from one object must be made in one call, since the commas depend on which members stay.
 */
export function removeMembers(line: Uint8Array, object: Span, keys: readonly string[]): Edit[] {
  const all = members(line, object).map(({ name, keyStart, value }) => ({
    name,
    start: keyStart,
    end: value.end,
  }));
  return removals(all, ({ name }) => keys.includes(name));
}

/**
 * Edits that remove the elements for which `isUnwanted` is true from the array at `array`. One call for each array, as
 * with members.
 */
export function removeElements(
  line: Uint8Array,
  array: Span,
  isUnwanted: (element: Span) => boolean,
): Edit[] {
  return removals(elements(line, array), isUnwanted);
}

/**
 * An item is removed with the comma in front of it if an earlier item stays, else with the comma behind it. So edits of
 * neighbours touch but never overlap.
 */
function removals<T extends Span>(items: readonly T[], isRemoved: (item: T) => boolean): Edit[] {
  const edits: Edit[] = [];
  let isBehindKept = false;
  for (const [index, item] of items.entries()) {
    if (isRemoved(item)) {
      const start = isBehindKept ? items[index - 1]?.end : item.start;
      const end = isBehindKept ? item.end : items[index + 1]?.start;
      edits.push({ span: { start: start ?? item.start, end: end ?? item.end }, bytes: nothing });
    } else {
      isBehindKept = true;
    }
  }
  return edits;
}

const nothing = new Uint8Array(0);
