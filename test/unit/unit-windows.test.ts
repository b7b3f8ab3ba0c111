/** Windows in the unit rules: which one a record belongs to, what becomes of state, and the final invocation (docs/windows.md). */
import { describe, expect, test } from 'vitest';
import { type Closing, type Window, windowName } from '../../src/tumbling.ts';
import { afterAttempt } from '../../src/unit/after-attempt.ts';
import { beforeAttempt } from '../../src/unit/before-attempt.ts';
import { expireNow } from '../../src/unit/expiry.ts';
import { startUnit } from '../../src/unit/pieces.ts';
import type { AttemptOutcome, UnitPolicy } from '../../src/unit/types.ts';
import { readState } from '../../src/unit/window-state.ts';
import { closingPiece, windowOf, windowTime, withinWindow } from '../../src/unit/windows.ts';
import { AWS } from '../support/unit-driver.ts';

const LENGTH = 60_000;
const window = (start: number, more: Partial<Window> = {}): Window => ({
  ...{ start, end: start + LENGTH, part: 0, open: true, early: false, ...more },
});
const part = (start: number, n = 0) => ({ start, end: start + LENGTH, part: n });

describe('the window of a record', () => {
  test.each([
    ['the first one: its own', 61_000, null, part(60_000)],
    ['at the boundary: the later one', 120_000, null, part(120_000)],
    ['in the open one', 119_999, window(60_000), part(60_000)],
    ['late for the open one: the open one', 5_000, window(60_000), part(60_000)],
    ['behind the open one: its own', 185_000, window(60_000), part(180_000)],
    ['behind one that is over: its own', 185_000, window(60_000, { open: false }), part(180_000)],
    ['late for one that is over: the next', 119_999, window(60_000, { open: false }), part(120_000)],
    ['very late for one that is over: the next', 1, window(60_000, { open: false }), part(120_000)],
    [
      'of a period that ended early: another part of it',
      70_000,
      window(60_000, { open: false, early: true }),
      part(60_000, 1),
    ],
    [
      'of the second part that ended early',
      70_000,
      window(60_000, { open: false, early: true, part: 1 }),
      part(60_000, 2),
    ],
    ['at the end of the open one: its own', 120_000, window(60_000), part(120_000)],
    ['behind a period that ended early: its own', 121_000, window(60_000, { open: false, early: true }), part(120_000)],
  ] as const)('%s', (_, time, newest, expected) => {
    expect(windowOf(time, LENGTH, newest)).toEqual(expected);
  });

  test('another length begins behind what there was, at a multiple of its own', () => {
    expect(windowOf(61_000, 45_000, window(0))).toEqual({ start: 90_000, end: 135_000, part: 0 });
    expect(windowOf(59_000, 45_000, window(0))).toEqual(part(0));
    expect(windowOf(200_000, 45_000, window(0, { open: false }))).toEqual({ start: 180_000, end: 225_000, part: 0 });
  });

  test('what claims to come from the future counts as having come now', () => {
    expect(windowTime(500_000, 100_000)).toBe(100_000);
    expect(windowTime(101_000, 100_000)).toBe(101_000);
    expect(windowTime(5, 100_000)).toBe(5);
  });

  test('a batch ends before the end of its first record’s window; what is late stays in it', () => {
    expect(withinWindow([60_000, 70_000, 10, 119_999, 120_000, 61_000], LENGTH, 0)).toBe(4);
    expect(withinWindow([60_000, 61_000], LENGTH, 0)).toBe(2);
    expect(withinWindow([120_000, 121_000], LENGTH, 120_000)).toBe(2);
    expect(withinWindow([10, 20, 119_999, 120_000], LENGTH, 120_000)).toBe(3);
  });
});

test('a window is named by its beginning, and by its part when there are several', () => {
  expect([windowName(part(60_000)), windowName(part(60_000, 2))]).toEqual(['w60000', 'w60000.2']);
});

