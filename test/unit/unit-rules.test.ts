/** The traces of esm-semantics.md §1.7, §1.8 and §4.2, record for record and request id for request id. */
import { describe, expect, it } from 'vitest';
import { toSequenceNumber } from '../../src/record.ts';
import { afterAttempt } from '../../src/unit/after-attempt.ts';
import { backoffMs } from '../../src/unit/backoff.ts';
import { startUnit } from '../../src/unit/pieces.ts';
import { AWS, OK, recordsAt, recordsOf, reports, THROWN, UnitDriver } from '../support/unit-driver.ts';

const poison = (id: string) => (attempt: { records: readonly string[] }) =>
  attempt.records.includes(id) ? THROWN : OK;

describe('retry (§1.9 control, §4.2)', () => {
  it('same records, same request id, then one notice for the whole unit, healthy records included', () => {
    const shard = new UnitDriver({ maximumRetryAttempts: 2 }, recordsOf(4)).run(poison('2-0'));
    expect(shard.trace()).toEqual(['1 2 3 4|A', '1 2 3 4|A', '1 2 3 4|A']);
    expect(shard.notices()).toEqual(['RetryAttemptsExhausted 1-0..4-0 n=4 A x3']);
    expect(shard.checkpoint).toBe('4-0');
  });

  it('waits 0.2 s, doubling, to 60 s, and holds the shard meanwhile', () => {
    const shard = new UnitDriver({}, recordsOf(1)).run(() => THROWN, 12);
    const gaps = shard.attempts.slice(1).map((attempt, index) => attempt.at - shard.attempts[index]!.at);
    expect(gaps).toEqual([200, 400, 800, 1600, 3200, 6400, 12800, 25600, 51200, 60000, 60000]);
    expect(new Set(shard.attempts.map((a) => a.requestId))).toEqual(new Set(['A']));
  });

  it('jitter is at most 10 % and never passes the bound', () => {
    for (let n = 1; n < 2000; n += 7) {
      const exact = Math.min(200 * 2 ** (n - 1), 60_000);
      for (const random of [0, 0.5, 0.999999]) {
        expect(Math.abs(backoffMs(n, random) - exact)).toBeLessThanOrEqual(exact * 0.1);
        expect(backoffMs(n, random)).toBeLessThanOrEqual(60_000);
        expect(backoffMs(n, random)).toBeGreaterThanOrEqual(200);
      }
    }
    expect(backoffMs(1, 0.999)).toBe(220);
  });

  it('a blocked unit keeps when it first failed and its newest error', () => {
    const shard = new UnitDriver({}, recordsOf(1), 5_000);
    shard.run(({ at }) => ({ kind: 'failed', errorType: 'Error', errorMessage: `at ${at}` }), 2);
    expect(shard.stack).toMatchObject([{ blockedSince: 5_000, lastError: { errorMessage: 'at 5200' }, failures: 2 }]);
  });

  it('an unlimited budget never gives up', () => {
    const shard = new UnitDriver({}, recordsOf(1)).run(() => THROWN, 300);
    expect(shard.giveUps).toEqual([]);
  });

  it('a limit that was lowered meanwhile is tested before the next attempt', () => {
    const shard = new UnitDriver({}, recordsOf(2)).run(() => THROWN, 3);
    shard.policy = { ...AWS, maximumRetryAttempts: 1 };
    shard.run(() => OK);
    expect(shard.attempts).toHaveLength(3);
    expect(shard.giveUps).toMatchObject([
      { condition: 'RetryAttemptsExhausted', invokeCount: 3, functionError: 'Unhandled' },
    ]);
  });
});

