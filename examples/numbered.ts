import type { AnyMessage, Stream } from '@agentclientprotocol/sdk';

/** What tells, in the `_meta` of messages, whether any were lost on the way. */
export interface Numbers {
  /** Of this message: its sender counts from 0. */
  readonly 'example/number'?: number;
  /** With answers: the numbers of the messages that their sender got so far, in the order in which they came. */
  readonly 'example/received'?: readonly number[];
}

/** Numbers the messages that are written to a stream, and has its answers say which ones came. */
export function numbered(stream: Stream): Stream {
  let sent = 0;
  const received: number[] = [];
  const writing = new TransformStream<AnyMessage, AnyMessage>({
    transform(message, controller) {
      const isAnswer = !('method' in message);
      const numbers = { 'example/number': sent, ...(isAnswer && { 'example/received': received }) };
      sent += 1;
      controller.enqueue(withNumbers(message, numbers));
    },
  });
  const reading = new TransformStream<AnyMessage, AnyMessage>({
    transform(message, controller) {
      const number = numbersOf(message)['example/number'];
      if (number !== undefined) received.push(number);
      controller.enqueue(message);
    },
  });
  void writing.readable.pipeTo(stream.writable);
  return { readable: stream.readable.pipeThrough(reading), writable: writing.writable };
}

/** The numbers that a message carries. */
export function numbersOf(message: object): Numbers {
  const { params, result } = message as { params?: Content; result?: Content };
  const { _meta: meta } = params ?? result ?? {};
  return meta ?? {};
}

/** The message with these numbers. Errors have no place for them. */
export function withNumbers<M extends object>(message: M, numbers: Numbers): M {
  if ('error' in message) return message;
  const part = 'method' in message ? 'params' : 'result';
  const { _meta: meta, ...content } = (message as Record<string, Content | undefined>)[part] ?? {};
  return { ...message, [part]: { ...content, _meta: { ...meta, ...numbers } } };
}

interface Content {
  readonly _meta?: Numbers;
}
