/** The unit rules beside a plain model, and what must hold of them whatever happens, over random policies, arrivals and outcomes. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { compareIds, type EntryId, toSequenceNumber } from '../../src/record.ts';
import type { GiveUp, RecordTime, UnitPolicy } from '../../src/unit/types.ts';
import { type Attempt, OK, reports, THROWN, UnitDriver, type Verdict } from '../support/unit-driver.ts';
import { type ModelPolicy, type Move, runModel } from './unit-model.ts';

const START = 100_000;

const moveOf = fc.record<Move>({
  does: fc.oneof(
    { weight: 4, arbitrary: fc.constant('throw' as const) },
    fc.constantFrom(
      'ok' as const,
      'report' as const,
      'report' as const,
      'junk' as const,
      'infrastructure' as const,
      'kill' as const,
    ),
  ),
  progress: fc.nat(4),
  takes: fc.oneof(fc.nat(300), fc.nat(30_000)),
});

const policyOf = fc.record<ModelPolicy>({
  batchSize: fc.integer({ min: 1, max: 9 }),
  retries: fc.constantFrom(-1, 0, 1, 2, 5),
  strict: fc.boolean(),
  age: fc.constantFrom(1_000, 10_000, 60_000, 10_000_000),
  bisect: fc.boolean(),
});

/** Mostly in order and close to the limit; sometimes not in order, as ids that are no times can be. */
const arrivalsOf = fc.oneof(
  fc.array(fc.nat(START), { minLength: 1, maxLength: 20 }).map((list) => list.sort((a, b) => a - b)),
  fc.array(fc.integer({ min: START - 60_000, max: START }), { minLength: 1, maxLength: 12 }),
);

function toPolicy(p: ModelPolicy): UnitPolicy {
  const age = p.strict ? ({ kind: 'strict', ageMs: p.age } as const) : ({ kind: 'default', ageMs: p.age } as const);
  return {
    batchSize: p.batchSize,
    maximumRetryAttempts: p.retries,
    age,
    bisectBatchOnFunctionError: p.bisect,
    reportBatchItemFailures: true,
  };
}

/** After the scripted moves everything succeeds, so that every run ends. */
const moveAt = (moves: readonly Move[], n: number): Move => moves[n] ?? { does: 'ok', progress: 0, takes: 1 };

function perform(shard: UnitDriver, move: Move, attempt: Attempt): Verdict {
  shard.now += move.takes;
  const reported = attempt.records[Math.min(move.progress, attempt.records.length - 1)]!;
  switch (move.does) {
    case 'ok':
      return OK;
    case 'throw':
      return THROWN;
    case 'report':
      return reports(toSequenceNumber(reported), attempt.records.at(-1));
    case 'junk':
      return reports('no such record');
    case 'infrastructure':
      return { kind: 'infrastructure', reason: 'test' };
    case 'kill':
      return { kind: 'daemon-killed' };
  }
}

const recordsFrom = (arrivals: number[]): RecordTime[] =>
  arrivals.map((arrivalMs, i) => ({ id: `${i + 1}-0`, arrivalMs }));

/** Request ids by the order in which they first ran; -1 for units that never did. */
function idNames(attempts: { id: string | number }[]): (id: string | number) => number {
  const order = [...new Set(attempts.map((a) => a.id))];
  return (id) => order.indexOf(id);
}

function idsWithin(records: RecordTime[], g: GiveUp): EntryId[] {
  return records.filter((r) => compareIds(r.id, g.first) >= 0 && compareIds(r.id, g.last) <= 0).map((r) => r.id);
}

it('does what the plain model does: attempts, their times and ids, notices, ends', () => {
  fc.assert(
    fc.property(policyOf, arrivalsOf, fc.array(moveOf, { maxLength: 25 }), (p, arrivals, moves) => {
      const records = recordsFrom(arrivals);
      const shard = new UnitDriver(toPolicy(p), records, START);
      shard.run((attempt) => perform(shard, moveAt(moves, shard.attempts.length - 1), attempt));
      const model = runModel(
        p,
        records.map((r) => ({ id: r.id, arrival: r.arrivalMs })),
        (n) => moveAt(moves, n),
        START,
      );

      const real = idNames(shard.attempts.map((a) => ({ id: a.requestId })));
      const plain = idNames(model.attempts.map((a) => ({ id: a.unit })));
      expect(
        shard.attempts.map((a) => ({ at: a.at, ids: a.records, unit: real(a.requestId), alone: a.alone })),
      ).toEqual(model.attempts.map((a) => ({ ...a, unit: plain(a.unit) })));
      expect(
        shard.giveUps.map((g) => ({
          how: g.condition,
          ids: idsWithin(records, g),
          unit: real(g.requestId),
          count: g.invokeCount,
        })),
      ).toEqual(model.notices.map((n) => ({ ...n, unit: plain(n.unit) })));
      const count = (how: string) => model.ends.filter((e) => e.how === how).length;
      const sum = (key: 'succeeded' | 'expired' | 'givenUp') => shard.decisions.reduce((n, d) => n + d[key], 0);
      expect([sum('succeeded'), sum('expired'), sum('givenUp')]).toEqual([
        count('succeeded'),
        count('RecordAgeExceeded'),
        count('RetryAttemptsExhausted'),
      ]);
      expect(model.ends.map((e) => e.id)).toEqual(records.map((r) => r.id));
      expect(shard.checkpoint).toBe(records.at(-1)!.id);
    }),
    { numRuns: 3_000 },
  );
});

