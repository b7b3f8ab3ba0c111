/** What an attempt comes to that is neither plain success nor a thrown error: answers that cannot be used, no event, nothing delivered. */
import { describe, expect, test } from 'vitest';
import { toSequenceNumber } from '../../src/record.ts';
import { afterAttempt } from '../../src/unit/after-attempt.ts';
import {
  BAD_OUTPUT,
  BAD_STATE,
  EXIT_ERROR,
  functionErrorOf,
  MALFORMED,
  OVERSIZED,
  REPORTED,
  UNREADABLE,
} from '../../src/unit/failure.ts';
import { startUnit } from '../../src/unit/pieces.ts';
import type { AttemptOutcome, Decision, Unit, UnitPolicy } from '../../src/unit/types.ts';
import { AWS, recordsOf } from '../support/unit-driver.ts';

const UNIT = { ...startUnit(recordsOf(2), 'A'), deliveries: 3, failures: 1 };
const after = (outcome: AttemptOutcome, policy: Partial<UnitPolicy> = {}, unit: Partial<Unit> = {}): Decision =>
  afterAttempt(
    { ...AWS, ...policy },
    [{ ...UNIT, ...unit }],
    recordsOf(2),
    outcome,
    100,
    () => 0,
    () => 'new',
  );
const answer = (value: unknown): AttemptOutcome => ({ kind: 'returned', result: JSON.stringify(value) });

describe('outputs', () => {
  const entry = { itemIdentifier: toSequenceNumber('1-0'), data: 1 };
  const withKeys = { outputKeyOf: (id: string) => `key of ${id}` };

  test('go with the success, with the key of their record', () => {
    const output = { partitionKey: 'key of 1-0', data: '1', headers: '', origin: `${entry.itemIdentifier}/0` };
    expect(after(answer({ output: [entry] }), withKeys)).toMatchObject({ succeeded: 2, outputs: [output] });
  });

  test('that cannot be used fail the whole unit, and say why', () => {
    const decision = after(answer({ output: [{ data: 1, partitionKey: 5 }] }), withKeys);
    const errorMessage = "The function's output cannot be used: its entry 1 has a partitionKey that is not a text";
    const stack = [{ failures: 2, lastError: { errorType: BAD_OUTPUT, errorMessage } }];
    expect(decision).toMatchObject({ failed: true, succeeded: 0, checkpoint: null, stack });
    expect(decision.lastProcessingResult).toBe('PROBLEM: Function call failed');
  });

  test('mean nothing where the mapping has no output', () => {
    const decision = after(answer({ output: 'nonsense' }));
    expect(decision).toMatchObject({ failed: false, succeeded: 2, stack: [] });
    expect('outputs' in decision).toBe(false);
  });

  test('name records as the source does', () => {
    const named = { ...withKeys, namesOf: (id: string) => [`name of ${id}`] };
    const decision = after(answer({ output: [{ itemIdentifier: 'name of 2-0', data: 1 }] }), named);
    expect(decision.outputs).toMatchObject([{ partitionKey: 'key of 2-0', origin: 'name of 2-0/0' }]);
  });
});

test('errors of our own have these names (docs/errors.md)', () => {
  expect([REPORTED, MALFORMED, BAD_OUTPUT, BAD_STATE, OVERSIZED, UNREADABLE, EXIT_ERROR]).toEqual([
    ...['ReportedBatchItemFailure', 'MalformedBatchResponse', 'MalformedOutput', 'MalformedWindowState'],
    ...['MaximumPayloadSizeExceeded', 'MalformedRecord', 'Runtime.ExitError'],
  ]);
});

test.each([
  ['oversized', OVERSIZED],
  ['malformed', UNREADABLE],
] as const)('a record of which no event can be made: %s', (reason, errorType) => {
  const decision = after({ kind: 'no-event', reason, errorMessage: 'why' });
  expect(decision).toMatchObject({ failed: true, stack: [{ lastError: { errorType, errorMessage: 'why' } }] });
});

describe('an attempt that was none', () => {
  const lostAfter = (outcome: AttemptOutcome, lost: number) => after(outcome, {}, { lost }).stack[0]!.lost;
  const shutdown = { kind: 'infrastructure', reason: 'shutdown' } as const;
  const slowed = { kind: 'infrastructure', reason: 'slowed', retryAfterMs: 70 } as const;

  test('ends no row of lost deliveries, and is none of it', () => {
    for (const outcome of [shutdown, slowed])
      expect([0, 1, 3].map((lost) => lostAfter(outcome, lost))).toEqual([0, 0, 2]);
  });

  test('waits the longer the more deliveries came to nothing; failures are not among them', () => {
    const waits = [1, 2, 3, 4].map((deliveries) => after(shutdown, {}, { deliveries }).notBefore! - 100);
    expect(waits).toEqual([200, 200, 400, 800]);
  });

  test('was a delivery, unless it was put off before it', () => {
    expect(after(shutdown)).toMatchObject({ failed: false, stack: [{ deliveries: 3, failures: 1 }] });
    expect(after(slowed)).toMatchObject({ failed: false, notBefore: 170, stack: [{ deliveries: 2, failures: 1 }] });
    expect(after(slowed, {}, { deliveries: 0 }).stack[0]!.deliveries).toBe(0);
  });
});

test.each([
  [undefined, [undefined, OVERSIZED, UNREADABLE]],
  [null, [REPORTED, MALFORMED, BAD_OUTPUT, BAD_STATE]],
  ['Unhandled', ['Error', 'Runtime.ExitError']],
] as const)('functionError %s', (functionError, types) => {
  for (const errorType of types) {
    const lastError = errorType === undefined ? null : { errorType, errorMessage: '' };
    expect(functionErrorOf({ ...UNIT, lastError })).toBe(functionError);
  }
});
