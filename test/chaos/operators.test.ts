/** The verbs of an operator beside kills: every generation of a shard is in order and complete, and each skipped record was named and has its notice. */
import { expect, test } from 'vitest';
import { actAlone, actBesideKills, startRoles, VERBS } from './lab/acts.ts';
import { mustBeCaught } from './lab/every-way.ts';
import { mustBeClean, pause, withLab } from './lab/lab.ts';
import { everyDay, report, seedOf } from './lab/report.ts';
import { OPERATOR_WRONG_BUILDS } from './wrong-builds/operator-builds.ts';

const ROUNDS = 8;
const WRONG_RUNS_MAX = 6;
const WRONG_ROUNDS = 3;
/** A wrong rewind may never drain, and shows before. */
const WRONG_DRAIN_MS_MAX = { skip: 60_000, rewind: 6_000 };

test(`operators: ${ROUNDS} times pause, rewind or skip, while daemons and Redis are killed`, { timeout: 600_000 }, () =>
  withLab({ name: 'operators', seed: seedOf(301), shards: 6 }, async (lab) => {
    await startRoles(lab);
    lab.producer.start({ perSecond: 24, work: [10, 80], failing: 0.02 });
    const { operator, ...kills } = await actBesideKills(lab, ROUNDS);
    const checked = await lab.check();
    const again = checked.end.shards.reduce((sum, { redelivered = 0 }) => sum + redelivered, 0);
    report('operators', checked, { ...kills, ...operator.done, commandsKilled: operator.killed, redelivered: again });
    mustBeClean(checked);
    for (const verb of VERBS) expect(operator.done[verb], verb).toBeGreaterThan(0);
    expect(checked.reached.notices).toBeGreaterThan(0);
    expect(again).toBeGreaterThan(0);
  }),
);

// How many runs a rewind that does not fence needs is up to the machine: by hand, `npm run chaos -- operators`.
const WRONG_BUILDS = everyDay(OPERATOR_WRONG_BUILDS, 'a skip gives up one record more than was named');

test.each(WRONG_BUILDS)('the checker rejects: $name', { timeout: 300_000 }, (build) =>
  mustBeCaught(build, WRONG_RUNS_MAX, (run) => {
    const spec = {
      name: 'operators wrong',
      shards: 2,
      wrongBuild: build.name,
      drainMsMax: WRONG_DRAIN_MS_MAX[build.verb],
    };
    return withLab({ ...spec, seed: seedOf(302) + run }, async (lab) => {
      lab.start('--concurrency', '4');
      await lab.someReady(null);
      lab.producer.start({ perSecond: 40, work: [10, 60], failing: 0.05 });
      await pause(500);
      await actAlone(lab, build.verb, WRONG_ROUNDS);
      const { violations, drained } = await lab.check();
      // What was merely not done in time was not lost.
      return violations.map(({ invariant }) => invariant).filter((kind) => drained || (kind !== 'I1' && kind !== 'I8'));
    });
  }),
);
