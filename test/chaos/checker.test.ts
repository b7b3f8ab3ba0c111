/** The checker against histories written by hand: for each invariant one that keeps it and those that do not. */
import { describe, expect, it } from 'vitest';
import type { EndState } from '../support/end-state.ts';
import { type CheckOptions, checkHistory, describeViolations } from './checker.ts';
import { position, SHARD, Story, T0 } from './story.ts';

const OPTIONS: CheckOptions = { liveness: { leaseMs: 5_000 } };
const STRICT: CheckOptions = { ...OPTIONS, expiry: { kind: 'strict', ageMs: 60_000, timeoutMs: 3_000 } };
const DEFAULT: CheckOptions = { ...OPTIONS, expiry: { kind: 'default', ageMs: 60_000, timeoutMs: 3_000 } };
const SHUTDOWN: CheckOptions = { ...OPTIONS, shutdown: { graceMs: 5_000 } };

const check = (story: Story, options = OPTIONS, end: Partial<EndState> = {}) =>
  checkHistory(story.lines, story.end(end), options);

function clean(story: Story, options = OPTIONS, end: Partial<EndState> = {}): void {
  const { violations } = check(story, options, end);
  expect(violations, describeViolations(violations)).toEqual([]);
}

/** Exactly these invariants are violated, and each violation shows a line where there is one to show. */
function violates(story: Story, invariants: string[], options = OPTIONS, end: Partial<EndState> = {}): string[] {
  const { violations } = check(story, options, end);
  expect([...new Set(violations.map((v) => v.invariant))].sort(), describeViolations(violations)).toEqual(invariants);
  return violations.map((violation) => violation.message);
}

const three = () => new Story().accepted(1, 3);

describe('I1 no loss', () => {
  it('clean: success, expiry, giving up and a gap all settle a record', () => {
    const story = new Story()
      .accepted(1, 6)
      .unit(1, 2)
      .attempt('start', 3, 3, { id: 'B' })
      .attempt('failure', 3, 3, { id: 'B' });
    story.notice('RetryAttemptsExhausted', 3, 3, 'B').checkpoint(3).notice('SourceGap', 4, 4).checkpoint(4);
    clean(story.unit(5, 6, { id: 'C' }));
  });

  it('a skipped record', () => {
    violates(three().unit(1, 1).checkpoint(2).unit(3, 3, { id: 'B' }), ['I1', 'I2', 'I5', 'I6']);
  });

  it('a record that reached the handler and was forgotten', () => {
    const story = three().unit(1, 2).attempt('start', 3, 3, { id: 'B' }).checkpoint(3);
    expect(violates(story, ['I1', 'I5', 'I6'])[0]).toContain(position(3));
  });

  it('counters that do not add up', () => {
    const settled = { succeeded: 4, expired: 0, givenUp: 0 };
    const shards = [{ shard: SHARD, checkpoint: position(3), groupMarker: position(3), unitsPending: 0, settled }];
    expect(violates(three().unit(1, 3), ['I1'], OPTIONS, { shards })).toEqual([
      'settled.succeeded is 4, the history has 3',
    ]);
  });
});

it('a record whose acknowledgement was lost is checked for order and counted, not for loss', () => {
  const settled = { succeeded: 3, expired: 0, givenUp: 0 };
  const shards = [{ shard: SHARD, checkpoint: position(3), groupMarker: position(3), unitsPending: 0, settled }];
  clean(new Story().accepted(1, 2).unit(1, 3), OPTIONS, { shards });
  violates(new Story().accepted(1, 1).attempt('start', 1, 2).checkpoint(2).attempt('success', 1, 2), ['I1', 'I5']);
});

describe('I2 order', () => {
  it('clean: retries, halves and suffixes', () => {
    const story = new Story().accepted(1, 4);
    story.attempt('start', 1, 4).attempt('failure', 1, 4).attempt('start', 1, 4, { attempt: 2 });
    story.attempt('success', 1, 1, { attempt: 2 }).attempt('failure', 2, 4, { attempt: 2 }).checkpoint(1);
    story
      .attempt('start', 2, 3, { id: 'B' })
      .attempt('success', 2, 3, { id: 'B' })
      .checkpoint(3)
      .unit(4, 4, { id: 'C' });
    clean(story);
  });

  it('the next record before the failed one', () => {
    const story = three().attempt('start', 1, 1).attempt('failure', 1, 1).unit(2, 3, { id: 'B' });
    violates(story.attempt('start', 1, 1, { attempt: 2 }).attempt('success', 1, 1, { attempt: 2 }), ['I2', 'I4', 'I5']);
  });

  it('the next record while the one before it runs', () => {
    const story = three().attempt('start', 1, 1).attempt('start', 2, 3, { id: 'B' });
    story.attempt('success', 1, 1).attempt('success', 2, 3, { id: 'B' }).checkpoint(3);
    expect(violates(story, ['I2'])).toEqual([`${position(2)} started before ${position(1)} was settled`]);
  });

  it('a unit with a hole', () => {
    const story = three();
    for (const kind of ['start', 'success'] as const) {
      const positions = [position(1), position(3)];
      story.put({ kind, shard: SHARD, positions, requestId: 'A', attempt: 1, epoch: '1' });
    }
    violates(story.attempt('start', 2, 2, { id: 'B' }).attempt('success', 2, 2, { id: 'B' }).checkpoint(3), ['I2']);
  });

  it('other shards are not concerned', () => {
    const other = { shard: 'm/other', id: 'X' };
    clean(
      three().accepted(1, 2, 'm/other').attempt('start', 1, 3).unit(1, 2, other).attempt('success', 1, 3).checkpoint(3),
    );
  });
});

