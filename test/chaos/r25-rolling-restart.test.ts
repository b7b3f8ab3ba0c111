/** R25: SIGTERM at random moments, every daemon replaced again and again: nothing is repeated, nothing fails, exit 0. */
import { expect, test } from 'vitest';
import { mustBeClean, pause, withLab } from './lab/lab.ts';
import { report, seedOf, timesOf } from './lab/report.ts';

const DAEMONS = 3;
const STOPS = 20;
/** Above the longest batch; the default grace is the function's timeout plus 5 s. */
const GRACE_MS = 10_000;

test(`R25: ${STOPS} daemons stopped and replaced while they work`, { timeout: timesOf(600_000) }, () =>
  withLab({ name: 'r25', seed: seedOf(125), shards: 12 }, async (lab) => {
    const startOne = () => lab.start('--concurrency', '4');
    for (let i = 0; i < DAEMONS; i++) startOne();
    await Promise.all(lab.daemons.map((daemon) => daemon.process.ready));
    lab.producer.start({ perSecond: 50, work: [10, 80], failing: 0.01 });
    const stops = timesOf(STOPS);
    const codes: (number | null)[] = [];
    for (let stop = 0; stop < stops; stop++) {
      await pause(lab.random.between(100, 900));
      const daemon = lab.random.pick(await lab.someReady(null));
      startOne();
      codes.push(await lab.terminate(daemon));
    }
    const checked = await lab.check({ shutdown: { graceMs: GRACE_MS } });
    report('R25', checked, { stops });
    mustBeClean(checked);
    expect(codes).toEqual(Array.from({ length: stops }, () => 0));
    expect(checked.reached.repeats).toBe(0);
  }),
);
