/**
 * Tumbling windows beside a plain model: whatever the batches, failures, answers, lost daemons and filters, each window ends with each of its
 * records in its state once, in order. Real turns on a real Redis; what is random is the rest.
 */
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { silentLog } from '../../src/observe/log.ts';
import { createReader, type RangeReader } from '../../src/redis/reader.ts';
import { readPattern } from '../../src/mapping/pattern/read-pattern.ts';
import type { UnitPolicy } from '../../src/unit/types.ts';
import { endOfWindow, windowOf, withinWindow } from '../../src/unit/windows.ts';
import { WINDOW_STATE_BYTES_MAX, type Window } from '../../src/tumbling.ts';
import { useRedis } from '../support/redis.ts';
import { type Answer, AWAY, returns, ScriptedTurns, THROWS } from '../support/scripted-turns.ts';

const redis = useRedis();
const RUNS = 500;
const TURNS_MAX = 2_000;
/** Far in the past, so that every window is over by the clock. */
const BEGIN = 1_700_000_000_000;
const FILTER = { patterns: [readPattern({ partitionKey: [{ 'anything-but': 'x' }] })], id: 'not-x' };

let reader: RangeReader;
beforeAll(() => void (reader = createReader(redis.url, { log: silentLog })));
afterAll(() => reader.close());

interface Move {
  readonly does: 'ok' | 'throw' | 'report' | 'no-state' | 'large' | 'away';
  readonly at: number;
  readonly lost: boolean;
}

interface Case {
  readonly lengthMs: number;
  /** Of records that are there at the start of each phase: ms since the one before, and whether the filter lets it through. */
  readonly phases: readonly (readonly (readonly [gap: number, kept: boolean])[])[];
  readonly batchSizes: readonly number[];
  readonly moves: readonly Move[];
  readonly retries: number;
  readonly bisect: boolean;
  readonly filtered: boolean;
}

const moveOf = fc.record<Move>({
  does: fc.oneof(
    { weight: 6, arbitrary: fc.constant('ok' as const) },
    { weight: 3, arbitrary: fc.constant('throw' as const) },
    { weight: 3, arbitrary: fc.constant('report' as const) },
    fc.constantFrom('no-state' as const, 'large' as const, 'away' as const),
  ),
  at: fc.nat(5),
  lost: fc.oneof({ weight: 4, arbitrary: fc.constant(false) }, fc.constant(true)),
});

const caseOf = fc.record<Case>({
  lengthMs: fc.constantFrom(1_000, 2_000, 7_000, 60_000),
  phases: fc.array(
    fc.array(fc.tuple(fc.oneof(fc.constant(0), fc.nat(300), fc.nat(5_000)), fc.boolean()), { maxLength: 25 }),
    { minLength: 1, maxLength: 3 },
  ),
  batchSizes: fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 3 }),
  moves: fc.array(moveOf, { maxLength: 40 }),
  retries: fc.constantFrom(-1, 0, 1, 3),
  bisect: fc.boolean(),
  filtered: fc.boolean(),
});

interface WindowEvent {
  readonly Records: readonly { readonly kinesis: { readonly data: string; readonly sequenceNumber: string } }[];
  readonly window: { readonly start: string; readonly end: string };
  readonly state: { readonly seen?: readonly number[] };
  readonly isFinalInvokeForWindow: boolean;
}

const numbersIn = ({ Records }: Pick<WindowEvent, 'Records'>) =>
  Records.map(({ kinesis }) => Number(Buffer.from(kinesis.data, 'base64').toString()));
const startOf = ({ window }: Pick<WindowEvent, 'window'>) => Date.parse(window.start);