describe('bisect (§1.8)', () => {
  const bisect = { bisectBatchOnFunctionError: true, maximumRetryAttempts: 1 };

  it('the recorded trace', () => {
    const shard = new UnitDriver(bisect, recordsOf(4)).run(poison('2-0'));
    // The right halves get their ids when the unit is split; what counts is that each is new and kept over the retry.
    expect(shard.trace()).toEqual(['1 2 3 4|A', '1 2|B', '1|D', '2|E', '2|E', '3 4|C']);
    expect(shard.attempts.map((a) => a.at)).toEqual([0, 0, 0, 0, 200, 200]);
    expect(shard.notices()).toEqual(['RetryAttemptsExhausted 2-0..2-0 n=1 E x2']);
    expect(shard.decisions.map((d) => d.checkpoint)).toEqual([null, null, '1-0', null, '2-0', '4-0']);
  });

  it('with partial responses: cut where it makes progress, halve when the first is named', () => {
    const shard = new UnitDriver({ ...bisect, reportBatchItemFailures: true }, recordsOf(4));
    shard.run(({ records }) => (records.includes('2-0') ? reports(toSequenceNumber('2-0')) : OK));
    expect(shard.trace()).toEqual(['1 2 3 4|A', '2 3 4|B', '2|C', '2|C', '3 4|D']);
    expect(shard.notices()).toEqual(['RetryAttemptsExhausted 2-0..2-0 n=1 C x2']);
  });

  it('splits floor(n/2) first, left before right', () => {
    const shard = new UnitDriver({ ...bisect, maximumRetryAttempts: 0 }, recordsOf(5)).run(() => THROWN);
    expect(shard.trace().map((line) => line.split('|')[0])).toEqual([
      '1 2 3 4 5',
      '1 2',
      '1',
      '2',
      '3 4 5',
      '3',
      '4 5',
      '4',
      '5',
    ]);
    expect(shard.giveUps.map((g) => [g.first, g.invokeCount])).toEqual([
      ['1-0', 1],
      ['2-0', 1],
      ['3-0', 1],
      ['4-0', 1],
      ['5-0', 1],
    ]);
  });

  it('a malformed response halves too', () => {
    const shard = new UnitDriver({ ...bisect, reportBatchItemFailures: true }, recordsOf(2));
    expect(shard.run(() => reports('?'), 1).stack.map((u) => [u.first, u.last, u.failures])).toEqual([
      ['1-0', '1-0', 0],
      ['2-0', '2-0', 0],
    ]);
  });
});

describe('written-out age (§1.7)', () => {
  const strict = { age: { kind: 'strict', ageMs: 60_000 } as const };

  it('six records, the first overdue: one notice of one, the other five are delivered', () => {
    const shard = new UnitDriver(strict, recordsAt(0, 1, 1, 1, 1, 1), 60_000).run(() => OK);
    expect(shard.notices()).toEqual(['RecordAgeExceeded 1-0..1-0 n=1 A x1']);
    expect(shard.giveUps).toMatchObject([{ functionError: undefined, error: null }]);
    expect(shard.trace()).toEqual(['2 3 4 5 6|A']);
  });

  it('everything overdue: never invoked, count 1', () => {
    const shard = new UnitDriver(strict, recordsAt(0, 0, 0), 99_999).run(() => OK);
    expect(shard.attempts).toEqual([]);
    expect(shard.notices()).toEqual(['RecordAgeExceeded 1-0..3-0 n=3 A x1']);
    expect(shard.checkpoint).toBe('3-0');
  });

  it('endless retries of one record end at its age, not a back-off later', () => {
    const shard = new UnitDriver(strict, recordsAt(0)).run(() => THROWN);
    expect(shard.attempts.map((a) => a.at)).toEqual([0, 200, 600, 1400, 3000, 6200, 12600, 25400, 51000]);
    expect(shard.now).toBe(60_000);
    expect(shard.giveUps).toMatchObject([
      { condition: 'RecordAgeExceeded', invokeCount: 9, functionError: undefined, error: { errorMessage: 'boom' } },
    ]);
  });

  it('what is overdue when an attempt fails is written in the same settle; the rest keeps id, count and back-off', () => {
    const shard = new UnitDriver(strict, recordsAt(0, 10, 59_999), 59_000);
    shard.run(() => {
      shard.now = 60_010;
      return THROWN;
    }, 1);
    expect(shard.decisions).toMatchObject([{ checkpoint: '2-0', expired: 2, notBefore: 60_210, failed: true }]);
    expect(shard.stack).toMatchObject([
      { first: '3-0', last: '3-0', count: 1, requestId: 'A', failures: 1, deliveries: 1 },
    ]);
  });

  it('an overdue record behind one that is not (arrivals out of order) is never started', () => {
    const shard = new UnitDriver(strict, recordsAt(50_000, 0, 50_000), 60_000).run(() => OK);
    expect(shard.trace()).toEqual(['1|A', '3|B']);
    expect(shard.notices()).toEqual(['RecordAgeExceeded 2-0..2-0 n=1 B x1']);
  });

  it('a notice covers at most batchSize records', () => {
    const shard = new UnitDriver({ ...strict, batchSize: 3 }, recordsOf(3), 90_000);
    shard.stack = [startUnit(shard.records, shard.newId())];
    shard.policy = { ...shard.policy, batchSize: 2 };
    shard.expire();
    expect(shard.notices()).toEqual(['RecordAgeExceeded 1-0..2-0 n=2 A x1', 'RecordAgeExceeded 3-0..3-0 n=1 A x1']);
  });

  it('-1 never expires', () => {
    const shard = new UnitDriver({}, recordsAt(0), 1e15).run(() => OK);
    expect(shard.giveUps).toEqual([]);
    expect(shard.trace()).toEqual(['1|A']);
  });
});

