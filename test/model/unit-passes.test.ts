/** Units of records with others between them that a filter passes over: whatever becomes of the units, each of those is counted once. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compareIds, type EntryId } from '../../src/record.ts';
import { afterAttempt } from '../../src/unit/after-attempt.ts';
import { beforeAttempt } from '../../src/unit/before-attempt.ts';
import { expireNow } from '../../src/unit/expiry.ts';
import { startUnit } from '../../src/unit/pieces.ts';
import type { AttemptOutcome, Decision, RecordTime, Unit, UnitPolicy } from '../../src/unit/types.ts';

const policyOf = fc.record({
  batchSize: fc.integer({ min: 1, max: 5 }),
  maximumRetryAttempts: fc.constantFrom(-1, 0, 1, 2),
  age: fc.constantFrom<UnitPolicy['age']>(
    { kind: 'strict', ageMs: null },
    { kind: 'strict', ageMs: 60 },
    { kind: 'default', ageMs: 60 },
  ),
  bisectBatchOnFunctionError: fc.boolean(),
  reportBatchItemFailures: fc.constant(true),
  filterId: fc.constant('f'),
});

/** Kept records, each with so many passed over behind it; arrivals not in order, as with ids that are no times. */
function recordsOf(passed: readonly number[]): { records: RecordTime[]; all: EntryId[] } {
  const all: EntryId[] = [];
  const records = passed.map((count, i): RecordTime => {
    const id = `${all.length + 1}-0`;
    all.push(id);
    for (let k = 0; k < count; k++) all.push(`${all.length + 1}-0`);
    return { id, arrivalMs: (37 * i) % 90, ...(count > 0 && { passed: { count, last: all.at(-1)! } }) };
  });
  return { records, all };
}

/** A step of a run: how an attempt ends (a partial one by the place of its record), that time passes, or that records vanish. */
const step = fc.oneof(
  { weight: 4, arbitrary: fc.constant('ok' as const) },
  { weight: 4, arbitrary: fc.constant('fail' as const) },
  { weight: 3, arbitrary: fc.nat(4) },
  { weight: 1, arbitrary: fc.constantFrom('wait' as const, 'expire' as const, 'lose' as const) },
);
type Step = 'ok' | 'fail' | 'wait' | 'expire' | 'lose' | number;

function outcomeOf(how: Step, records: readonly RecordTime[]): AttemptOutcome {
  if (how === 'ok') return { kind: 'returned', result: '{}' };
  if (how === 'fail') return { kind: 'failed', errorType: 'Error', errorMessage: 'no' };
  const { id } = records[Number(how) % records.length]!;
  return { kind: 'returned', result: JSON.stringify({ batchItemFailures: [{ itemIdentifier: id }] }) };
}

describe('what a filter passes over', () => {
  it('is counted once and never settled before the record before it, however units end', () => {
    const passed = fc.array(fc.nat(3), { minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(passed, policyOf, fc.array(step, { maxLength: 60 }), fc.nat(150), (counts, policy, steps, from) => {
        const { records: source, all } = recordsOf(counts);
        const present = new Set(source.map(({ id }) => id));
        let ids = 0;
        const newId = () => `id${++ids}`;
        let stack: readonly Unit[] = [startUnit(source, newId(), 'f')];
        let now = from;
        let checkpoint: EntryId = '0-0';
        let total = 0;
        const settle = (decision: Decision) => {
          const lost = decision.giveUps.filter((g) => g.condition === 'SourceGap').reduce((sum, g) => sum + g.count, 0);
          total += decision.succeeded + decision.expired + decision.givenUp + decision.filtered + lost;
          if (decision.checkpoint !== null) {
            expect(compareIds(decision.checkpoint, checkpoint)).toBeGreaterThanOrEqual(0);
            checkpoint = decision.checkpoint;
          }
          stack = decision.stack;
          // The units cover what is not settled: no record twice, none left out.
          const covered = stack.reduce((sum, unit) => sum + unit.count + unit.passes!.count, 0);
          expect(total + covered).toBe(all.length);
          for (const unit of stack) expect(unit.passes!.by).toBe('f');
        };
        const read = (unit: Unit) =>
          source.filter(
            ({ id }) => present.has(id) && compareIds(id, unit.first) >= 0 && compareIds(id, unit.last) <= 0,
          );
        for (const how of [...steps, ...Array.from({ length: 200 }, () => 'ok' as const)]) {
          const head = stack[0];
          if (!head) break;
          const records = read(head);
          if (how === 'wait') now += 25;
          else if (how === 'lose') present.delete(source[now % source.length]!.id);
          else if (how === 'expire') {
            const decision = expireNow(policy, stack, records, now, newId);
            if (decision) settle(decision);
          } else {
            const next = beforeAttempt(policy, stack, records, now, newId);
            if (next.kind === 'settle') settle(next.decision);
            else
              settle(
                afterAttempt(
                  policy,
                  [next.unit, ...stack.slice(1)],
                  records,
                  outcomeOf(how, records),
                  now,
                  () => 0,
                  newId,
                ),
              );
          }
        }
        expect(stack).toEqual([]);
        expect(total).toBe(all.length);
        expect(checkpoint).toBe(all.at(-1));
      }),
      { numRuns: 2_000 },
    );
  });
});
