/** The verbs of an operator on a topic, beside kills of daemons and of Redis. */
import { expect, test } from 'vitest';
import { useKafka } from '../support/kafka/use-kafka.ts';
import { actBesideKills, startRoles, VERBS } from './lab/acts.ts';
import { mustBeClean, withLab } from './lab/lab.ts';
import { report, seedOf } from './lab/report.ts';
import { leastSettled } from './lab/shards.ts';
import { fromTopic } from './lab/topic-source.ts';

const kafka = useKafka();
const ROUNDS = 9;

test(
  `operators on a topic: ${ROUNDS} times pause, rewind or skip, while daemons and Redis are killed`,
  {
    timeout: 600_000,
  },
  () => {
    const source = fromTopic({ brokers: [kafka.bootstrap], partitions: 3 });
    return withLab({ name: 'operators-kafka', seed: seedOf(303), source }, async (lab) => {
      await startRoles(lab);
      lab.producer.start({ perSecond: 24, work: [10, 80], failing: 0.02 });
      await expect.poll(async () => leastSettled(await lab.look()), { timeout: 60_000 }).toBeGreaterThan(5);
      const { operator, ...kills } = await actBesideKills(lab, ROUNDS);
      const checked = await lab.check();
      const again = checked.end.shards.reduce((sum, { redelivered = 0 }) => sum + redelivered, 0);
      report('operators on a topic', checked, {
        ...{ ...kills, ...operator.done, commandsKilled: operator.killed, redelivered: again },
      });
      mustBeClean(checked);
      for (const verb of VERBS) expect(operator.done[verb], verb).toBeGreaterThan(0);
      expect(again).toBeGreaterThan(0);
    });
  },
);
