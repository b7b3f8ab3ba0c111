/** I10 over time: whether what a long-lived process holds goes on rising. Pure. */
import type { Violation } from '../shard-view.ts';

export interface Point {
  readonly atMs: number;
  readonly value: number;
}

export interface Trend {
  readonly spanMs: number;
  /** Of the fitted line, at its beginning and its end. */
  readonly from: number;
  readonly to: number;
}

export interface Bound {
  readonly name: string;
  readonly unit: string;
  /** The line may rise by this share of its beginning, or by so much, whichever is more. */
  readonly share: number;
  readonly least: number;
  /** Of each piece of time not the least counts, but the middle: it starts anew now and then, and holds next to nothing for a moment. */
  readonly middle?: boolean;
}

/** Left out at the beginning: caches fill, V8 finds the size of its heap, functions get their processes. */
const WARM_SHARE = 0.25;
/**
 * The least of each such piece of time is what is held: garbage comes and goes. A daemon's RSS rises by 50 MB and falls again within about three
 * minutes, and a line through all of it would rise or fall by chance.
 */
const PIECE_MS = 5 * 60_000;
/** Fewer make no line. */
const PIECES_MIN = 4;

/** The least-squares line through what was held in each piece after the warm-up; null: it did not last long enough to be judged. */
export function trendOf(
  points: readonly Point[],
  { middle: isMiddle = false }: Pick<Bound, 'middle'> = {},
): Trend | null {
  const floors = floorsOf(points.slice(Math.floor(points.length * WARM_SHARE)), isMiddle);
  if (floors.length < PIECES_MIN) return null;
  const mean = (of: (point: Point) => number): number => floors.reduce((sum, one) => sum + of(one), 0) / floors.length;
  const [midMs, middle] = [mean(({ atMs }) => atMs), mean(({ value }) => value)];
  const slope = mean(({ atMs, value }) => (atMs - midMs) * (value - middle)) / mean(({ atMs }) => (atMs - midMs) ** 2);
  const [first, last] = [floors[0]!.atMs, floors.at(-1)!.atMs];
  return { spanMs: last - first, from: middle + slope * (first - midMs), to: middle + slope * (last - midMs) };
}

/** Of whole pieces; each at its middle. */
function floorsOf(points: readonly Point[], isMiddle: boolean): Point[] {
  const begin = points[0]?.atMs ?? 0;
  const pieces = Math.floor(((points.at(-1)?.atMs ?? 0) - begin) / PIECE_MS);
  return Array.from({ length: pieces }, (_, index): Point => {
    const from = begin + index * PIECE_MS;
    const values = points.filter(({ atMs }) => atMs >= from && atMs < from + PIECE_MS).map(({ value }) => value);
    const sorted = values.toSorted((a, b) => a - b);
    return { atMs: from + PIECE_MS / 2, value: sorted[isMiddle ? Math.floor(sorted.length / 2) : 0] ?? NaN };
  }).filter(({ value }) => Number.isFinite(value));
}

export const mayRiseBy = ({ from }: Trend, { share, least }: Bound): number => Math.max(least, from * share);

export function checkSteady(who: string, points: readonly Point[], bound: Bound): Violation[] {
  const trend = trendOf(points, bound);
  if (!trend || trend.to - trend.from <= mayRiseBy(trend, bound)) return [];
  const [from, to] = [trend.from.toFixed(1), trend.to.toFixed(1)];
  const minutes = Math.round(trend.spanMs / 60_000);
  const message = `${bound.name} of ${who} rose from ${from} to ${to} ${bound.unit} in ${minutes} minutes`;
  return [{ invariant: 'I10', shard: null, message, excerpt: [] }];
}
