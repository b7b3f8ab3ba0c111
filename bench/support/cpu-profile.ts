/** What a CPU profile of V8 says about the stages of a record's way through the executor. */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

export interface Profile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: { readonly functionName: string; readonly url: string };
    readonly children?: readonly number[];
  }[];
  readonly samples: readonly number[];
  /** µs. */
  readonly timeDeltas: readonly number[];
  readonly endTime: number;
}

export const STAGES = ['wire', 'read', 'encode', 'cross', 'decide', 'settle', 'queue', 'garbage', 'other'] as const;
export type Stage = (typeof STAGES)[number];

/** The first that fits the innermost frame that any fits: what a library does counts for who called it. */
const ROOMS: readonly (readonly [RegExp, Stage])[] = [
  // Reads and settles leave together, once per turn of the event loop: whose it was cannot be told.
  [/\/src\/redis\/(reader-connection|reader-reply|script-line)\.ts/, 'wire'],
  [/\/src\/redis\/reader|\/src\/turn\/(reading|picking|slice|shared-reads|sieve|gap)|\/src\/filter\//, 'read'],
  [/\/src\/event\/|\/src\/(ascii-json|columns)\.ts/, 'encode'],
  [/\/src\/sandbox\/|\/src\/turn\/attempt\.ts/, 'cross'],
  [/\/src\/unit\//, 'decide'],
  [/\/src\/shard\/|\/src\/turn\/(settling|settle-book|shipping|notices)|\/src\/redis\//, 'settle'],
  [/\/src\/queue\/|\/node_modules\/bullmq\/|\/src\/poller|\/src\/watch\//, 'queue'],
];
/** Replies of Redis are taken apart before anyone's code is called: by the client library for settles and takes. */
const ORPHANS: readonly (readonly [RegExp, Stage])[] = [[/\/node_modules\/(ioredis|redis-parser)\//, 'settle']];

/** The profile of one process in a directory that Node has written profiles to. */
export function readProfile(directory: string, pid: number): Profile {
  const file = readdirSync(directory).find((name) => name.split('.')[3] === String(pid));
  if (file === undefined) throw new Error(`no profile of process ${pid} among ${readdirSync(directory).join(', ')}`);
  return JSON.parse(readFileSync(path.join(directory, file), 'utf8')) as Profile;
}

/** CPU time in µs by stage, within the last part of the profile; the idle time is no one's. */
export function stagesOf(profile: Profile, lastUs: number): Record<Stage, number> {
  const parents = new Map(profile.nodes.flatMap(({ id, children = [] }) => children.map((child) => [child, id])));
  const frames = new Map(profile.nodes.map(({ id, callFrame }) => [id, callFrame]));
  const stages = new Map<number, Stage | 'idle'>();
  const stageOf = (id: number): Stage | 'idle' => {
    const name = frames.get(id)!.functionName;
    if (name === '(idle)') return 'idle';
    if (name === '(garbage collector)') return 'garbage';
    for (const rooms of [ROOMS, ORPHANS]) {
      for (let at: number | undefined = id; at !== undefined; at = parents.get(at)) {
        const found = rooms.find(([room]) => room.test(frames.get(at!)!.url));
        if (found) return found[1];
      }
    }
    return 'other';
  };
  for (const { id } of profile.nodes) stages.set(id, stageOf(id));
  const sums = Object.fromEntries(STAGES.map((stage) => [stage, 0])) as Record<Stage, number>;
  let left = lastUs;
  for (let n = profile.samples.length - 1; n >= 0 && left > 0; n--) {
    const us = profile.timeDeltas[n]!;
    left -= us;
    const stage = stages.get(profile.samples[n]!)!;
    if (stage !== 'idle') sums[stage] += us;
  }
  return sums;
}