describe('default age (product.md, Expiry)', () => {
  const age = { age: { kind: 'default', ageMs: 1_000 } as const };

  it('a backlog that is overdue is processed, not discarded', () => {
    const shard = new UnitDriver({ ...age, batchSize: 2 }, recordsOf(4), 5_000).run(() => OK);
    expect(shard.trace()).toEqual(['1 2|A', '3 4|B']);
    expect(shard.giveUps).toEqual([]);
  });

  it('a failing unit with overdue records runs record by record; only the one that failed by itself expires', () => {
    const shard = new UnitDriver(age, recordsOf(4), 5_000).run(poison('3-0'));
    expect(shard.trace()).toEqual(['1 2 3 4|A', '1|B', '2|C', '3|D', '4|E']);
    expect(shard.notices()).toEqual(['RecordAgeExceeded 3-0..3-0 n=1 D x1']);
    expect(shard.giveUps).toMatchObject([{ functionError: undefined, error: { errorMessage: 'boom' } }]);
    expect(shard.now).toBe(5_000);
  });

  it('only the overdue front is taken apart', () => {
    const shard = new UnitDriver(age, recordsAt(0, 0, 4_500, 4_500), 5_000).run(poison('4-0'), 4);
    expect(shard.trace()).toEqual(['1 2 3 4|A', '1|B', '2|C', '3 4|D']);
    expect(shard.stack).toMatchObject([{ first: '3-0', last: '4-0', failures: 1 }]);
  });

  it('a poison record alone waits until its age and ends there', () => {
    const shard = new UnitDriver(age, recordsAt(0)).run(() => THROWN);
    expect(shard.attempts.map((a) => a.at)).toEqual([0, 200, 600]);
    expect(shard.now).toBe(1_000);
    expect(shard.notices()).toEqual(['RecordAgeExceeded 1-0..1-0 n=1 A x3']);
  });

  it('a unit of several retries together until something of it is overdue', () => {
    const shard = new UnitDriver(age, recordsAt(0, 0)).run(poison('1-0'));
    expect(shard.trace()).toEqual(['1 2|A', '1 2|A', '1 2|A', '1 2|A', '1|B', '2|C']);
    expect(shard.notices()).toEqual(['RecordAgeExceeded 1-0..1-0 n=1 B x1']);
  });

  it('bisect, where it is on, finds the poison record instead', () => {
    const shard = new UnitDriver({ ...age, bisectBatchOnFunctionError: true }, recordsOf(4), 5_000).run(poison('3-0'));
    expect(shard.trace().map((line) => line.split('|')[0])).toEqual(['1 2 3 4', '1 2', '3 4', '3', '4']);
    expect(shard.notices()).toMatchObject([expect.stringContaining('RecordAgeExceeded 3-0..3-0 n=1')]);
  });

  it('a big overdue unit is taken apart with a short stack', () => {
    const shard = new UnitDriver({ ...age, batchSize: 1000 }, recordsOf(400), 5_000);
    let longest = 0;
    shard.run((attempt) => {
      longest = Math.max(longest, shard.stack.length);
      return poison('397-0')(attempt);
    });
    expect(shard.attempts.map((a) => a.records.length)).toEqual([400, ...Array<number>(400).fill(1)]);
    expect(longest).toBeLessThanOrEqual(51);
    expect(shard.giveUps).toMatchObject([{ first: '397-0', count: 1 }]);
  });
});