function answerTo(event: WindowEvent, { does, at, lost }: Move): Answer {
  const seen = event.state.seen ?? [];
  const numbers = numbersIn(event);
  const all = { state: { seen: [...seen, ...numbers] } };
  if (does === 'throw') return { outcome: THROWS, lost };
  if (does === 'away') return { outcome: AWAY, lost };
  if (event.isFinalInvokeForWindow) {
    // What else it says means nothing.
    const more = does === 'report' ? { batchItemFailures: [{ itemIdentifier: 'nobody' }] } : {};
    const output = [{ partitionKey: 'w', data: { start: startOf(event), seen } }];
    return { outcome: returns({ ...more, output }), lost };
  }
  if (does === 'no-state') return { outcome: returns({ batchItemFailures: [] }), lost };
  if (does === 'large') {
    return { outcome: returns({ state: { ...all.state, rest: 'x'.repeat(WINDOW_STATE_BYTES_MAX) } }), lost };
  }
  if (does === 'ok') return { outcome: returns(all), lost };
  const n = Math.min(at, numbers.length - 1);
  const batchItemFailures = [{ itemIdentifier: event.Records[n]!.kinesis.sequenceNumber }];
  return { outcome: returns({ state: { seen: [...seen, ...numbers.slice(0, n)] }, batchItemFailures }), lost };
}

interface Part {
  readonly start: number;
  readonly seen: readonly number[];
}

interface Notice {
  readonly requestContext: { readonly condition: string };
  readonly timeWindowInfo: { readonly isFinalInvokeForWindow: boolean };
  readonly payload: string;
}

/** What is durable at the end: how windows ended, by their outputs or their notices, and which records were given up. */
async function endsOf(turns: ScriptedTurns): Promise<{ parts: Part[]; origins: string[]; givenUp: number[] }> {
  const outputs = await redis.client.xrange(turns.out, '-', '+');
  const parts = outputs.map(([, fields]) => JSON.parse(fields[3]!) as Part);
  const origins = outputs.map(([, fields]) => fields[5]!);
  const givenUp: number[] = [];
  for (const [, fields] of await redis.client.xrange(turns.failures, '-', '+')) {
    const notice = JSON.parse(fields[1]!) as Notice;
    const event = JSON.parse(notice.payload) as WindowEvent;
    expect(notice.requestContext.condition).toBe('RetryAttemptsExhausted');
    if (notice.timeWindowInfo.isFinalInvokeForWindow)
      parts.push({ start: startOf(event), seen: event.state.seen ?? [] });
    else givenUp.push(...numbersIn(event));
  }
  return { parts, origins, givenUp };
}

/** The model: each record that counts, by the beginning of its window. */
function windowsOf(numbers: readonly (readonly [ms: number, n: number])[], lengthMs: number): Map<number, number[]> {
  const windows = new Map<number, number[]>();
  for (const [ms, n] of numbers) {
    const start = Math.floor(ms / lengthMs) * lengthMs;
    windows.set(start, [...(windows.get(start) ?? []), n]);
  }
  return windows;
}

function joined(parts: readonly Part[]): Map<number, number[]> {
  const windows = new Map<number, number[]>();
  const inOrder = [...parts].sort((a, b) => a.start - b.start || (a.seen[0] ?? 0) - (b.seen[0] ?? 0));
  for (const { start, seen } of inOrder) windows.set(start, [...(windows.get(start) ?? []), ...seen]);
  return windows;
}

function policyOf({ retries, bisect, filtered }: Case, batchSize: number): UnitPolicy {
  return {
    ...{ batchSize, maximumRetryAttempts: retries, bisectBatchOnFunctionError: bisect, reportBatchItemFailures: true },
    age: { kind: 'strict', ageMs: null },
    ...(filtered && { filterId: FILTER.id }),
  };
}

let cases = 0;

