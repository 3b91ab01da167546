import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { verifies } from '../../requirements.ts';
import { linkTo, ScriptedShell } from '../scripted-shell.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** Answers the questions in what was written since `from`, as a host that has all input and no output. */
function answerQuestions(shell: ScriptedShell, from: number): number {
  const text = shell.written.toString('latin1');
  const [, offset = '0', length = '-1'] = [...text.matchAll(/\n?(\d+) (\d+):/g)].at(-1) ?? [];
  const size = Number(offset) + Number(length) + 1;
  const questions = [...text.slice(from).matchAll(/\?(\S+)\n/g)];
  for (const [, question] of questions) shell.say(`\u001e=${question} ${size} 0 ${size}\u001f`);
  return questions.length;
}

test(
  verifies('acp.frugal', 'a link at rest asks the host once what has arrived, and not each second'),
  async () => {
    const shell = new ScriptedShell(() => ['begin e1e1e1e1 live 0 0 - perl /root']);
    const link = linkTo(shell, { maxLineBytes: 100, events: {} });
    link.attach();
    link.atRest(true);
    await vi.advanceTimersByTimeAsync(0);
    let asked = 0;
    for (let seconds = 0; seconds < 60; seconds += 1) {
      const from = shell.written.length;
      await vi.advanceTimersByTimeAsync(1000);
      asked += answerQuestions(shell, from);
    }
    // Once behind the attach, and once behind the record of the turn, which goes a second later.
    expect(asked).toBeGreaterThan(0);
    expect(asked).toBeLessThanOrEqual(2);
    expect(shell.connections).toBe(1);
    expect(shell.attaches).toBe(1);
    const closed = link.close(0);
    await vi.advanceTimersByTimeAsync(1000);
    await closed;
  },
);
