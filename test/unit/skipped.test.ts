/** What an operator skips, as a decision. */
import { describe, expect, it } from 'vitest';
import { startUnit } from '../../src/unit/pieces.ts';
import { skipNow } from '../../src/unit/skipped.ts';
import { closingPiece } from '../../src/unit/windows.ts';
import { recordsOf } from '../support/unit-driver.ts';

const policy = { batchSize: 2 };
const newId = () => 'new';
const lastError = { errorType: 'Error', errorMessage: 'bad' };
const failed = { ...startUnit(recordsOf(5), 'A'), deliveries: 4, failures: 3, lost: 1, blockedSince: 7, lastError };

describe('of the unit that blocks a shard', () => {
  it('up to a record: notices of at most a batch, and the rest is the unit that it was, without the delivery that was cut short', () => {
    const decision = skipNow(policy, [failed], recordsOf(5), '3-0', newId)!;
    expect(decision).toMatchObject({ checkpoint: '3-0', givenUp: 3, expired: 0, succeeded: 0, notBefore: null });
    const notice = { condition: 'SkippedByOperator', requestId: 'A', invokeCount: 3, functionError: 'Unhandled' };
    expect(decision.giveUps).toEqual([
      { ...notice, error: lastError, first: '1-0', last: '2-0', count: 2 },
      { ...notice, error: lastError, first: '3-0', last: '3-0', count: 1 },
    ]);
    expect(decision.stack).toEqual([{ ...failed, first: '4-0', count: 2, lost: 0 }]);
  });

  it('what is left has lost no delivery by it, and none less than none', () => {
    const lostAfter = (lost: number) =>
      skipNow(policy, [{ ...failed, lost }], recordsOf(5), '3-0', newId)!.stack[0]!.lost;
    expect([0, 1, 3].map(lostAfter)).toEqual([0, 0, 2]);
  });

  it('no further than the unit, whatever lies behind it', () => {
    const rest = startUnit(recordsOf(7).slice(5), 'B');
    const decision = skipNow(policy, [failed, rest], recordsOf(5), '6-0', newId)!;
    expect(decision).toMatchObject({ checkpoint: '5-0', givenUp: 5, stack: [rest] });
  });

  it('records that the source lost are a gap, and are not skipped', () => {
    const decision = skipNow(policy, [failed], recordsOf(5).slice(2), '3-0', newId)!;
    expect(decision.giveUps.map(({ condition, count }) => [condition, count])).toEqual([
      ['SourceGap', 2],
      ['SkippedByOperator', 1],
    ]);
    expect(decision).toMatchObject({ checkpoint: '3-0', givenUp: 1, stack: [{ first: '4-0', count: 2 }] });
    const gone = skipNow(policy, [failed], [], '3-0', newId)!;
    expect(gone).toMatchObject({
      checkpoint: '5-0',
      givenUp: 0,
      stack: [],
      giveUps: [{ condition: 'SourceGap', count: 5 }],
    });
  });

  it('nothing when it lies behind', () => expect(skipNow(policy, [failed], recordsOf(5), '0-9', newId)).toBeNull());
});

it('the end of a window that is in the way: given up with a notice, and no record', () => {
  const closing = closingPiece({ start: 0, end: 60, part: 0, early: false, at: 60 }, '3-0', 'C');
  const decision = skipNow(policy, [closing.unit], closing.records, '9-0', newId)!;
  expect(decision).toMatchObject({ checkpoint: null, givenUp: 0, stack: [], window: 'closed' });
  expect(decision.giveUps).toMatchObject([{ condition: 'SkippedByOperator', requestId: 'C', count: 0 }]);
});

it('unread records: without an attempt there is no error, and what is behind is read anew', () => {
  const decision = skipNow(policy, [], recordsOf(4), '3-0', newId)!;
  expect(decision).toMatchObject({ checkpoint: '3-0', givenUp: 3, stack: [] });
  expect(decision.giveUps[0]).toEqual({
    ...{ condition: 'SkippedByOperator', requestId: 'new', invokeCount: 0, functionError: undefined, error: null },
    ...{ first: '1-0', last: '2-0', count: 2 },
  });
  expect(skipNow(policy, [], recordsOf(4), '0-1', newId)).toBeNull();
});
