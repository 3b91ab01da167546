import { setTimeout } from 'node:timers/promises';
import { type Figure, median } from './figures.ts';
import type { Program } from './program.ts';
import { bare, Stage } from './stage.ts';

const many = 100;
const agent = ['bash', bare('agent.sh')];

/** Memory of the bridge with one session and with a hundred, against a bare process that holds as many WebSockets. */
export async function memoryFigures(rounds = 3): Promise<Figure[]> {
  const stage = new Stage();
  try {
    await stage.startService();
    const idle = { bridge: [] as Memory[], bare: [] as Memory[], official: [] as Memory[] };
    const add = async (to: Memory[], program: Program): Promise<void> => {
      to.push(await atRest(program));
      await program.end('SIGKILL');
    };
    for (let round = 0; round < rounds; round += 1) {
      await add(idle.bridge, await withSessions(stage, 1));
      await add(idle.bare, await withSockets(stage, 1));
      await add(idle.official, await stage.openShell('cat'));
    }
    const hundred = await withSessions(stage, many);
    const bareHundred = await withSockets(stage, many);
    const crowd = { bridge: [await atRest(hundred)], bare: [await atRest(bareHundred)] };
    return (['rss', 'pss'] as const).flatMap((field) => {
      const of = (list: readonly Memory[]): number => median(list.map((memory) => memory[field]));
      const each = (name: 'bridge' | 'bare'): number => (of(crowd[name]) - of(idle[name])) / (many - 1);
      const unit = 'MB';
      const part = `memory (${field.toUpperCase()})`;
      const figure = { part, unit, what: 'one session, idle', ours: of(idle.bridge), runs: rounds } as const;
      const bareIs = 'bare process with a WebSocket';
      const more = { ...figure, what: 'each further session', ours: each('bridge'), runs: 1 };
      return [
        {
          ...figure,
          limit: of(idle.bare),
          limitIs: bareIs,
          target: { says: '≤ 1.3 ×', isMet: of(idle.bridge) <= 1.3 * of(idle.bare) },
        },
        { ...figure, limit: of(idle.official), limitIs: 'openShell', target: undefined },
        {
          ...more,
          limit: each('bare'),
          limitIs: 'bare: each further WebSocket',
          target: { says: '≤ 1 MB', isMet: each('bridge') <= 1 },
        },
      ];
    });
  } finally {
    await stage.end();
  }
}

type Memory = Program['memory'];

async function withSessions(stage: Stage, count: number): Promise<Program> {
  const bridge = stage.bridge(['--thread-from', 'session', '--idle-detach', '0'], agent);
  await bridge.request(0, 'initialize', { protocolVersion: 1 });
  for (let id = 1; id <= count; id += 1) {
    await bridge.request(id, 'session/new', { cwd: '/tmp', mcpServers: [] });
  }
  return bridge;
}

async function withSockets(stage: Stage, count: number): Promise<Program> {
  const upgrades = await Promise.all(Array.from({ length: count }, () => stage.upgrade()));
  const program = stage.start([bare('hold-sockets.mjs'), JSON.stringify(upgrades)]);
  await program.line();
  return program;
}

/** The least of some samples: what is about to be collected is not what is held. */
async function atRest(program: Program): Promise<Memory> {
  const samples: Memory[] = [];
  for (let n = 0; n < 5; n += 1) {
    await setTimeout(300);
    samples.push(program.memory);
  }
  return samples.reduce((least, each) => (each.rss < least.rss ? each : least));
}
