/** R20: wall clocks of daemons are wrong, drift and jump: no record expires by one, no order and no lease depends on one. */
import { expect, test } from 'vitest';
import type { LeaseLine } from '../support/history.ts';
import type { ExpiryOptions } from './check-expiry.ts';
import { CLOCKS, type ClockPlan, drawJumps, KINDS, setClock, startWithClock } from './lab/clocks.ts';
import { type Checked, type Lab, mustBeClean, pause, withLab } from './lab/lab.ts';
import type { LabSpec } from './lab/project.ts';
import { Random } from './lab/random.ts';
import { report, seedOf, timesOf } from './lab/report.ts';
import { openStreamSource } from './lab/stream-source.ts';

const HOUR = 3_600_000;
/** Of each kind of step, over all daemons. */
const TIMES = 10;
const DAEMONS = 4;
const PAUSE_MS = 120;
const AGE_S = 60;
/** Records are so old when they come, by their ids, that those of a blocked shard expire some seconds later. */
const OLD_MS = 55_000;
/** Between two clocks that are wrong lie hours; on a full machine seconds go by between the moment of an expiry and its being written. */
const EXPIRY: ExpiryOptions = { kind: 'strict', ageMs: AGE_S * 1_000, timeoutMs: 20_000, slackMs: 8_000 };
const NOTICE_MS_MAX = 5_000;

const SPEC = {
  source: (parts) => openStreamSource(parts, 8, OLD_MS),
  mapping: { maximumRecordAgeInSeconds: AGE_S },
  preloads: [CLOCKS],
} satisfies Partial<LabSpec>;

function plansOf(seed: number, times: number): ClockPlan[] {
  const random = new Random(seed + 7);
  const jumps = () => drawJumps(random, times);
  return [
    { aheadMs: 0, drift: 0, jumps: jumps() },
    { aheadMs: 25 * HOUR, drift: 0, jumps: jumps() },
    { aheadMs: -25 * HOUR, drift: 0, jumps: jumps() },
    // A tenth too slow: a second in ten.
    { aheadMs: HOUR, drift: -0.1, jumps: jumps() },
  ];
}

/** Daemons whose clocks differ, and work in which records expire. */
async function begin(lab: Lab, plans: readonly ClockPlan[]): Promise<void> {
  for (const plan of plans) startWithClock(lab, plan, '--concurrency', '4');
  await Promise.all(lab.daemons.map((daemon) => daemon.process.ready));
  lab.producer.start({ perSecond: 40, work: [5, 40], failing: 0.05, poisoned: 0.015 });
}

/** Of all notices: how far the time that one tells is from the one at which Redis has it. */
function noticeErrors({ end }: Checked): number[] {
  return end.notices.map(({ id, notice }) => {
    const { timestamp } = notice as unknown as { timestamp: string };
    return Math.abs(Date.parse(timestamp) - Number(id.split('-')[0]));
  });
}

/** Of each daemon: how far its clock was off after each setting, in hours. */
function hoursOff(lab: Lab): number[][] {
  return lab.daemons.map(({ process: { lines } }) =>
    lines.filter(({ msg }) => msg === 'clock set').map((line) => Math.abs(Number(line['aheadMs'])) / HOUR),
  );
}

test(`R20: each of ${KINDS.length} kinds of steps of a clock ${TIMES} times`, { timeout: timesOf(600_000) }, () =>
  withLab({ ...SPEC, name: 'r20', seed: seedOf(120) }, async (lab) => {
    const plans = plansOf(lab.spec.seed, Math.ceil(timesOf(TIMES) / DAEMONS));
    await begin(lab, plans);
    // Every daemon has its own order of all steps, and one of them is done at a time.
    const all = plans.flatMap(({ jumps }) => jumps).length;
    for (let n = 0; n < all; n++) {
      await pause(PAUSE_MS);
      await setClock(lab, lab.daemons[n % DAEMONS]!);
    }
    const checked = await lab.check({ expiry: EXPIRY });
    const leases = checked.history.filter((line): line is LeaseLine => line.kind === 'lease');
    const errors = noticeErrors(checked);
    const off = hoursOff(lab);
    const sets = off.flat().length;
    report('R20', checked, {
      'clocks set': sets,
      leases: leases.length,
      'notice off by at most ms': Math.max(...errors),
    });
    mustBeClean(checked);
    expect(checked.drained).toBe(true);
    expect(Math.max(...errors)).toBeLessThan(NOTICE_MS_MAX);
    // That something was there to go wrong: clocks that were off while each daemon had turns, records that expired, none repeated.
    expect(sets).toBe(all);
    for (const [n, { process }] of lab.daemons.entries()) {
      expect(Math.max(...off[n]!)).toBe(25);
      expect(leases.some(({ pid }) => pid === process.pid)).toBe(true);
    }
    expect(checked.reached.notices).toBeGreaterThanOrEqual(5);
    expect(checked.reached.repeats).toBe(0);
  }),
);

test(
  'the checker rejects a build that lets records expire by the clock of a worker',
  { timeout: 600_000 },
  async () => {
    const wrongBuild = "expiry by the worker's wall clock";
    const spec = { ...SPEC, name: 'r20 wrong', seed: seedOf(120), wrongBuild, drainMsMax: 5_000 };
    const checked = await withLab(spec, async (lab) => {
      await begin(lab, plansOf(lab.spec.seed, 1).slice(1, 3));
      await pause(2_500);
      return await lab.check({ expiry: EXPIRY });
    });
    const seen = new Set(checked.violations.map(({ invariant }) => invariant));
    report(`wrong build: ${wrongBuild}`, checked, { seen: [...seen].sort().join(' ') });
    expect([...seen]).toContain('I7');
  },
);
