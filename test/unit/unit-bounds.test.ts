/** The unit rules at their edges: what is overdue, what counts as passed over, and calls that no caller may make. */
import { describe, expect, test } from 'vitest';
import { SINGLES_AT_ONCE } from '../../src/limits.ts';
import { afterAttempt } from '../../src/unit/after-attempt.ts';
import { beforeAttempt } from '../../src/unit/before-attempt.ts';
import { finish, startDraft } from '../../src/unit/draft.ts';
import { cutBeforeOverdue, expiresAt, giveUpFront, isOverdue } from '../../src/unit/expiry.ts';
import { cutSingles, giveUpExhausted } from '../../src/unit/failure.ts';
import { cut, startUnit } from '../../src/unit/pieces.ts';
import type { RecordTime, UnitPolicy } from '../../src/unit/types.ts';
import { AWS, OK, recordsOf, reports, THROWN } from '../support/unit-driver.ts';

const byDefault = { age: { kind: 'default', ageMs: 1_000 } } as const;
const strict = { age: { kind: 'strict', ageMs: 1_000 } } as const;
const newId = () => 'new';
const at = (n: number, arrivalMs: number, passed = 0): RecordTime => ({
  ...{ id: `${n}-0`, arrivalMs },
  ...(passed > 0 && { passed: { count: passed, last: `${n}-9` } }),
});

describe('overdue', () => {
  test('from the age on, and never while ages stand still', () => {
    expect([999, 1_000].map((now) => isOverdue(strict, at(1, 0), now))).toEqual([false, true]);
    expect(isOverdue({ age: { ...strict.age, stands: true } }, at(1, 0), 5_000)).toBe(false);
    expect(isOverdue({ age: { kind: 'strict', ageMs: null } }, at(1, 0), 5_000)).toBe(false);
  });

  test('without another attempt: written out, the first record; by default only one that failed by itself', () => {
    const [one, two] = [[at(1, 7)], [at(1, 7), at(2, 8)]];
    const unit = (records: readonly RecordTime[], failures: number) => ({ ...startUnit(records, 'r'), failures });
    expect([one, two].map((records) => expiresAt(strict, unit(records, 0), records))).toEqual([1_007, 1_007]);
    expect([0, 1].map((failures) => expiresAt(byDefault, unit(one, failures), one))).toEqual([null, 1_007]);
    expect([0, 1].map((failures) => expiresAt(byDefault, unit(two, failures), two))).toEqual([null, null]);
    for (const policy of [strict, byDefault]) expect(expiresAt(policy, unit(one, 1), [])).toBeNull();
  });

  test('behind a record that is not: cut before it, by a written-out age alone, with what was passed over', () => {
    const cutUp = (policy: Partial<UnitPolicy>, records: readonly RecordTime[], filter?: string) => {
      const draft = startDraft([{ unit: { ...startUnit(records, 'r', filter), failures: 2 }, records }], []);
      return { cut: cutBeforeOverdue({ ...AWS, ...policy }, draft, 1_500, newId), pieces: draft.pieces };
    };
    const mixed = [at(1, 900, 2), at(2, 800), at(3, 100, 1)];
    const { pieces, ...some } = cutUp(strict, mixed, 'f');
    expect(some.cut).toBe(true);
    expect(pieces.map(({ unit }) => unit)).toMatchObject([
      { requestId: 'r', failures: 2, first: '1-0', last: '2-0', count: 2, passes: { by: 'f', count: 2, end: '2-0' } },
      { requestId: 'new', failures: 0, first: '3-0', last: '3-0', count: 1, passes: { count: 1, end: '3-9' } },
    ]);
    const plain = cutUp(strict, mixed);
    expect(plain.cut).toBe(true);
    expect(plain.pieces.map(({ unit }) => 'passes' in unit)).toEqual([false, false]);
    for (const [policy, records] of [
      [byDefault, mixed],
      [strict, [at(1, 900), at(2, 800)]],
      [strict, [at(1, 100), at(2, 800)]],
    ] as const) {
      const none = cutUp(policy, records);
      expect([none.cut, none.pieces.length]).toEqual([false, 1]);
    }
    expect(cutBeforeOverdue({ ...AWS, ...strict }, startDraft([], []), 1_500, newId)).toBe(false);
  });
});

