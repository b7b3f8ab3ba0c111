/** A soak (R29): hours of a mild mixture of faults under a steady load; then everything settled, the checker, and what is held compared. */
import { copyFile } from 'node:fs/promises';
import path from 'node:path';
import { eventually } from '../../support/daemon.ts';
import { type Checked, type Lab, type LabDaemon, pause, withLab } from '../lab/lab.ts';
import { Operator } from '../lab/operators.ts';
import type { ProducerSpec } from '../lab/producer.ts';
import { type Rest, tellRest } from '../lab/rest.ts';
import { leastSettled } from '../lab/shards.ts';
import { openStreamSource } from '../lab/stream-source.ts';
import type { Violation } from '../shard-view.ts';
import { Daemons } from '../swarm/daemons.ts';
import { keepEvidence } from '../swarm/evidence.ts';
import type { Fault } from '../swarm/fault.ts';
import { type Count, Nemesis } from '../swarm/nemesis.ts';
import { isClean } from '../swarm/run.ts';
import { CONCURRENCY, LAYOUT, mixtureOf } from './mixture.ts';
import { Samples } from './samples.ts';
import { type Bound, checkSteady, type Point } from './steady.ts';

export interface SoakSpec {
  readonly seed: number;
  readonly minutes: number;
  /** No more faults, and the end: somebody is impatient. */
  readonly stopped: () => boolean;
}

export interface SoakRun {
  readonly spec: SoakSpec;
  readonly counts: ReadonlyMap<Fault, Count>;
  readonly survivor: number;
  readonly samples: Samples;
  readonly baseline: Rest | null;
  readonly drained: Rest | null;
  /** null: it did not come so far. */
  readonly checked: Checked | null;
  readonly error: Error | null;
  readonly unreached: readonly Fault[];
  /** Directory with the history and what else tells of the run; null: it was clean. */
  readonly kept: string | null;
}

const SHARDS = 8;
/** With the window below a shard has a batch a second, of a dozen records: an hour's history is 360,000 records in some 150 MB. */
const LOAD: ProducerSpec = { perSecond: 100, work: [10, 60], failing: 0.01 };
const TIMEOUT_S = 20;
const GRACE_MS = (TIMEOUT_S + 5) * 1_000;
/** A stream keeps a day at least. Records are older than that by their ids, so what is settled is trimmed. */
const OLD_MS = 25 * 60 * 60_000;
const MAPPING = { maximumBatchingWindowInSeconds: 1, batchSize: 20, maximumRecordAgeInSeconds: -1 };

/** Before what is held at rest is looked at first: connections are made, code is loaded, keys are there. */
const WARM_MS_MAX = 60_000;
const WARM_SHARE = 0.1;
/** Until all that is settled is trimmed. */
const SETTLED_MS = 12_000;
const EXPECTED_MS_MAX = 60_000;

/**
 * 5 % is I10's own. At 100 records/s an hour shows 40 bytes that stay of each record. One connection left of each break of
 * the network would be more than two descriptors. A process for functions has 60 MB when it is new and 66 when it has run for minutes.
 * A Redis that was just started again has a megabyte less until daemons are back.
 */
export const BOUNDS = {
  rssMb: { name: 'RSS', unit: 'MB', share: 0.05, least: 0 },
  descriptors: { name: 'descriptors', unit: '', share: 0, least: 2 },
  childRssMb: { name: 'RSS of each process for functions', unit: 'MB', share: 0.15, least: 0 },
  redisMb: { name: 'used_memory', unit: 'MB', share: 0.05, least: 0, middle: true },
} as const satisfies Record<string, Bound>;
/** One for each turn, one in reserve, one that is about to end. */
const CHILDREN_MAX = CONCURRENCY + 2;

export async function runSoak(spec: SoakSpec): Promise<SoakRun> {
  const source = (parts: Parameters<typeof openStreamSource>[0]) => openStreamSource(parts, SHARDS, OLD_MS);
  const labSpec = { name: 'soak', seed: spec.seed, timeout: TIMEOUT_S, source, mapping: MAPPING };
  return await withLab(labSpec, async (lab) => {
    const links = await Promise.all(LAYOUT.map(() => lab.link()));
    const daemons = new Daemons(lab, LAYOUT, links);
    await daemons.startAll();
    const survivor = lab.daemons[0]!;
    const mortals = new Daemons(lab, LAYOUT, links);
    mortals.spare(survivor);
    const plan = mixtureOf(spec.seed, spec.minutes * 60_000, mortals, survivor);
    const nemesis = new Nemesis(plan, { lab, daemons, operator: new Operator(lab), cluster: null });
    const samples = new Samples(lab);
    const rest = { daemons: () => [survivor], bytes: true, settledMs: SETTLED_MS };
    let baseline: Rest | null = null;
    let drained: Rest | null = null;
    let checked: Checked | null = null;
    let error: Error | null = null;
    try {
      await warmUp(lab, Math.min(WARM_MS_MAX, spec.minutes * 60_000 * WARM_SHARE));
      baseline = await tellRest(lab, rest, null);
      lab.producer.start(LOAD);
      await nemesis.run(spec.stopped);
      await lab.drain();
      await samples.stop();
      drained = await tellRest(lab, rest, baseline);
      checked = await judge(lab, samples, survivor);
    } catch (thrown) {
      error = thrown instanceof Error ? thrown : new Error(String(thrown));
    }
    await samples.stop();
    const unreached = [...nemesis.counts].filter(([, { hits }]) => hits === 0).map(([fault]) => fault);
    const { pid } = survivor.process;
    const run = { spec, counts: nemesis.counts, survivor: pid, samples, baseline, drained, checked, error, unreached };
    if (isClean(run)) return { ...run, kept: null };
    const kept = await keepEvidence(lab, { seed: spec.seed, source: 'soak' }, run);
    await copyFile(samples.file, path.join(kept, 'samples.ndjson'));
    return { ...run, kept };
  });
}

async function warmUp(lab: Lab, forMs: number): Promise<void> {
  lab.producer.start(LOAD);
  await eventually(
    async () => leastSettled(await lab.look()),
    (n) => n > 0,
    { withinMs: EXPECTED_MS_MAX, what: 'each shard has settled something' },
  );
  await pause(forMs);
  if (!(await lab.drain())) throw new Error('it did not drain before the first fault');
}

/** `silentFailures`: requests that are not let out while the network is broken leave no last word. */
async function judge(lab: Lab, samples: Samples, survivor: LabDaemon): Promise<Checked> {
  const checked = await lab.check({ shutdown: { graceMs: GRACE_MS }, silentFailures: true });
  const steady = lab.daemons.flatMap(({ process: { pid } }): Violation[] => {
    const who = pid === survivor.process.pid ? 'the daemon that nobody ended' : `daemon ${pid}`;
    const trends = (['rssMb', 'descriptors', 'childRssMb'] as const).flatMap((measure) =>
      checkSteady(who, samples.of(pid, measure), BOUNDS[measure]),
    );
    return [...trends, ...tooManyChildren(who, samples.of(pid, 'children'))];
  });
  const redis = checkSteady('Redis', samples.redis(), BOUNDS.redisMb);
  return { ...checked, violations: [...checked.violations, ...steady, ...redis] };
}

function tooManyChildren(who: string, points: readonly Point[]): Violation[] {
  const most = points.reduce((max, { value }) => Math.max(max, value), 0);
  if (most <= CHILDREN_MAX) return [];
  const message = `${who} had ${most} processes for functions, for ${CONCURRENCY} turns`;
  return [{ invariant: 'I10', shard: null, message, excerpt: [] }];
}
