import { Lane } from './lane.ts';
import { buildPrograms, type Pace } from './programs.ts';
import { chaosTable } from './table.ts';
import type { Memory } from './wire.ts';

export interface ChaosOptions {
  readonly seed: number;
  /** Messages both ways together. */
  readonly messages: number;
  readonly faults: number;
  /** Threads side by side, each with a service, a bridge and an agent of its own. */
  readonly lanes: number;
  /** Of all lanes; undefined: every second one is hurried. */
  readonly pace?: Pace | undefined;
  /** Of all lanes; undefined: the seed decides. */
  readonly memory?: Memory | undefined;
  /** Names of the kinds to choose from; undefined: all. */
  readonly only?: readonly string[] | undefined;
  /** Of the bridge, besides those that reach the service. */
  readonly args?: readonly string[];
  readonly onProgress?: (progress: {
    readonly messages: number;
    readonly faults: number;
    /** What is wrong so far. */
    readonly complaints: readonly string[];
  }) => void;
}

export interface ChaosResult {
  readonly isWhole: boolean;
  readonly table: string;
  readonly lanes: readonly Lane[];
}

/** Runs all lanes to their end. */
export async function runChaos(options: ChaosOptions): Promise<ChaosResult> {
  const from = performance.now();
  const { seed, messages, faults, only } = options;
  const programs = buildPrograms();
  const lanes = Array.from({ length: options.lanes }, (_, i) => {
    const pace = options.pace ?? (i % 2 === 0 ? 'shipped' : 'hurried');
    const laneSeed = seed + i * 7919;
    const lane: Lane = new Lane({
      name: String(i),
      seed: laneSeed,
      memory: options.memory ?? memories[laneSeed % memories.length] ?? 'resume',
      messages: Math.ceil(messages / options.lanes),
      faults: Math.ceil(faults / options.lanes),
      pace,
      program: programs[pace],
      only,
      args: options.args ?? [],
      onProgress: () =>
        options.onProgress?.({
          messages: sum(lanes, (each) => each.stage.messages),
          faults: sum(lanes, (each) => each.faultsDone),
          complaints: lanes.flatMap((each) => each.stage.ledger.complaints),
        }),
    });
    return lane;
  });
  await Promise.all(lanes.map((lane) => lane.run()));
  programs.remove();
  return {
    isWhole: lanes.every(({ isWhole }) => isWhole),
    table: chaosTable(lanes, { ...options, seconds: (performance.now() - from) / 1000 }),
    lanes,
  };
}

const memories: readonly Memory[] = ['resume', 'load', 'none'];

function sum(lanes: readonly Lane[], of: (lane: Lane) => number): number {
  return lanes.reduce((total, lane) => total + of(lane), 0);
}