describe('what is given up', () => {
  const records = [at(1, 0, 2), at(2, 0), at(3, 0, 4), at(4, 0)];
  const unit = { ...startUnit(records, 'r', 'f'), first: '0-5' };
  const notice = {
    condition: 'RecordAgeExceeded',
    requestId: 'r',
    invokeCount: 1,
    functionError: undefined,
    error: null,
  } as const;

  test('in notices of a batch each, from the unit’s own bound on; what was passed over behind it counts as that', () => {
    const draft = startDraft([{ unit, records }], []);
    giveUpFront({ batchSize: 2 }, draft, 2, notice);
    expect(draft.giveUps.map(({ first, last, count }) => [first, last, count])).toEqual([['0-5', '2-0', 2]]);
    expect([draft.filtered, draft.checkpoint, draft.pieces[0]!.unit.first]).toEqual([2, '2-0', '3-0']);
    giveUpFront({ batchSize: 1 }, draft, 2, notice);
    expect(draft.giveUps.slice(1).map(({ first, last, count }) => [first, last, count])).toEqual([
      ['3-0', '3-0', 1],
      ['4-0', '4-0', 1],
    ]);
    expect([draft.filtered, draft.pieces]).toEqual([6, []]);
  });

  test('with its retries at an end, too', () => {
    const draft = startDraft([{ unit, records }], []);
    giveUpExhausted(draft, draft.pieces[0]!, 'Unhandled');
    expect([draft.filtered, draft.givenUp, draft.checkpoint]).toEqual([6, 4, '4-0']);
  });
});

test('a success of the first records counts what was passed over behind these alone', () => {
  const records = [at(1, 0, 2), at(2, 0, 4)];
  const policy = { ...AWS, reportBatchItemFailures: true };
  const decide = (outcome: typeof OK) =>
    afterAttempt(policy, [startUnit(records, 'r', 'f')], records, outcome, 0, () => 0, newId);
  expect(decide(OK)).toMatchObject({ succeeded: 2, filtered: 6, checkpoint: '2-9' });
  expect(decide(reports('2-0'))).toMatchObject({ succeeded: 1, filtered: 2, checkpoint: '1-9' });
});

test('a part that reaches the end of its unit ends where that ends', () => {
  const records = [at(1, 0), at(2, 0, 1)];
  const whole = startUnit(records, 'r', 'f');
  const piece = { unit: { ...whole, passes: { ...whole.passes!, end: '7-0' } }, records };
  expect([cut(piece, 0, 1, 'a'), cut(piece, 1, 2, 'b')].map((part) => part.unit.passes?.end)).toEqual(['1-0', '7-0']);
});

test('taken apart record by record, what is left carries how many are still to be', () => {
  const records = recordsOf(SINGLES_AT_ONCE + 30);
  const draft = startDraft([{ unit: startUnit(records, 'r'), records }], []);
  cutSingles(draft, SINGLES_AT_ONCE + 10, newId);
  expect(draft.pieces.map(({ unit }) => unit.count)).toEqual([...Array.from({ length: SINGLES_AT_ONCE }, () => 1), 30]);
  expect(draft.pieces.at(-1)!.unit.runSingly).toBe(10);
});

describe('calls that no caller may make', () => {
  const unit = startUnit(recordsOf(1), 'r');
  const after = (units: readonly (typeof unit)[], records: readonly RecordTime[]) =>
    afterAttempt(AWS, units, records, THROWN, 0, () => 0, newId);

  test('an attempt of nothing', () => {
    expect(() => after([], recordsOf(1))).toThrow(new RangeError('an attempt has a unit with records'));
    expect(() => after([unit], [])).toThrow(new RangeError('an attempt has a unit with records'));
    expect(() => beforeAttempt(AWS, [], [], 0, newId)).toThrow(new RangeError('no unit to attempt'));
  });

  test('a draft of nothing is what it is', () => {
    const decision = finish(startDraft([], [unit]));
    expect(decision).toMatchObject({ checkpoint: null, stack: [unit] });
    expect('window' in decision).toBe(false);
  });
});
