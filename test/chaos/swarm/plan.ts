/** What a seed draws before anything starts: which faults, how often each, in which order, which two at once, and on which daemons. Pure. */
import { Random } from '../lab/random.ts';
import { faultsFor } from './catalogue.ts';
import { type Fault, type SourceKind, touchesOf } from './fault.ts';

export interface PlanSpec {
  readonly seed: number;
  readonly source: SourceKind;
  /** How long faults come. */
  readonly faultsMs: number;
  /** Those and no others; empty: the seed draws. */
  readonly only: readonly Fault[];
}

export interface Step {
  /** One, or two at once. */
  readonly faults: readonly Fault[];
  readonly pauseMs: number;
  /** Of the strikes' own choices. */
  readonly seed: number;
}

export interface Plan {
  readonly spec: PlanSpec;
  /** Arguments of each daemon. */
  readonly layout: readonly (readonly string[])[];
  readonly weights: ReadonlyMap<Fault, number>;
  /** First each fault once. */
  readonly steps: Iterator<Step, never>;
}

const BOTH_ROLES = Array.from({ length: 3 }, () => ['--concurrency', '6']);
const ROLES_APART = [
  ...[1, 2].map(() => ['--role', 'poller']),
  ...[1, 2].map(() => ['--role', 'executor', '--concurrency', '6']),
];
const ROLES_APART_CHANCE = 0.3;
/** So long is a strike with its pause, about: no more are drawn than have their time. */
const STRIKE_MS = 5_000;
const FAULTS_MIN = 2;
const WEIGHT_MAX = 5;
const TWO_AT_ONCE = 0.35;
const PAUSE_MS = [200, 2_500] as const;

export function makePlan(spec: PlanSpec): Plan {
  const random = new Random(spec.seed);
  const layout = random.chance(ROLES_APART_CHANCE) ? ROLES_APART : BOTH_ROLES;
  const drawn = spec.only.length > 0 ? spec.only : draw(random, spec);
  const weights = new Map(drawn.map((fault) => [fault, random.between(1, WEIGHT_MAX)]));
  return { spec, layout, weights, steps: stepsOf(random, weights) };
}

function draw(random: Random, { source, faultsMs }: PlanSpec): Fault[] {
  const drawable = faultsFor(source).filter(({ onlyAsked }) => !onlyAsked);
  const all = random.some(drawable, Infinity);
  const most = Math.max(FAULTS_MIN, Math.min(all.length, Math.floor(faultsMs / STRIKE_MS)));
  const count = random.between(FAULTS_MIN, most);
  const drawn: Fault[] = [];
  for (const fault of all) {
    const excluded = drawn.some((other) => areApart(fault, other) || areApart(other, fault));
    if (!excluded && drawn.length < count) drawn.push(fault);
  }
  return drawn;
}

const areApart = (one: Fault, other: Fault): boolean => one.without?.includes(other.name) ?? false;

/** Each once and alone, in random order; then as their weights have it, some beside each other. */
function* stepsOf(random: Random, weights: ReadonlyMap<Fault, number>): Generator<Step, never> {
  const stepWith = (faults: readonly Fault[]): Step => ({
    faults,
    pauseMs: random.between(...PAUSE_MS),
    seed: random.between(0, 2 ** 31),
  });
  for (const fault of random.some([...weights.keys()], weights.size)) yield stepWith([fault]);
  const many = [...weights].flatMap(([fault, weight]) => Array.from({ length: weight }, () => fault));
  for (;;) {
    const first = random.pick(many);
    const beside = many.filter((fault) => canBeBeside(first, fault));
    const two = beside.length > 0 && random.chance(TWO_AT_ONCE);
    yield stepWith(two ? [first, random.pick(beside)] : [first]);
  }
}

/** Two strikes on daemons have different daemons; everything is everything. */
function canBeBeside(one: Fault, other: Fault): boolean {
  const [some, others] = [touchesOf(one), touchesOf(other)];
  if (some.includes('everything') || others.includes('everything')) return false;
  return one !== other && !some.some((thing) => thing !== 'daemon' && others.includes(thing));
}