describe('expiry of a shard that is not running', () => {
  it('strict: the overdue front of the waiting head; the rest is due at once', () => {
    const shard = new UnitDriver({ age: { kind: 'strict', ageMs: 60_000 } }, recordsAt(0, 0, 50_000)).run(
      () => THROWN,
      1,
    );
    shard.now = 60_000;
    expect(shard.expire()).toMatchObject({
      checkpoint: '2-0',
      expired: 2,
      notBefore: null,
      failed: false,
      lastProcessingResult: null,
    });
    expect(shard.stack).toMatchObject([{ first: '3-0', count: 1, requestId: 'A', failures: 1 }]);
    expect(shard.expire()).toBeNull();
  });

  it('strict: unread records, each batch under an id of its own', () => {
    const shard = new UnitDriver({ age: { kind: 'strict', ageMs: 60_000 } }, recordsAt(0, 0, 50_000), 60_000);
    shard.expire();
    expect(shard.notices()).toEqual(['RecordAgeExceeded 1-0..2-0 n=2 A x1']);
    expect(shard.stack).toEqual([]);
    expect(shard.expire()).toBeNull();
  });

  it('default: only a record that failed by itself', () => {
    const policy = { age: { kind: 'default', ageMs: 1_000 } as const };
    const unread = new UnitDriver(policy, recordsOf(1), 9_000);
    expect(unread.expire()).toBeNull();
    const pair = new UnitDriver(policy, recordsOf(2)).run(() => THROWN, 1);
    pair.now = 9_000;
    expect(pair.expire()).toBeNull();
    const single = new UnitDriver(policy, recordsOf(1)).run(() => THROWN, 1);
    single.now = 999;
    expect(single.expire()).toBeNull();
    single.now = 1_000;
    expect(single.expire()).toMatchObject({ expired: 1, checkpoint: '1-0', stack: [] });
  });
});

describe('not the function’s doing (§4.2, invariant 5)', () => {
  it('oversized: a failed attempt without an invocation and without responseContext (§1.4)', () => {
    for (const [maximumRetryAttempts, count] of [
      [0, 1],
      [2, 3],
    ] as const) {
      const shard = new UnitDriver({ maximumRetryAttempts, batchSize: 1 }, recordsOf(2));
      shard.run(({ records }) =>
        records[0] === '1-0' ? { kind: 'no-event', reason: 'oversized', errorMessage: '7 MB' } : OK,
      );
      expect(shard.giveUps).toMatchObject([
        { condition: 'RetryAttemptsExhausted', invokeCount: count, functionError: undefined, first: '1-0' },
      ]);
      expect(shard.trace().at(-1)).toBe('2|B');
    }
  });

  it('infrastructure spends nothing, waits longer each time, and keeps the request id', () => {
    const shard = new UnitDriver({ maximumRetryAttempts: 0 }, recordsOf(2));
    shard.run(() => ({ kind: 'infrastructure', reason: 'shutdown' }), 6);
    expect(shard.stack).toMatchObject([
      { requestId: 'A', failures: 0, deliveries: 6, lost: 0, blockedSince: null, lastError: null },
    ]);
    expect(shard.attempts.map((a) => a.at)).toEqual([0, 200, 600, 1400, 3000, 6200]);
    expect(shard.attempts.some((a) => a.alone)).toBe(false);
    shard.run(() => OK);
    expect(shard.decisions.at(-1)).toMatchObject({ succeeded: 2, stack: [] });
  });

  it('what was put off before its delivery is as if it had not been tried, and waits as long as it was told', () => {
    const shard = new UnitDriver({ maximumRetryAttempts: 0 }, recordsOf(2));
    shard.run(() => ({ kind: 'infrastructure', reason: 'slowed', retryAfterMs: 1_000 }), 3);
    expect(shard.stack).toMatchObject([{ requestId: 'A', failures: 0, deliveries: 0, lost: 0, blockedSince: null }]);
    expect(shard.attempts.map((a) => a.at)).toEqual([0, 1_000, 2_000]);
    shard.run(() => THROWN);
    expect(shard.giveUps).toMatchObject([{ condition: 'RetryAttemptsExhausted', invokeCount: 1 }]);
  });

  it('three lost deliveries spend nothing, from then on the unit runs alone, and each further one is a failure', () => {
    const shard = new UnitDriver({ maximumRetryAttempts: 1 }, recordsOf(2)).run(() => ({ kind: 'daemon-killed' }));
    expect(shard.attempts.map((a) => a.alone)).toEqual([false, false, false, true, true]);
    expect(new Set(shard.attempts.map((a) => a.requestId))).toEqual(new Set(['A']));
    expect(shard.giveUps).toMatchObject([
      {
        condition: 'RetryAttemptsExhausted',
        invokeCount: 2,
        count: 2,
        functionError: 'Unhandled',
        error: { errorType: 'Runtime.ExitError' },
      },
    ]);
  });

  it('an outcome ends the row; three deploys cannot discard a healthy batch', () => {
    const shard = new UnitDriver({ maximumRetryAttempts: 0 }, recordsOf(1));
    shard.run(() => ({ kind: 'daemon-killed' }), 3);
    expect(shard.stack).toMatchObject([{ lost: 3, deliveries: 3, failures: 0 }]);
    shard.run(() => OK);
    expect(shard.attempts.at(-1)).toMatchObject({ alone: true, requestId: 'A' });
    expect(shard.decisions).toMatchObject([{ succeeded: 1, giveUps: [] }]);
  });

  it('a killer in a batch is found by bisect, its halves running alone at once', () => {
    const shard = new UnitDriver({ maximumRetryAttempts: 0, bisectBatchOnFunctionError: true }, recordsOf(4));
    shard.run(({ records }) => (records.includes('4-0') ? { kind: 'daemon-killed' } : OK));
    expect(shard.trace().map((line) => line.split('|')[0])).toEqual([
      '1 2 3 4',
      '1 2 3 4',
      '1 2 3 4',
      '1 2 3 4',
      '1 2',
      '3 4',
      '3',
      '4',
    ]);
    expect(shard.attempts.slice(3).every((a) => a.alone)).toBe(true);
    expect(shard.notices()).toMatchObject([expect.stringContaining('RetryAttemptsExhausted 4-0..4-0 n=1')]);
  });
});