describe('I3 single writer', () => {
  const taken = () => three().attempt('start', 1, 3).fault({}, 10).attempt('start', 1, 3, { epoch: 2, attempt: 2 });

  it('clean: the zombie is refused', () => {
    const story = taken().refused(1, 3, 1).attempt('success', 1, 3, { epoch: 2, attempt: 2 }).checkpoint(3);
    clean(story);
    expect(check(story).reached).toMatchObject({ refused: 1, repeats: 3, faults: 1, records: 3, attempts: 2 });
  });

  it('the zombie gets through', () => {
    const story = taken()
      .attempt('effect', 1, 3, { epoch: 1 })
      .attempt('success', 1, 3, { epoch: 2, attempt: 2 })
      .checkpoint(3);
    violates(story, ['I3']);
  });
});

describe('I4 duplicates', () => {
  it('clean: one repeat per fault, retries are none', () => {
    const story = three().attempt('start', 1, 3).attempt('success', 1, 3).fault();
    story.attempt('start', 1, 3, { attempt: 2, epoch: 2 }).fault().attempt('start', 1, 3, { attempt: 3, epoch: 3 });
    story.attempt('failure', 1, 3, { attempt: 3, epoch: 3 }).attempt('start', 1, 3, { attempt: 4, epoch: 3 });
    clean(story.attempt('success', 1, 3, { attempt: 4, epoch: 3 }).checkpoint(3));
  });

  const again = (story: Story) => story.attempt('start', 1, 3, { attempt: 2 }).attempt('success', 1, 3, { attempt: 2 });

  it('without a fault', () => {
    violates(again(three().attempt('start', 1, 3).attempt('success', 1, 3)).checkpoint(3), ['I4']);
  });

  it('a fault that healed before, one of another shard, a clean stop: none explains it', () => {
    for (const fault of [{}, { shards: ['m/other'] }, { clean: true }]) {
      const first = three();
      if (Object.keys(fault).length === 0) first.fault().attempt('start', 1, 3).attempt('success', 1, 3);
      else first.attempt('start', 1, 3).attempt('success', 1, 3).fault(fault);
      violates(again(first).checkpoint(3), ['I4']);
    }
  });

  it('a loss in Redis explains the repeat of what a turn did after it that was taken before it, and of no later one', () => {
    const now = (story: Story): number => (T0 + story.t) * 1_000;
    const repeated = (story: Story, epoch: number): Story => {
      story.attempt('start', 1, 3, { epoch }).attempt('success', 1, 3, { epoch });
      const second = { attempt: 2, epoch: now(story) };
      return story.attempt('start', 1, 3, second).attempt('success', 1, 3, second).checkpoint(3);
    };
    const early = three();
    const before = now(early);
    clean(repeated(early.fault({ lossy: true }).wait(500), before));
    const killed = three();
    violates(repeated(killed.fault().wait(500), before), ['I4']);
    const late = three().fault({ lossy: true }).wait(500);
    violates(repeated(late, now(late)), ['I4']);
  });

  it('two repeats for one fault', () => {
    const story = again(three().attempt('start', 1, 3).fault());
    violates(story.attempt('start', 1, 3, { attempt: 3 }).attempt('success', 1, 3, { attempt: 3 }).checkpoint(3), [
      'I4',
    ]);
  });

  it('after the checkpoint, whatever the fault', () => {
    violates(again(three().unit(1, 3).fault()), ['I4']);
  });

  it('a delivery that was not counted before it ran', () => {
    const story = three().attempt('start', 1, 3).fault().unit(1, 3, { epoch: 2 });
    expect(violates(story, ['I4'])).toEqual(['attempt 1 of A began after attempt 1']);
  });

  it('an attempt without a last word explains a retry only where functions can fail silently', () => {
    const story = again(three().attempt('start', 1, 3)).checkpoint(3);
    violates(story, ['I4']);
    clean(story, { ...OPTIONS, silentFailures: true });
  });
});

