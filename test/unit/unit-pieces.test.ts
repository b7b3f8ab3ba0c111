/** Units and their records: how one is made, cut and shortened, with what a filter passed over and what is of other lanes; and gaps in a unit. */
import { describe, expect, test } from 'vitest';
import { LOST_DELIVERIES_BEFORE_ALONE } from '../../src/limits.ts';
import { backoffMs, notBeforeIfLost } from '../../src/unit/backoff.ts';
import { startDraft } from '../../src/unit/draft.ts';
import { cut, endOf, entriesIn, lastOf, passedIn, startUnit, withoutFirst } from '../../src/unit/pieces.ts';
import type { RecordTime } from '../../src/unit/types.ts';
import { recordsVanished } from '../../src/unit/vanished.ts';

const at = (n: number, passed?: RecordTime['passed']): RecordTime => ({
  id: `${n}-0`,
  arrivalMs: n,
  ...(passed && { passed }),
});
/** Three records of a lane: behind the first two are passed over, behind the last one, and others of other lanes. */
const PASSED = [at(1, { count: 2, last: '3-0', others: 1 }), at(5), at(9, { count: 1, last: '12-0', others: 2 })];
const PLAIN = [at(1), at(2), at(4)];
const plain = { unit: { ...startUnit(PLAIN, 'r'), last: '7-0', first: '0-5' }, records: PLAIN };
const passed = { unit: startUnit(PASSED, 'r', 'f'), records: PASSED };

describe('a unit', () => {
  test('has its bounds and number; through a filter also what was passed over, and how far that reaches', () => {
    expect(startUnit(PLAIN, 'r')).toMatchObject({ first: '1-0', last: '4-0', count: 3, lost: 0, failures: 0 });
    expect('passes' in startUnit(PLAIN, 'r')).toBe(false);
    expect(startUnit(PLAIN, 'r', 'f').passes).toEqual({ by: 'f', count: 0, end: '4-0' });
    expect(passed.unit.passes).toEqual({ by: 'f', count: 3, end: '12-0', others: 3 });
    expect(() => startUnit([], 'r')).toThrow('at least one record');
  });

  test('counts records, what was passed over and what is of other lanes', () => {
    expect([passedIn(PASSED), entriesIn(PASSED), passedIn(PLAIN), entriesIn(PLAIN)]).toEqual([3, 9, 0, 3]);
  });

  test('ends where its last record does, or what is passed over behind that', () => {
    expect([1, 2, 3].map((n) => endOf(plain, n))).toEqual(['1-0', '2-0', '7-0']);
    expect([1, 2, 3].map((n) => endOf(passed, n))).toEqual(['3-0', '5-0', '12-0']);
    expect([1, 2, 3].map((n) => lastOf(plain, n))).toEqual(['1-0', '2-0', '7-0']);
    expect([1, 2, 3].map((n) => lastOf(passed, n))).toEqual(['1-0', '5-0', '9-0']);
  });
});

describe('cut', () => {
  test('the outer bounds stay the unit’s own, the inner ones are those of the records', () => {
    const parts = [cut(plain, 0, 1, 'a'), cut(plain, 1, 2, 'b'), cut(plain, 2, 3, 'c'), cut(plain, 0, 3, 'd')];
    expect(parts.map(({ unit: { first, last, count, requestId } }) => [first, last, count, requestId])).toEqual([
      ['0-5', '1-0', 1, 'a'],
      ['2-0', '2-0', 1, 'b'],
      ['4-0', '7-0', 1, 'c'],
      ['0-5', '7-0', 3, 'd'],
    ]);
  });

  test('each part has what was passed over behind its records', () => {
    const ends = [cut(passed, 0, 2, 'a'), cut(passed, 2, 3, 'b')].map(({ unit }) => unit.passes);
    expect(ends).toEqual([
      { by: 'f', count: 2, end: '5-0', others: 1 },
      { by: 'f', count: 1, end: '12-0', others: 2 },
    ]);
  });

  test('lost deliveries are inherited up to where a unit runs alone, failures are not', () => {
    const lostOf = (lost: number) =>
      cut({ ...plain, unit: { ...plain.unit, lost, failures: 4, deliveries: 5 } }, 0, 1, 'a').unit;
    expect(lostOf(1)).toMatchObject({ lost: 1, failures: 0, deliveries: 0 });
    expect(lostOf(LOST_DELIVERIES_BEFORE_ALONE + 3).lost).toBe(LOST_DELIVERIES_BEFORE_ALONE);
  });
});

