import { expect, test, vi } from 'vitest';
import { StopAnswers } from '../../../src/local/http/stop-answers.ts';

test('the same token for the same session gets the same answer without another stop, also during the stop', async () => {
  const answers = new StopAnswers();
  const { promise, resolve } = Promise.withResolvers<void>();
  const stop = vi.fn(() => promise);
  const both = [answers.once('session', 'token', stop), answers.once('session', 'token', stop)];
  resolve();
  await Promise.all(both);
  await answers.once('session', 'token', stop);
  expect(stop).toHaveBeenCalledTimes(1);
});

test('another token, another session and no token are new requests', async () => {
  const answers = new StopAnswers();
  const stop = vi.fn(() => Promise.resolve());
  await answers.once('session', 'token', stop);
  await answers.once('session', 'other token', stop);
  await answers.once('other session', 'token', stop);
  await answers.once('session', undefined, stop);
  await answers.once('session', undefined, stop);
  expect(stop).toHaveBeenCalledTimes(5);
});

test('a stop that failed is tried again', async () => {
  const answers = new StopAnswers();
  const failure = new Error('no such session');
  await expect(answers.once('session', 'token', () => Promise.reject(failure))).rejects.toBe(failure);
  await expect(answers.once('session', 'token', () => Promise.resolve())).resolves.toBeUndefined();
});