describe('I5 checkpoint, I6 acknowledgement', () => {
  it('clean', () => clean(three().unit(1, 1).ack(1).unit(2, 3, { id: 'B' }).ack(3).ack(2, 'trim')));

  it('clean: nothing was recorded any more when the last notice was written', () => {
    const settled = { succeeded: 2, expired: 0, givenUp: 1 };
    const shards = [{ shard: SHARD, checkpoint: position(3), groupMarker: position(3), unitsPending: 0, settled }];
    const failed = three().unit(1, 2).attempt('start', 3, 3, { id: 'B' }).attempt('failure', 3, 3, { id: 'B' });
    clean(failed.notice('RetryAttemptsExhausted', 3, 3, 'B'), OPTIONS, { shards });
  });

  it('back', () => violates(three().unit(1, 3).checkpoint(2).checkpoint(3), ['I5']));

  it('back is allowed after Redis lost writes, and forward again', () => {
    const story = three().unit(1, 3).fault({ lossy: true }).checkpoint(2);
    clean(story.unit(3, 3, { id: 'B', epoch: 2 }));
  });

  it('ahead of a record that runs', () => {
    violates(three().attempt('start', 1, 3).checkpoint(3).attempt('success', 1, 3), ['I5']);
  });

  it('the group marker ahead of the checkpoint', () => {
    const story = three().attempt('start', 1, 3).attempt('success', 1, 3).ack(3).checkpoint(2).checkpoint(3);
    violates(story, ['I6']);
  });

  it('trimmed up to the first record that is not settled: the place before it is behind the checkpoint, and no record', () => {
    const story = three().unit(1, 1);
    const before = (BigInt(position(2)) - 1n).toString();
    story.put({ kind: 'ack', shard: SHARD, position: before, what: 'trim' });
    clean(story.checkpoint(1).unit(2, 3, { id: 'B' }));
  });

  it('trimmed before it was settled', () => {
    violates(three().unit(1, 1).ack(2, 'trim').unit(2, 3, { id: 'B' }), ['I6']);
  });
});

describe('I7 expiry', () => {
  const late = (age: number) => new Story().accepted(1, 1).wait(age);

  it('clean, written-out age: untried, at its age', () => {
    clean(late(60_000).notice('RecordAgeExceeded', 1, 1).checkpoint(1), STRICT);
  });

  it('early', () => {
    violates(late(50_000).notice('RecordAgeExceeded', 1, 1).checkpoint(1), ['I7'], STRICT);
  });

  it('started after its age; ended too late', () => {
    expect(violates(late(70_000).unit(1, 1), ['I7'], STRICT)).toHaveLength(2);
  });

  it('a fault at that time excuses the lateness', () => {
    clean(late(59_000).fault({}, 10_000).notice('RecordAgeExceeded', 1, 1).checkpoint(1), STRICT);
  });

  it('clean, default age: it failed by itself', () => {
    const story = new Story().accepted(1, 2).wait(70_000).attempt('start', 1, 2).attempt('failure', 1, 2);
    story
      .attempt('start', 1, 1, { id: 'B' })
      .attempt('failure', 1, 1, { id: 'B' })
      .notice('RecordAgeExceeded', 1, 1, 'B');
    clean(story.checkpoint(1).unit(2, 2, { id: 'C' }), DEFAULT);
  });

  it('default age: it failed only together with others, or not at all', () => {
    const story = new Story().accepted(1, 2).wait(70_000).attempt('start', 1, 2).attempt('failure', 1, 2);
    violates(story.notice('RecordAgeExceeded', 1, 2).checkpoint(2), ['I7'], DEFAULT);
    violates(late(70_000).notice('RecordAgeExceeded', 1, 1).checkpoint(1), ['I7'], DEFAULT);
  });

  it('without a notice', () => {
    const story = late(60_000)
      .put({ kind: 'expired', shard: SHARD, positions: [position(1)] })
      .checkpoint(1);
    violates(story, ['I1', 'I5', 'I6', 'I7'], STRICT);
  });
});