describe('the state of an answer', () => {
  test('is an object, as it is written; the last one counts', () => {
    const text = '{"a":1,"state":[1],"state": {"x": "}é", "state": {}} ,"b":2}';
    expect(readState(text)).toEqual({ kind: 'ok', state: '{"x": "}é", "state": {}}', tooLarge: false });
  });

  test.each([
    ['it is no object with a state', ['', 'null', '5', '[{}]', '"state"', '{"a"']],
    ['it has no state', ['{}', '{"a":{"state":{}}}', '{state:{}}']],
    ['its state is no object', ['{"state":null}', '{"state":[]}', '{"state":"{}"}', '{"state":1}']],
  ])('is missing: %s', (reason, texts) => {
    for (const text of texts) expect(readState(text), text).toEqual({ kind: 'malformed', reason });
  });

  test('is too large above 1 MB of UTF-8', () => {
    const of = (n: number, c = 'x') => readState(JSON.stringify({ state: { s: c.repeat(n) } }));
    const around = '{"s":""}'.length;
    expect(of(1_048_576 - around)).toMatchObject({ kind: 'ok', tooLarge: false });
    expect(of(1_048_577 - around)).toMatchObject({ kind: 'ok', tooLarge: true });
    expect(of(600_000, 'é')).toMatchObject({ kind: 'ok', tooLarge: true });
  });
});

const NOW = 1_000_000;
const RECORDS = [1, 2, 3, 4].map((n) => ({ id: `${n}-0`, arrivalMs: NOW - 100 + n }));
const WINDOW = part(960_000);
const policyOf = (more: Partial<UnitPolicy> = {}): UnitPolicy => ({
  ...{ ...AWS, reportBatchItemFailures: true, window: WINDOW, ...more },
});
let ids = 0;
const newId = () => `id${ids++}`;
const run = (outcome: AttemptOutcome, more: Partial<UnitPolicy> = {}) =>
  afterAttempt(policyOf(more), [startUnit(RECORDS, 'A')], RECORDS, outcome, NOW, () => 0, newId);
const returned = (value: unknown): AttemptOutcome => ({ kind: 'returned', result: JSON.stringify(value) });
const THROWN: AttemptOutcome = { kind: 'failed', errorType: 'Error', errorMessage: 'no' };
const big = { s: 'x'.repeat(1_048_640) };

describe('an attempt in a window', () => {
  test('success carries the state with the checkpoint', () => {
    expect(run(returned({ state: { sum: 1 } }))).toMatchObject({
      ...{ checkpoint: '4-0', succeeded: 4, window: { state: '{"sum":1}' }, stack: [] },
    });
  });

  test('without a state it fails as a whole, and the state stays', () => {
    const decision = run(returned({ batchItemFailures: [] }));
    expect(decision).toMatchObject({ checkpoint: null, succeeded: 0, failed: true });
    expect(decision.window).toBeUndefined();
    expect(decision.stack[0]!.lastError).toEqual({
      ...{ errorType: 'MalformedWindowState' },
      errorMessage: "The function's answer cannot be used in a window: it has no state",
    });
  });

  test('a partial success carries the state that came with it', () => {
    const failures = { batchItemFailures: [{ itemIdentifier: '3-0' }] };
    const decision = run(returned({ state: { sum: 2 }, ...failures }));
    expect(decision).toMatchObject({ checkpoint: '2-0', succeeded: 2, window: { state: '{"sum":2}' } });
    expect(decision.stack).toMatchObject([{ first: '3-0', last: '4-0' }]);
  });

  test('the first record reported: nothing succeeded, and the state of the answer is dropped', () => {
    const decision = run(returned({ state: { sum: 2 }, batchItemFailures: [{ itemIdentifier: '1-0' }] }));
    expect(decision).toMatchObject({ checkpoint: null, succeeded: 0 });
    expect(decision.window).toBeUndefined();
  });

  test('an error, halves and giving up leave the state', () => {
    expect(run(THROWN).window).toBeUndefined();
    expect(run(THROWN, { bisectBatchOnFunctionError: true }).window).toBeUndefined();
    const givenUp = run(THROWN, { maximumRetryAttempts: 0 });
    expect(givenUp).toMatchObject({ checkpoint: '4-0', givenUp: 4, stack: [] });
    expect(givenUp.window).toBeUndefined();
  });

  test('a state that is too large ends the window at once, before what is left of the batch', () => {
    const decision = run(returned({ state: big, batchItemFailures: [{ itemIdentifier: '3-0' }] }));
    expect(decision).toMatchObject({ checkpoint: '2-0', succeeded: 2, window: { state: JSON.stringify(big) } });
    expect(decision.stack).toMatchObject([
      { first: '2-0', last: '2-0', closes: { ...WINDOW, early: true, at: NOW } },
      { first: '3-0', last: '4-0' },
    ]);
    expect(decision.stack[1]).not.toHaveProperty('closes');
  });

  test('without a window a state means nothing', () => {
    const plain = { ...AWS };
    const decision = afterAttempt(
      plain,
      [startUnit(RECORDS, 'A')],
      RECORDS,
      returned({ state: big }),
      NOW,
      () => 0,
      newId,
    );
    expect(decision).toMatchObject({ succeeded: 4, stack: [] });
    expect(decision.window).toBeUndefined();
  });
});

