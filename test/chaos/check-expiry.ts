/** I7 expiry: never early, never untried under the default age, never late under a written-out one, always with a notice. */
import type { HistoryLine, NoticeLine } from '../support/history.ts';
import { CLOCK_SLACK_MS, positionsWithin, type ShardView, type Violation } from './shard-view.ts';

export interface ExpiryOptions {
  readonly kind: 'strict' | 'default';
  /** null: never. */
  readonly ageMs: number | null;
  readonly timeoutMs: number;
  /** Between a decision and the recorder's seeing its effect, and the second that contract.md allows an expiry; 1,500 ms unless given. */
  readonly slackMs?: number;
}

/** Digits of the part `<seq>` of a sequence number; what is before it is the arrival in ms. */
const SEQ_DIGITS = 20;
const SLACK_MS = 1_500;

function arrivalOf(position: string): number {
  return Number(position.slice(0, -SEQ_DIGITS));
}

export function checkExpiry(view: ShardView, options: ExpiryOptions): Violation[] {
  const expiries = view.notices.filter((notice) => notice.condition === 'RecordAgeExceeded');
  return [
    ...checkNotEarly(view, expiries, options),
    ...(options.kind === 'default' ? checkFailedAlone(view, expiries) : checkStrict(view, options)),
    ...checkNoticed(view, expiries),
  ];
}

function checkNotEarly(view: ShardView, expiries: readonly NoticeLine[], { ageMs }: ExpiryOptions): Violation[] {
  const found: Violation[] = [];
  for (const notice of expiries) {
    for (const position of positionsWithin(view.known, notice.first, notice.last)) {
      const age = notice.tWall - arrivalOf(position);
      if (ageMs !== null && age >= ageMs - CLOCK_SLACK_MS) continue;
      const message = `${position} expired at the age of ${age} ms, before ${ageMs ?? 'ever'}`;
      found.push({ invariant: 'I7', shard: view.shard, message, excerpt: [notice] });
    }
  }
  return found;
}

/** "By itself": an attempt with this record only, which did not end in success. */
function checkFailedAlone(view: ShardView, expiries: readonly NoticeLine[]): Violation[] {
  const found: Violation[] = [];
  for (const notice of expiries) {
    for (const position of positionsWithin(view.known, notice.first, notice.last)) {
      const alone = view.attempts.some(
        ({ start, outcome }) =>
          start.positions.length === 1 &&
          start.positions[0] === position &&
          start.tMono <= notice.tMono + CLOCK_SLACK_MS &&
          outcome.get(position)?.kind !== 'success',
      );
      if (alone) continue;
      const message = `${position} expired without having failed by itself`;
      found.push({ invariant: 'I7', shard: view.shard, message, excerpt: [...startsOf(view, position), notice] });
    }
  }
  return found;
}

function checkStrict(view: ShardView, options: ExpiryOptions): Violation[] {
  const { ageMs, timeoutMs, slackMs = SLACK_MS } = options;
  if (ageMs === null) return [];
  const found: Violation[] = [];
  for (const { start } of view.attempts) {
    const late = start.positions.find((position) => start.tWall - arrivalOf(position) >= ageMs + slackMs);
    if (late === undefined) continue;
    const message = `${late} started ${start.tWall - arrivalOf(late) - ageMs} ms after its age`;
    found.push({ invariant: 'I7', shard: view.shard, message, excerpt: [start] });
  }
  for (const position of view.known) {
    const terminal = view.terminal.get(position);
    if (!terminal) continue;
    const latest = arrivalOf(position) + ageMs + timeoutMs + slackMs;
    const ended = terminal.line.tWall;
    // While something was broken nobody could have ended it.
    const excused = view.faults.some(
      ({ begin, end }) => begin.tWall <= ended && end >= terminal.line.tMono - (ended - latest),
    );
    if (ended <= latest || excused) continue;
    const message = `${position} ended ${ended - latest} ms after age, timeout and allowance`;
    found.push({ invariant: 'I7', shard: view.shard, message, excerpt: [...startsOf(view, position), terminal.line] });
  }
  return found;
}

function checkNoticed(view: ShardView, expiries: readonly NoticeLine[]): Violation[] {
  const noticed = new Set(expiries.flatMap((n) => positionsWithin(view.known, n.first, n.last)));
  const found: Violation[] = [];
  for (const line of view.lines) {
    if (line.kind !== 'expired') continue;
    const silent = line.positions.filter((position) => !noticed.has(position));
    if (silent.length === 0) continue;
    const message = `${silent.join(' ')} expired without a durable notice`;
    found.push({ invariant: 'I7', shard: view.shard, message, excerpt: [line] });
  }
  return found;
}

const startsOf = (view: ShardView, position: string): HistoryLine[] =>
  view.attempts.filter(({ start }) => start.positions.includes(position)).map(({ start }) => start);