describe('I8 liveness', () => {
  const hit = () => three().attempt('start', 1, 3).fault();
  const resumed = { attempt: 2, epoch: 2 };

  it('clean: moves within two leases', () => clean(hit().wait(9_000).unit(1, 3, resumed)));
  it('clean: the source lost what was in hand, and the gap is reported in time', () =>
    clean(hit().wait(9_000).notice('SourceGap', 1, 3).checkpoint(3)));
  it('a gap that is reported too late', () =>
    violates(hit().wait(10_500).notice('SourceGap', 1, 3).checkpoint(3), ['I8']));
  it('too late', () => violates(hit().wait(10_500).unit(1, 3, resumed), ['I8']));
  it('never', () => violates(hit(), ['I1', 'I8']));

  it('a shard that waits out its own back-off is excused', () => {
    const story = three().attempt('start', 1, 3).attempt('failure', 1, 3).fault().wait(30_000);
    clean(story.unit(1, 3, { attempt: 2 }));
  });

  it('jobs in failed, units left, no checkpoint', () => {
    violates(three().unit(1, 3), ['I8'], OPTIONS, { failedJobs: 1 });
    const [shard] = three().unit(1, 3).end().shards;
    violates(three().unit(1, 3), ['I8'], OPTIONS, { shards: [{ ...shard!, unitsPending: 1 }] });
    violates(three().unit(1, 3), ['I8'], OPTIONS, { shards: [{ ...shard!, checkpoint: null }] });
  });

  it('a backlog that drains too slowly', () => {
    const story = new Story().accepted(1, 1_000).fault();
    for (let n = 0; n < 1_000; n += 10) story.unit(n + 1, n + 10, { id: `u${n}`, epoch: 2 });
    const rate = (faultFreeRate: number) => ({ liveness: { leaseMs: 5_000, faultFreeRate } });
    clean(story, rate(400));
    violates(story, ['I8'], rate(450));
  });
});

describe('I9 isolation', () => {
  const options = { ...OPTIONS, isolation: { troubled: ['m/bad'], baselineP99Ms: 20 } };
  it('clean: only the troubled shard is slow', () => {
    clean(
      new Story().accepted(1, 1, 'm/bad').wait(5_000).accepted(1, 1).unit(1, 1).unit(1, 1, { shard: 'm/bad', id: 'B' }),
      options,
    );
  });
  it('a healthy shard waits too', () => violates(new Story().accepted(1, 1).wait(15).unit(1, 1), ['I9'], options));
});

describe('I10 resources', () => {
  const measured = (after: number) =>
    three()
      .put({ kind: 'resource', phase: 'baseline', name: 'redis:keys', value: 100 })
      .unit(1, 3)
      .put({ kind: 'resource', phase: 'drained', name: 'redis:keys', value: after });
  it('clean', () => clean(measured(105)));
  it('left behind', () => violates(measured(106), ['I10']));
});

describe('I11 shutdown', () => {
  const stopped = (story: Story, code = 0) =>
    story.put({ kind: 'term', pid: 7 }).wait(1_000).put({ kind: 'exit', pid: 7, code });

  it('clean', () => clean(stopped(three().unit(1, 3)), SHUTDOWN));
  it('exit code', () => violates(stopped(three().unit(1, 3), 143), ['I11'], SHUTDOWN));
  it('too slow, or not at all', () => {
    violates(
      three().unit(1, 3).put({ kind: 'term', pid: 7 }).wait(6_000).put({ kind: 'exit', pid: 7, code: 0 }),
      ['I11'],
      SHUTDOWN,
    );
    violates(three().unit(1, 3).put({ kind: 'term', pid: 7 }), ['I11'], SHUTDOWN);
  });
  it('a new take', () => {
    const story = three()
      .unit(1, 3)
      .put({ kind: 'term', pid: 7 })
      .wait(500)
      .put({ kind: 'lease', shard: SHARD, epoch: '9', pid: 7 });
    violates(story.put({ kind: 'exit', pid: 7, code: 0 }), ['I11'], SHUTDOWN);
  });
  it('a take after the daemon itself said that it drains, however late the signal reached it', () => {
    const told = (takenMs: number) =>
      three()
        .unit(1, 3)
        .put({ kind: 'term', pid: 7 })
        .wait(500)
        .put({ kind: 'lease', shard: SHARD, epoch: String(takenMs * 1_000), pid: 7 })
        .put({ kind: 'exit', pid: 7, code: 0, drainingAt: 1_800_000_000_000 });
    clean(told(1_800_000_000_000), SHUTDOWN);
    violates(told(1_800_000_000_300), ['I11'], SHUTDOWN);
  });
  it('an attempt that shutdown cut short was counted as a failure', () => {
    const story = three()
      .attempt('start', 1, 3)
      .fault({ fault: 'SIGTERM' })
      .attempt('start', 1, 3, { attempt: 2, epoch: 2 });
    story
      .attempt('failure', 1, 3, { attempt: 2, epoch: 2 })
      .notice('RetryAttemptsExhausted', 1, 3, 'A', 2)
      .checkpoint(3);
    violates(story, ['I11'], SHUTDOWN);
  });
});

it('says what and where, and no more than was asked for', () => {
  const { violations } = check(three().attempt('start', 1, 3).checkpoint(3).attempt('success', 1, 3));
  expect(describeViolations(violations, 1)).toMatch(
    /^I5 m\/shardId-000000000000: the checkpoint was at \d+ while \d+ was not settled\n {4}\{"pid"/,
  );
});
