/** The window of a notice that is redriven: what is in its state, and what has to run again when its final invocation is given up. */
import { expect, test } from 'vitest';
import { inOrder, windowAfter } from '../../src/redrive/notice-window.ts';
import type { Decision, GiveUp } from '../../src/unit/types.ts';

const NOTHING: Decision = {
  ...{ checkpoint: null, succeeded: 0, expired: 0, givenUp: 0, filtered: 0, giveUps: [], stack: [], notBefore: null },
  ...{ lastProcessingResult: null, failed: false },
};
const fresh = (part: number) => () => ({ start: 0, end: 60_000, part });
const state = (sum: number) => JSON.stringify({ sum });
const took = (succeeded: number, sum: number): Decision => ({ ...NOTHING, succeeded, window: { state: state(sum) } });
const giveUp: GiveUp = {
  ...{ condition: 'RetryAttemptsExhausted', first: '1-0', last: '1-0', count: 0, requestId: 'r', invokeCount: 1 },
  ...{ functionError: 'Unhandled', error: null, closes: { start: 0, end: 60_000, part: 0, early: false, at: 0 } },
};

test('begins with the first records that succeed, and grows with each further unit', () => {
  expect(windowAfter(null, { ...NOTHING, failed: true }, fresh(0), 0)).toEqual({ window: null, gaveUp: [] });
  const { window: first } = windowAfter(null, took(2, 3), fresh(1), 1);
  expect(first).toEqual({ start: 0, end: 60_000, part: 1, state: state(3), records: [[1, 3]] });
  const { window: second } = windowAfter(first, took(2, 9), fresh(3), 3);
  expect(second).toEqual({ ...first, state: state(9), records: [[1, 5]] });
  // What lies between was given up.
  const { window: third } = windowAfter(second, took(1, 20), fresh(7), 7);
  expect(third!.records).toEqual([
    [1, 5],
    [7, 8],
  ]);
});

test('ends with its final invocation; where that is given up, all that was in it has to run again', () => {
  const { window } = windowAfter(null, took(2, 3), fresh(0), 4);
  const closed = { ...NOTHING, window: 'closed' } as const;
  expect(windowAfter(window, closed, fresh(0), 5)).toEqual({ window: null, gaveUp: [] });
  expect(windowAfter(window, { ...closed, giveUps: [giveUp] }, fresh(0), 5)).toEqual({
    window: null,
    gaveUp: [[4, 6]],
  });
  // A notice that is of a final invocation itself.
  expect(windowAfter(null, { ...closed, giveUps: [giveUp] }, fresh(0), 0).gaveUp).toEqual([[0, 1]]);
});

test('what is left is in the order of the notice', () => {
  expect(
    inOrder([
      [5, 6],
      [0, 2],
      [3, 4],
    ]),
  ).toEqual([
    [0, 2],
    [3, 4],
    [5, 6],
  ]);
});
