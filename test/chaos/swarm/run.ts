/** One seed from its plan to its verdict: daemons, a producer, faults for a while, then none, everything settled, the checker. */
import type { Cluster } from '../../support/kafka/cluster.ts';
import type { HistoryLine } from '../../support/history.ts';
import { eventually } from '../../support/daemon.ts';
import { type Checked, type Lab, pause, withLab } from '../lab/lab.ts';
import { Operator } from '../lab/operators.ts';
import type { LabSpec } from '../lab/project.ts';
import { Random } from '../lab/random.ts';
import { type Rest, type RestSpec, tellRest } from '../lab/rest.ts';
import { leastSettled } from '../lab/shards.ts';
import { BLOCKING } from '../lab/stalls.ts';
import { fromTopic, type TopicSource } from '../lab/topic-source.ts';
import { Daemons } from './daemons.ts';
import { keepEvidence } from './evidence.ts';
import { type Count, Nemesis } from './nemesis.ts';
import { makePlan, type Plan, type PlanSpec } from './plan.ts';
import type { Fault, World } from './fault.ts';

export interface SwarmSpec extends PlanSpec {
  /** Of a topic. */
  readonly cluster: Cluster | null;
  readonly wrongBuild?: string;
  readonly drainMsMax?: number;
  /** I10: what is held at rest before the first fault and after the last. Takes the time of draining once more. */
  readonly resources?: boolean;
  /** No more faults, and the end: somebody is impatient. */
  readonly stopped?: () => boolean;
}

export interface SwarmRun {
  readonly plan: Plan;
  readonly counts: ReadonlyMap<Fault, Count>;
  readonly mixed: number;
  /** null: it did not come so far. */
  readonly checked: Checked | null;
  /** What broke off the run. */
  readonly error: Error | null;
  /** Faults that were drawn and hit nothing at work. */
  readonly unreached: readonly Fault[];
  /** Directory with the history and what else tells of the run; null: it was clean. */
  readonly kept: string | null;
}

const SHARDS = 8;
const PARTITIONS = 6;
const WORKING_MS_MAX = 60_000;
/** A daemon that is asked to stop has the function's timeout and 5 s (docs/operations.md). */
const TIMEOUT_S = 20;
const GRACE_MS = (TIMEOUT_S + 5) * 1_000;
const CLOCK = new URL('./clock.ts', import.meta.url).href;

export async function runSwarm(spec: SwarmSpec): Promise<SwarmRun> {
  const plan = makePlan(spec);
  return await withLab(labSpecOf(spec, plan), async (lab) => {
    const links = breaksLinks(plan) ? await Promise.all(plan.layout.map(() => lab.link())) : [];
    const daemons = new Daemons(lab, plan.layout, links);
    const { cluster } = spec;
    const world = { lab, daemons, operator: new Operator(lab), cluster };
    const nemesis = new Nemesis(plan, world);
    let checked: Checked | null = null;
    let error: Error | null = null;
    try {
      for (const fault of plan.weights.keys()) await fault.prepare?.(lab);
      const baseline = await begin(lab, daemons, spec);
      await nemesis.run(spec.stopped ?? (() => false));
      checked = await end(world, spec, plan, baseline);
    } catch (thrown) {
      error = thrown instanceof Error ? thrown : new Error(String(thrown));
    }
    const unreached = [...nemesis.counts].filter(([, { hits }]) => hits === 0).map(([fault]) => fault);
    const run = { plan, counts: nemesis.counts, mixed: nemesis.mixed, checked, error, unreached };
    return { ...run, kept: isClean(run) ? null : await keepEvidence(lab, spec, run) };
  });
}

const breaksLinks = ({ weights }: Plan): boolean => [...weights.keys()].some(({ needsLinks }) => needsLinks);

/** Of a swarm, or of a soak. */
export function isClean({ checked, error, unreached }: Pick<SwarmRun, 'checked' | 'error' | 'unreached'>): boolean {
  return error === null && unreached.length === 0 && checked !== null && checked.violations.length === 0;
}

function labSpecOf({ seed, source, cluster, wrongBuild, drainMsMax }: SwarmSpec, { weights }: Plan): LabSpec {
  const topic = cluster && { source: fromTopic({ brokers: cluster.bootstrap, partitions: PARTITIONS }) };
  const has = (name: string): boolean => [...weights.keys()].some((fault) => fault.name === name);
  return {
    ...{ name: `swarm-${source}`, seed, shards: SHARDS, timeout: TIMEOUT_S, preloads: [CLOCK, ...BLOCKING] },
    trimmedByHand: has('trimmed'),
    // A stream is counted anew from its first record, a partition from its committed offset.
    countersLost: has('state-lost') && source === 'kafka',
    ...topic,
    ...(wrongBuild !== undefined && { wrongBuild }),
    ...(drainMsMax !== undefined && { drainMsMax }),
  };
}

/** Faults come to shards that are at work. What is held at rest before, where that is asked for. */
async function begin(lab: Lab, daemons: Daemons, { seed, resources }: SwarmSpec): Promise<Rest | null> {
  await daemons.startAll();
  const random = new Random(seed + 2);
  const work = [random.between(5, 20), random.between(30, 90)] as const;
  const load = { perSecond: random.between(25, 60), work, failing: random.between(0, 5) / 100 };
  lab.producer.start(load);
  await eventually(
    async () => leastSettled(await lab.look()),
    (n) => n > 0,
    {
      withinMs: WORKING_MS_MAX,
      everyMs: 100,
      what: 'each shard has settled something',
    },
  );
  if (!resources) return null;
  await lab.drain();
  const baseline = await tellRest(lab, restOf(lab), null);
  lab.producer.start(load);
  return baseline;
}

/** Streams keep what is settled for a day, so bytes are not compared. */
const restOf = (lab: Lab): RestSpec => ({ daemons: () => lab.ready(), bytes: false, settledMs: 3_000 });

async function end(
  world: Omit<World, 'random'>,
  { source }: SwarmSpec,
  plan: Plan,
  before: Rest | null,
): Promise<Checked> {
  const { lab } = world;
  await pause(500);
  await lab.drain();
  await tellEverything(lab, source === 'kafka');
  // What two faults have alike is told once.
  for (const tell of new Set([...plan.weights.keys()].map((fault) => fault.tell))) await tell?.(world);
  if (before) await tellRest(lab, restOf(lab), before);
  // Within minutes nothing is old enough to expire, whatever a daemon's clock says.
  const expiry = { kind: 'default', ageMs: null, timeoutMs: TIMEOUT_S * 1_000 } as const;
  // Requests that are not let out leave no last word.
  const silentFailures = breaksLinks(plan);
  return await lab.check({ shutdown: { graceMs: GRACE_MS }, expiry, silentFailures });
}

/** What the source took without being able to say so is settled, too. */
async function tellEverything(lab: Lab, isTopic: boolean): Promise<void> {
  if (isTopic) return await (lab.source as TopicSource).everything(lab.recorder);
  const history = await lab.recorder.history();
  const said = new Set(history.flatMap((line: HistoryLine) => (line.kind === 'accepted' ? line.positions : [])));
  for (const shard of lab.shards) {
    const positions = (await lab.source.positionsIn(shard)).filter((position) => !said.has(position));
    if (positions.length > 0) await lab.recorder.record({ kind: 'accepted', shard: shard.name, positions });
  }
}
