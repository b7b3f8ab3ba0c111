/** What is held while there is nothing to do: I10 compares it before the first fault and after the last. */
import { performance } from 'node:perf_hooks';
import type { Redis } from 'ioredis';
import { type Lab, type LabDaemon, pause } from './lab.ts';
import { type Vitals, vitalsOf } from './vitals.ts';

/** stdin, stderr and the wire (src/sandbox/spawn.ts). */
const DESCRIPTORS_OF_CHILD = 3;
const REST_MS_MAX = 60_000;
/** I10. */
const DRIFT = 1.05;
/** The queue's own log of ten events: Redis trims it by a hundred at a time, so its size is chance. */
const EVENTS = /:queue:[^:]+:events$/;

export interface Held {
  readonly keys: number;
  readonly bytes: number;
}

export interface Rest {
  /** By what keys are: `millrace:shard`, … */
  readonly kinds: ReadonlyMap<string, Held>;
  /** As `resource` lines of a history have them. */
  readonly facts: ReadonlyMap<string, number>;
}

export interface RestSpec {
  readonly daemons: () => readonly LabDaemon[];
  /** What its keys cost, too: where streams are trimmed and no notices are left. */
  readonly bytes: boolean;
  /** Before the first look. Keys of daemons that ended live for 5 s, trimming comes every 10 s. */
  readonly settledMs: number;
}

/** How many processes functions have follows the load, so what a daemon itself has open is compared. */
export const ownDescriptors = ({ descriptors, children }: Vitals): number =>
  descriptors - DESCRIPTORS_OF_CHILD * children;

/** Waits until it is as `before` was, or as long as that may take, and puts it into the history. */
export async function tellRest(lab: Lab, spec: RestSpec, before: Rest | null): Promise<Rest> {
  const until = performance.now() + REST_MS_MAX;
  await pause(spec.settledMs);
  let rest = await look(lab, spec);
  const isMore = ([name, value]: readonly [string, number]): boolean =>
    value > (before?.facts.get(name) ?? value) * DRIFT;
  while ([...rest.facts].some(isMore) && performance.now() < until) {
    await pause(1_000);
    rest = await look(lab, spec);
  }
  const phase = before ? 'drained' : 'baseline';
  const lines = [...rest.facts].map(([name, value]) => ({ kind: 'resource', phase, name, value }) as const);
  await lab.recorder.record(...lines);
  return rest;
}

async function look(lab: Lab, { daemons, bytes }: RestSpec): Promise<Rest> {
  const facts = new Map<string, number>();
  for (const { process, args } of daemons()) {
    const vitals = vitalsOf(process.pid);
    if (!vitals) throw new Error(`process ${process.pid} is gone`);
    const role = args.includes('--role') ? args[args.indexOf('--role') + 1] : 'daemon';
    facts.set(`fds:${role}`, Math.max(facts.get(`fds:${role}`) ?? 0, ownDescriptors(vitals)));
  }
  const kinds = await heldByKind(lab.redis);
  const held = [...kinds.values()];
  facts.set(
    'redis:keys',
    held.reduce((sum, one) => sum + one.keys, 0),
  );
  if (bytes)
    facts.set(
      'redis:bytes',
      held.reduce((sum, one) => sum + one.bytes, 0),
    );
  return { kinds, facts };
}

/** Looks at every key: for a run's small Redis. */
async function heldByKind(redis: Redis): Promise<Map<string, Held>> {
  const kinds = new Map<string, Held>();
  for (const key of await redis.keys('*')) {
    // null: it expired since.
    const bytes = await redis.memory('USAGE', key, 'SAMPLES', 0);
    if (bytes === null || EVENTS.test(key)) continue;
    const kind = key.split(':').slice(0, 2).join(':');
    const held = kinds.get(kind) ?? { keys: 0, bytes: 0 };
    kinds.set(kind, { keys: held.keys + 1, bytes: held.bytes + bytes });
  }
  return kinds;
}