/** The stack covers exactly the records from the checkpoint to its own end, in order, and counts them rightly. */
function checkStack(shard: UnitDriver): void {
  const covered: EntryId[] = [];
  for (const unit of shard.stack) {
    const inside = shard.records.filter((r) => compareIds(r.id, unit.first) >= 0 && compareIds(r.id, unit.last) <= 0);
    expect(inside.length).toBe(unit.count);
    covered.push(...inside.map((r) => r.id));
  }
  expect(covered).toEqual(shard.unsettled.slice(0, covered.length).map((r) => r.id));
  expect(new Set(shard.stack.map((unit) => unit.requestId)).size).toBe(shard.stack.length);
  expect(JSON.stringify(shard.stack).length).toBeLessThan(60 * 500);
}

it('holds its invariants while policies change between any two steps', () => {
  const step = fc.record({
    move: moveOf,
    policy: fc.option(policyOf, { freq: 6 }),
    sleep: fc.oneof(fc.constant(0), fc.nat(70_000)),
    expire: fc.boolean(),
  });
  fc.assert(
    fc.property(policyOf, arrivalsOf, fc.array(step, { maxLength: 30 }), (first, arrivals, steps) => {
      const records = recordsFrom(arrivals);
      const shard = new UnitDriver(toPolicy(first), records, START);
      const sets = new Map<string, string>();
      let previous = shard.checkpoint;
      const check = (): void => {
        expect(compareIds(shard.checkpoint, previous)).toBeGreaterThanOrEqual(0);
        previous = shard.checkpoint;
        checkStack(shard);
      };
      const once = (move: Move): boolean =>
        shard.step((attempt) => {
          checkAttempt(shard, attempt, sets);
          return perform(shard, move, attempt);
        });
      for (const { move, policy, sleep, expire } of steps) {
        if (policy) shard.policy = toPolicy(policy);
        shard.now += sleep;
        const kind = shard.policy.age.kind;
        const before = shard.giveUps.length;
        if (expire) shard.expire();
        check();
        once(move);
        check();
        if (kind === 'default') {
          for (const g of shard.giveUps.slice(before).filter((n) => n.condition === 'RecordAgeExceeded')) {
            expect(g.count).toBe(1);
          }
        }
      }
      let rounds = 0;
      while (once({ does: 'ok', progress: 0, takes: 0 })) {
        check();
        expect(rounds++).toBeLessThan(200);
      }
      const total = shard.decisions.reduce((n, d) => n + d.succeeded + d.expired + d.givenUp, 0);
      expect(total).toBe(records.length);
      expect(shard.unsettled).toEqual([]);
      checkNotices(shard);
    }),
    { numRuns: 2_000 },
  );
});

/** Head first, nothing skipped, nothing overdue under a written-out age, and a request id always names the same records or their tail. */
function checkAttempt(shard: UnitDriver, attempt: Attempt, sets: Map<string, string>): void {
  const expected = shard.unsettled.slice(0, attempt.records.length).map((r) => r.id);
  expect(attempt.records).toEqual(expected);
  if (shard.policy.age.kind === 'strict') {
    for (const record of shard.headRecords())
      expect(shard.now - record.arrivalMs).toBeLessThan(shard.policy.age.ageMs!);
  }
  const known = sets.get(attempt.requestId);
  const text = attempt.records.join();
  // Shorter by its overdue records (at the front, or cut off from the first on when arrivals are not in order), never other ones.
  if (known !== undefined) expect(`,${known},`).toContain(`,${text},`);
  sets.set(attempt.requestId, text);
}

function checkNotices(shard: UnitDriver): void {
  const ids = shard.giveUps.flatMap((g) => idsWithin(shard.records, g));
  expect(ids).toEqual([...new Set(ids)]);
  expect(ids).toEqual([...ids].sort(compareIds));
  for (const g of shard.giveUps) {
    expect(idsWithin(shard.records, g)).toHaveLength(g.count);
    expect(g.condition).not.toBe('SourceGap');
    if (g.condition === 'RecordAgeExceeded') expect(g.functionError).toBeUndefined();
    else expect(g.error).not.toBeNull();
  }
}

it('default age, constant policy: nothing expires that did not fail by itself', () => {
  const policy = policyOf.map((p) => ({ ...p, strict: false }));
  fc.assert(
    fc.property(policy, arrivalsOf, fc.array(moveOf, { maxLength: 30 }), (p, arrivals, moves) => {
      const shard = new UnitDriver(toPolicy(p), recordsFrom(arrivals), START);
      const failures = new Map<EntryId, number>();
      const perUnit = new Map<string, number>();
      shard.run((attempt) => {
        const move = moveAt(moves, shard.attempts.length - 1);
        const counts = move.does !== 'ok' && move.does !== 'infrastructure' && move.does !== 'kill';
        if (attempt.records.length === 1 && (counts || (move.does === 'kill' && attempt.alone))) {
          failures.set(attempt.records[0]!, (failures.get(attempt.records[0]!) ?? 0) + 1);
        }
        if (counts) perUnit.set(attempt.requestId, (perUnit.get(attempt.requestId) ?? 0) + 1);
        return perform(shard, move, attempt);
      });
      for (const g of shard.giveUps.filter((n) => n.condition === 'RecordAgeExceeded')) {
        expect(g.count).toBe(1);
        expect(failures.get(g.first)).toBe(g.invokeCount);
      }
      for (const count of perUnit.values())
        expect(count).toBeLessThanOrEqual(p.retries === -1 ? Infinity : 1 + p.retries);
    }),
    { numRuns: 2_000 },
  );
});
