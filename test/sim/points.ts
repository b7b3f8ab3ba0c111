/** R4 in the simulation (faults.md): the calls of a daemon's ports that there are here, at each of which some daemon crashes before and after. */
import { type Side, SIDES } from '../chaos/lab/points.ts';
import { Random } from '../chaos/lab/random.ts';

/** Call → the most times that daemons come there before one crashes; how often they do is the seed's. */
export const POINTS: Readonly<Record<string, number>> = {
  // From a record to its turn.
  'look: script sweep': 20,
  'turns wake': 8,
  'turns hurry': 1,
  'queue moveToActive': 60,
  'queue extendLock': 1,
  // The turn.
  'turn: script take': 5,
  'turn: reader readAfter': 8,
  'turn: redis hmget': 20,
  'sandbox invoke': 8,
  'turn: script settle': 16,
  'turn: script release': 5,
  'queue moveToDelayed': 2,
  'queue moveToFinished': 2,
  // Expiry without a turn.
  'expiry: script take': 1,
  'expiry: reader readAfter': 1,
  'expiry: script settle': 1,
  'expiry: script release': 1,
};

export interface Needs {
  /** Records that expire while nobody runs their shard. */
  readonly expiry: boolean;
  /** Runs that are longer than a term of the lock's. */
  readonly slow: boolean;
}

export interface Crash {
  readonly call: string;
  readonly side: Side;
  readonly nth: number;
}

export const pointOf = ({ call, side }: Pick<Crash, 'call' | 'side'>): string => `${side} ${call}`;

const ALL = Object.keys(POINTS).flatMap((call) => SIDES.map((side) => ({ call, side })));
export const POINT_NAMES: readonly string[] = ALL.map(pointOf);
/** Daemons seldom come to an expiry in time, so that these have twice as many turns. */
const IN_TURN = [...ALL, ...ALL.filter(({ call }) => call.startsWith('expiry: '))];
const CRASHES_PER_SEED = 4;
/** Has no divisor in common with their number; those of one seed are far from each other. */
const STRIDE = 11;

/** What a scenario has to have, so that daemons come there at all. */
export function needsOf(crashes: readonly Crash[]): Needs {
  const some = (part: string): boolean => crashes.some(({ call }) => call.includes(part));
  return { expiry: some('expiry: '), slow: some('extendLock') };
}

/** Seeds one after another have each point in turn. */
export function crashesOf(seed: number): readonly Crash[] {
  const random = new Random(seed ^ 0x2545f491);
  return Array.from({ length: CRASHES_PER_SEED }, (_, n) => {
    const point = IN_TURN[((seed * CRASHES_PER_SEED + n) * STRIDE) % IN_TURN.length]!;
    return { ...point, nth: random.between(1, POINTS[point.call]!) };
  });
}
