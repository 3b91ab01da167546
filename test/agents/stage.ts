import { globSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { startLocalAgentCore } from '../../src/local/local-agentcore.ts';
import type { LocalAgentCore } from '../../src/local/options.ts';
import { BridgeProcess } from '../e2e/bridge-process.ts';
import { AcpClient } from './acp-client.ts';
import type { RealAgent } from './agents.ts';
import { binOf, cache } from './cache.ts';
import { startModelServer, type ModelServer } from './model/server.ts';

/** A local AgentCore whose image has one agent, and a model for it. */
export class Stage {
  readonly model: ModelServer;
  readonly #agent: RealAgent;
  readonly #stateDir: string;
  readonly #local: LocalAgentCore;
  readonly #bridges: BridgeProcess[] = [];

  private constructor(agent: RealAgent, stateDir: string, local: LocalAgentCore, model: ModelServer) {
    this.#agent = agent;
    this.#stateDir = stateDir;
    this.#local = local;
    this.model = model;
  }

  static async start(agent: RealAgent): Promise<Stage> {
    const stateDir = await mkdtemp(join(tmpdir(), 'agentcore-agents-'));
    const node = dirname(process.execPath);
    const local = await startLocalAgentCore({
      stateDir,
      isolation: 'namespaces',
      imagePaths: [cache, node],
      containerEnv: { PATH: [binOf(agent), node, systemPath].join(':'), LANG: 'C.UTF-8' },
    });
    return new Stage(agent, stateDir, local, await startModelServer());
  }

  /** Starts a bridge as a person would: the preset, and the environment that the agent wants. */
  bridge(): { bridge: BridgeProcess; client: AcpClient } {
    const env = Object.entries(this.#agent.env(this.model.url));
    const bridge = new BridgeProcess(this.#local, {
      args: [
        ...['--agent', this.#agent.name, '--idle-detach', '1s'],
        ...env.flatMap(([name, value]) => ['--env', `${name}=${value}`]),
      ],
      agent: [],
    });
    this.#bridges.push(bridge);
    return { bridge, client: new AcpClient(bridge) };
  }

  /** Whether a bridge holds a shell in a microVM, which keeps it billed. */
  get isAttached(): boolean {
    return this.#local.sessions().some(({ shells }) => shells.some(({ attached }) => attached));
  }

  /** Reclaims the microVMs: processes, HOME and /tmp are gone, /mnt/workspace stays. */
  evict(): Promise<void> {
    return this.#local.faults.evict();
  }

  /** The path here of a file of /mnt/workspace, if there is one. */
  workspaceFile(name: string): string | undefined {
    return globSync(join(this.#stateDir, 'workspaces', '*', name))[0];
  }

  async close(): Promise<void> {
    if (process.env['SHOW'])
      for (const { turns } of this.model.asked)
        console.log(
          'ASKED',
          JSON.stringify(
            turns.map(({ from, text }) => from + ': ' + text.slice(-300)),
            null,
            1,
          ),
        );
    if (process.env['SHOW'])
      console.log(
        this.model.log.join('\n'),
        this.#bridges
          .map(
            (b) =>
              b.stderr +
              b.lines.filter((l) => l.includes('permission') || l.includes('tool_call')).join('\n'),
          )
          .join('\n====\n'),
      );
    for (const bridge of this.#bridges) await bridge.stop();
    await this.#local.close();
    await this.model.close();
    await rm(this.#stateDir, { recursive: true, force: true });
  }
}

const systemPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