const CLOSES: Closing = { ...WINDOW, early: false, at: NOW };
const REST = startUnit(RECORDS, 'R');

describe('a final invocation', () => {
  const { unit, records } = closingPiece(CLOSES, '9-0', 'F');
  const end = (outcome: AttemptOutcome, more: Partial<UnitPolicy> = {}, nowMs = NOW) =>
    afterAttempt(policyOf(more), [unit, REST], records, outcome, nowMs, () => 0, newId);
  const nothing = { checkpoint: null, succeeded: 0, expired: 0, givenUp: 0, filtered: 0 };

  test('success closes the window and counts no record, whatever the answer says of state and items', () => {
    for (const value of [null, {}, { state: big }, { batchItemFailures: [{ itemIdentifier: '1-0' }] }])
      expect(end(returned(value))).toMatchObject({
        ...{ ...nothing, window: 'closed', failed: false, stack: [REST] },
        lastProcessingResult: 'OK',
      });
    expect(end(returned({ output: 'of a mapping without one' }))).toMatchObject({ failed: false, window: 'closed' });
  });

  test('a failure keeps it before everything else, under the same request id', () => {
    const decision = end(THROWN, { bisectBatchOnFunctionError: true });
    expect(decision).toMatchObject({ ...nothing, failed: true, notBefore: NOW + 200 });
    expect(decision.stack).toMatchObject([{ requestId: 'F', failures: 1, closes: CLOSES }, REST]);
    expect(decision.window).toBeUndefined();
  });

  test('its retries end as those of a unit do, with a notice without records', () => {
    const decision = end(THROWN, { maximumRetryAttempts: 0 });
    expect(decision).toMatchObject({ ...nothing, window: 'closed', stack: [REST] });
    expect(decision.giveUps).toMatchObject([
      { condition: 'RetryAttemptsExhausted', count: 0, closes: CLOSES, invokeCount: 1, functionError: 'Unhandled' },
    ]);
  });

  test('its age counts from when it was due; by default only after it failed', () => {
    const old = NOW + 60_000;
    const strict = { age: { kind: 'strict', ageMs: 60_000 } } as const;
    const byDefault = { age: { kind: 'default', ageMs: 60_000 } } as const;
    expect(expireNow(policyOf(strict), [unit, REST], records, old - 1, newId)).toBeNull();
    const expired = expireNow(policyOf(strict), [unit, REST], records, old, newId);
    expect(expired).toMatchObject({ ...nothing, window: 'closed', stack: [REST] });
    expect(expired!.giveUps).toMatchObject([{ condition: 'RecordAgeExceeded', count: 0, closes: CLOSES }]);
    expect(beforeAttempt(policyOf(byDefault), [unit], records, old, newId).kind).toBe('run');
    expect(end(THROWN, byDefault, old)).toMatchObject({ ...nothing, window: 'closed', stack: [REST] });
  });

  test('its outputs are named by the window and need a key', () => {
    const more = { outputKeyOf: () => 'never' };
    const decision = end(
      returned({
        output: [
          { partitionKey: 'a', data: 1 },
          { partitionKey: 'b', data: 2 },
        ],
      }),
      more,
    );
    expect(decision.outputs!.map(({ origin, partitionKey }) => [origin, partitionKey])).toEqual([
      ['w960000/0', 'a'],
      ['w960000/1', 'b'],
    ]);
    expect(end(returned({ output: [{ data: 1 }] }), more)).toMatchObject({
      failed: true,
      stack: [{ closes: CLOSES }, REST],
    });
  });

  test('lost with its daemon again and again it runs alone, and then counts as failed', () => {
    const lost = (n: number) => beforeAttempt(policyOf(), [{ ...unit, lost: n }], records, NOW, newId);
    expect(lost(0)).toMatchObject({ kind: 'run', alone: false });
    expect(lost(3)).toMatchObject({ kind: 'run', alone: true });
    const errorMessage = 'The daemon ended while this unit ran alone, without an outcome';
    const lastError = { errorType: 'Runtime.ExitError', errorMessage };
    expect(lost(4)).toMatchObject({
      kind: 'settle',
      decision: {
        ...{ ...nothing, failed: true, stack: [{ closes: CLOSES, lastError }] },
        ...{ lastProcessingResult: 'PROBLEM: Function call failed', notBefore: NOW + 200 },
      },
    });
  });
});
