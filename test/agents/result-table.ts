import { writeFileSync } from 'node:fs';
import { arch, platform } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { stripVTControlCharacters } from 'node:util';
import { format, resolveConfig } from 'prettier';
import type { Reporter, TestCase, TestModule } from 'vitest/node';
import { agents as presets } from '../../src/config/agents.ts';
import { agents, type RealAgent } from './agents.ts';
import { steps, type Step } from './steps.ts';

/** Prints what each agent did as a Markdown table, and writes it to `docs/agents.md` when all of them were run. */
export default class ResultTable implements Reporter {
  async onTestRunEnd(modules: readonly TestModule[]): Promise<void> {
    const suites = modules.flatMap((module) => [...module.children.suites()]);
    const results = agents.map((agent) => ({
      agent,
      tests: [...(suites.find(({ name }) => name === agent.name)?.children.tests() ?? [])],
    }));
    const run = results.filter(({ tests }) => tests.some((test) => test.result().state !== 'skipped'));
    if (run.length === 0) return;
    const path = join(import.meta.dirname, '..', '..', 'docs', 'agents.md');
    const page = await format(pageOf(run), { ...(await resolveConfig(path)), parser: 'markdown' });
    console.log(page);
    if (run.length === agents.length) writeFileSync(path, page);
  }
}

interface Result {
  readonly agent: RealAgent;
  readonly tests: readonly TestCase[];
}

function pageOf(results: readonly Result[]): string {
  const notes: string[] = [];
  const columns = Object.keys(steps) as Step[];
  const rows = results.map(({ agent, tests }) => [
    nameOf(agent),
    agent.version,
    ...columns.map((column) => cell(agent, tests, column, notes)),
  ]);
  const abilities = results.map(({ agent, tests }) => [
    nameOf(agent),
    `\`${presets[agent.name].command}\``,
    ...abilitiesOf(tests),
    presets[agent.name].persist.map((path) => `\`${path}\``).join(', '),
  ]);
  return [
    '# Real agents',
    `What \`npm run test:agents\` found on ${new Date().toISOString().slice(0, 10)}, with Node.js ${process.versions.node} on ${platform()} ${arch()}. \`test/agents/result-table.ts\` writes this page.`,
    'Each agent is installed from npm, and started by the bridge with `--agent` in the local AgentCore. A small server on loopback plays its model, in the API of the vendor. One conversation goes through the columns from left to right. In the last three, what was said before must be in what the model is asked.',
    table(['agent', 'version', ...Object.values(steps)], rows),
    ...notes.map((note, n) => `${n + 1}. ${note}`),
    '## What they say of themselves',
    'Of the sessions that `initialize` offers, and what is kept of HOME when the microVM goes.',
    table(['agent', 'command', 'load', 'resume', 'other', 'kept'], abilities),
  ].join('\n\n');
}

function nameOf(agent: RealAgent): string {
  return `${agent.name} (\`${agent.package}\`)`;
}

function cell(agent: RealAgent, tests: readonly TestCase[], step: Step, notes: string[]): string {
  const result = tests.find(({ name }) => name === steps[step])?.result();
  if (result?.state === 'passed') {
    const isEased = step === 'takeOver' && agent.loadsOnlyLater !== undefined;
    return isEased ? `yes ${noted(agent.loadsOnlyLater, notes)}` : 'yes';
  }
  if (result?.state !== 'failed') return '–';
  return `no ${noted(`${agent.name}: ${whyOf(result.errors[0]?.message)}`, notes)}`;
}

/** What was expected, in our words where the test has some. */
function whyOf(message = ''): string {
  const [first = ''] = stripVTControlCharacters(message).split('\n');
  return first.replace(/: expected .*/, '').replaceAll(/[`|]/g, "'");
}

/** The reference to a note. */
function noted(note: string, notes: string[]): string {
  if (!notes.includes(note)) notes.push(note);
  return `(${notes.indexOf(note) + 1})`;
}

function abilitiesOf(tests: readonly TestCase[]): string[] {
  const said = tests.map((test) => test.meta().capabilities).find((each) => each !== undefined);
  const { loadSession, sessionCapabilities = {} } = (said ?? {}) as {
    loadSession?: boolean;
    sessionCapabilities?: object;
  };
  const { resume, ...others } = sessionCapabilities as Record<string, unknown>;
  return [
    loadSession === true ? 'yes' : 'no',
    resume === undefined ? 'no' : 'yes',
    Object.keys(others).sort().join(', ') || '–',
  ];
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [head, head.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n');
}