async function check(given: Case): Promise<void> {
  const { lengthMs, phases, moves, batchSizes, filtered } = given;
  const [ran, crossing]: [number[], number[]] = [[], []];
  let invocations = 0;
  const answer = (event: unknown): Answer => {
    const asked = event as WindowEvent;
    const move = moves[invocations++] ?? { does: 'ok', at: 0, lost: false };
    ran.push(...numbersIn(asked));
    for (const n of numbersIn(asked))
      if (Math.floor(times.get(n)! / lengthMs) * lengthMs !== startOf(asked)) crossing.push(n);
    return answerTo(asked, move);
  };
  const settings = (phase: number) => {
    const batchSize = batchSizes[phase % batchSizes.length]!;
    return { batchSize, tumblingMs: lengthMs, policy: policyOf(given, batchSize), filter: filtered ? FILTER : null };
  };
  const turns = new ScriptedTurns(redis, reader, `case${cases++}`, settings(0), answer);
  await turns.begin();
  const times = new Map<number, number>();
  const counted: (readonly [number, number])[] = [];
  let ms = BEGIN;
  for (const [i, phase] of phases.entries()) {
    turns.settings = settings(i);
    for (const [gap, kept] of phase) {
      ms += gap;
      const n = times.size;
      times.set(n, ms);
      await redis.client.xadd(turns.stream, `${ms}-*`, 'partitionKey', kept ? 'k' : 'x', 'data', String(n));
      if (kept || !filtered) counted.push([ms, n]);
    }
    await turns.untilNothingIsLeft(TURNS_MAX);
    await turns.lateAnswers();
    // What comes later is of later windows: here the ends of the others have come by the clock.
    ms += lengthMs;
  }
  const { parts, origins, givenUp } = await endsOf(turns);
  const lost = new Set(givenUp);
  const expected = windowsOf(counted, lengthMs);
  for (const [start, numbers] of expected)
    expected.set(
      start,
      numbers.filter((n) => !lost.has(n)),
    );
  expect(joined(parts)).toEqual(expected);
  expect(crossing).toEqual([]);
  expect(turns.interruptions).toEqual([]);
  expect(new Set(origins).size).toBe(origins.length);
  // Only a window that ended early has a second part.
  if (!moves.some(({ does }) => does === 'large')) expect(parts).toHaveLength(expected.size);
  const state = await turns.state();
  expect(state).toMatchObject({ units: '[]', winDue: '0' });
  expect(state['winState'] ?? '{}').toBe('{}');
  expect(Number(state['n:succeeded'] ?? 0)).toBe(counted.length - lost.size);
}

it(`${RUNS} histories of windows end as their model says`, { timeout: 600_000 }, async () => {
  // A case without records has no window, and says nothing.
  const said = caseOf.filter(({ phases, filtered }) => phases.flat().some(([, kept]) => kept || !filtered));
  await fc.assert(fc.asyncProperty(said, check), { numRuns: RUNS });
});

const lengths = [1_000, 3_000, 45_000, 60_000] as const;

it('times in any order: batches that keep to the first record’s window change nothing of where each record counts', () => {
  const timeOf = fc.array(fc.nat(200_000), { minLength: 1, maxLength: 40 });
  const sizes = fc.array(fc.integer({ min: 1, max: 10 }), { minLength: 1, maxLength: 5 });
  fc.assert(
    fc.property(timeOf, sizes, fc.constantFrom(...lengths), (times, batchSizes, lengthMs) => {
      const one = startsOf(times, lengthMs, () => 1);
      let batch = 0;
      const many = startsOf(times, lengthMs, () => batchSizes[batch++ % batchSizes.length]!);
      expect(many).toEqual(one);
      // No window comes back, and none is entered before its time or by a record of a later one.
      expect(one).toEqual([...one].sort((a, b) => a - b));
      for (const [i, start] of one.entries()) expect(times[i]!).toBeLessThan(start + lengthMs);
    }),
    { numRuns: 3_000 },
  );
});

/** The window that each record is put into when they are read in batches. */
function startsOf(times: readonly number[], lengthMs: number, batchSize: () => number): number[] {
  const starts: number[] = [];
  let newest: Window | null = null;
  let knownEnd = 0;
  while (starts.length < times.length) {
    const rest = times.slice(starts.length, starts.length + batchSize());
    const batch = rest.slice(0, withinWindow(rest, lengthMs, knownEnd));
    knownEnd = endOfWindow(rest[0]!, lengthMs, knownEnd);
    const part = windowOf(batch[0]!, lengthMs, newest);
    newest = { ...part, open: true, early: false };
    for (const _ of batch) starts.push(part.start);
  }
  return starts;
}
