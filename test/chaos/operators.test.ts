/** The verbs of an operator beside kills: every generation of a shard is in order and complete, and each skipped record has its notice. */
import { expect, test } from 'vitest';
import { mustBeClean, pause, withLab } from './lab/lab.ts';
import { Operator, type Verb } from './lab/operators.ts';
import { report, seedOf, timesOf } from './lab/report.ts';

const ROUNDS = 12;
/** A kill waits until so many of the role are ready: somebody is there to take over. */
const READY_MIN = 2;
const VERBS: readonly Verb[] = ['pause', 'rewind', 'skip'];

test(`operators: ${ROUNDS} times pause, rewind or skip, while daemons are killed`, { timeout: 600_000 }, () =>
  withLab({ name: 'operators', seed: seedOf(301), shards: 6 }, async (lab) => {
    for (const role of ['poller', 'poller', 'executor', 'executor', 'executor']) lab.start('--role', role);
    await Promise.all(lab.daemons.map((daemon) => daemon.process.ready));
    lab.producer.start({ perSecond: 24, work: [10, 80], failing: 0.02 });
    const operator = new Operator(lab);
    const rounds = timesOf(ROUNDS);
    let kills = 0;
    for (let round = 0; round < rounds; round++) {
      await pause(lab.random.between(100, 600));
      const acting = operator.act(VERBS[round % VERBS.length]!, lab.random.pick(lab.shards));
      // Whatever became of the kill, its failure is the test's.
      acting.catch(() => undefined);
      if (lab.random.chance(0.7)) {
        await pause(lab.random.between(0, 1_500));
        const role = lab.random.chance(0.3) ? 'poller' : 'executor';
        await lab.kill(lab.random.pick(await lab.someReady(role, READY_MIN)));
        lab.start('--role', role);
        kills++;
      }
      await acting;
    }
    const checked = await lab.check();
    const again = checked.end.shards.reduce((sum, { redelivered = 0 }) => sum + redelivered, 0);
    report('operators', checked, { kills, ...operator.done, commandsKilled: operator.killed, redelivered: again });
    mustBeClean(checked);
    for (const verb of VERBS) expect(operator.done[verb], verb).toBeGreaterThan(0);
    expect(checked.reached.notices).toBeGreaterThan(0);
    expect(again).toBeGreaterThan(0);
  }),
);