describe('records that the source lost while their unit waited', () => {
  it('all of them: a gap over the unit', () => {
    const shard = new UnitDriver({}, recordsOf(4)).run(() => THROWN, 1);
    shard.records = [{ id: '5-0', arrivalMs: 0 }];
    shard.run(() => OK);
    expect(shard.notices()).toEqual(['SourceGap 1-0..4-0 n=4 A x1']);
    expect(shard.trace()).toEqual(['1 2 3 4|A', '5|B']);
  });

  it('also where expiry finds it first: what is gone is no expired record', () => {
    const shard = new UnitDriver({ age: { kind: 'strict', ageMs: 60_000 } }, recordsAt(0, 0, 0, 50_000)).run(
      () => THROWN,
      1,
    );
    shard.records = shard.records.slice(1);
    shard.now = 60_000;
    expect(shard.expire()).toMatchObject({ checkpoint: '3-0', expired: 2 });
    expect(shard.notices()).toEqual([
      'SourceGap 1-0..1-18446744073709551615 n=1 A x1',
      'RecordAgeExceeded 2-0..3-0 n=2 B x1',
    ]);
    expect(shard.stack).toMatchObject([{ first: '4-0', last: '4-0', count: 1, requestId: 'B' }]);
  });

  it('its front: the gap ends before the first that is left, which is a new unit', () => {
    const shard = new UnitDriver({}, recordsOf(4)).run(() => THROWN, 1);
    shard.records = shard.records.slice(2);
    shard.run(() => OK);
    expect(shard.notices()).toEqual(['SourceGap 1-0..2-18446744073709551615 n=2 A x1']);
    expect(shard.trace()).toEqual(['1 2 3 4|A', '3 4|B']);
  });
});

it('what is pending behind the head survives every decision about the head', () => {
  const shard = new UnitDriver({ bisectBatchOnFunctionError: true }, recordsOf(4)).run(() => THROWN, 2);
  const behind = shard.stack.slice(1);
  expect(behind.map((u) => [u.first, u.last])).toEqual([
    ['2-0', '2-0'],
    ['3-0', '4-0'],
  ]);
  const decision = afterAttempt(shard.policy, shard.stack, shard.headRecords(), OK, 0, Math.random, shard.newId);
  expect(decision.stack).toEqual(behind);
});