describe('without its first records', () => {
  test('a unit keeps its id, its counts and its end', () => {
    const tried = { ...plain.unit, failures: 2, deliveries: 3, lastError: { errorType: 'E', errorMessage: 'm' } };
    const { unit, records } = withoutFirst({ ...plain, unit: tried }, 2);
    expect(records).toEqual([PLAIN[2]]);
    expect(unit).toEqual({ ...tried, first: '4-0', last: '7-0', count: 1 });
  });

  test('what was passed over behind them goes with them', () => {
    expect(withoutFirst(passed, 1).unit.passes).toEqual({ by: 'f', count: 1, end: '12-0', others: 2 });
  });

  test.each([
    [3, 1, 2],
    [2, 1, 1],
    [1, 1, undefined],
    [1, 2, undefined],
  ])('%i to run singly, without %i: %s', (runSingly, n, left) => {
    const { unit } = withoutFirst({ ...plain, unit: { ...plain.unit, runSingly } }, n);
    expect(unit.runSingly).toBe(left);
    expect('runSingly' in unit).toBe(left !== undefined);
  });
});

describe('records that the source lost', () => {
  const unit = { ...startUnit([at(1), at(2), at(3), at(4)], 'r'), failures: 3 };
  const lose = (records: readonly RecordTime[], of = unit) => {
    const draft = startDraft([{ unit: of, records }], []);
    recordsVanished(draft, () => 'new');
    return draft;
  };
  const gapOf = ({ giveUps }: ReturnType<typeof lose>) =>
    giveUps.map(({ condition, first, last, count, invokeCount }) => [condition, first, last, count, invokeCount]);

  test('all of them: one gap over the unit, and the checkpoint behind it', () => {
    const draft = lose([]);
    expect(gapOf(draft)).toEqual([['SourceGap', '1-0', '4-0', 4, 3]]);
    expect([draft.checkpoint, draft.pieces]).toEqual(['4-0', []]);
  });

  test('at the front: an exact gap, the checkpoint before what is left, which is a new unit', () => {
    const draft = lose([at(3), at(4)]);
    expect(gapOf(draft)).toEqual([['SourceGap', '1-0', '2-18446744073709551615', 2, 3]]);
    expect(draft.checkpoint).toBe('2-18446744073709551615');
    expect(draft.pieces.map((piece) => piece.unit)).toMatchObject([
      { first: '3-0', last: '4-0', count: 2, requestId: 'new', failures: 0 },
    ]);
  });

  test('further behind: a gap from behind the first one that is left, and the checkpoint stays', () => {
    const draft = lose([at(1), at(4)]);
    expect(gapOf(draft)).toEqual([['SourceGap', '1-1', '4-0', 2, 3]]);
    expect(draft.checkpoint).toBeNull();
    expect(draft.pieces.map((piece) => piece.unit)).toMatchObject([{ first: '1-0', last: '4-0', count: 2 }]);
  });

  test('none of them: no gap', () => {
    const draft = lose([at(1), at(2), at(3), at(4)]);
    expect([gapOf(draft), draft.checkpoint]).toEqual([[], null]);
  });

  test('what the filter had passed over is counted as that, and missed by nobody', () => {
    const of = startUnit(PASSED, 'r', 'f');
    const none = lose([], of);
    expect([none.filtered, gapOf(none), none.checkpoint]).toEqual([3, [['SourceGap', '1-0', '9-0', 3, 0]], '12-0']);
    const some = lose([PASSED[2]!], of);
    expect([some.filtered, gapOf(some)]).toEqual([2, [['SourceGap', '1-0', '8-18446744073709551615', 2, 0]]]);
  });
});

describe('the wait after a failed attempt', () => {
  test('doubles from 0.2 s to 60 s; jitter lengthens it, at the bound it shortens it', () => {
    expect([0, 1, 2, 3, 9].map((tries) => backoffMs(tries, 0))).toEqual([200, 200, 400, 800, 51_200]);
    expect([1, 2, 9].map((tries) => backoffMs(tries, 0.5))).toEqual([210, 420, 53_760]);
    expect([10, 31, 2_000].map((tries) => backoffMs(tries, 0))).toEqual([60_000, 60_000, 60_000]);
    expect([10, 2_000].map((tries) => backoffMs(tries, 0.5))).toEqual([57_000, 57_000]);
  });

  test('after a delivery that was lost there is none the first time, then as after a failure', () => {
    expect([0, 1, 2, 3].map((lost) => notBeforeIfLost({ lost }, 1_000, 0))).toEqual([0, 0, 1_200, 1_400]);
  });
});
