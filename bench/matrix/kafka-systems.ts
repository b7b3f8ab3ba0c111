/** Millrace and its peers on Kafka: one topic of twelve partitions, one broker. */
import { VERSION } from '../../src/version.ts';
import { start, startMillrace, startPeer } from '../support/daemon.ts';
import type { KafkaLab } from '../support/kafka.ts';
import { handlerText, kindArgs, KINDS } from '../support/kinds.ts';
import type { Lab } from '../support/lab.ts';
import { PARALLEL_CONSUMER, parallelConsumerClasses } from '../support/peer-setup.ts';
import { descendants } from '../support/processes.ts';
import { measureStretch, progressOf } from '../support/stretch.ts';
import { workFunction } from '../support/work.ts';
import { packageVersion } from './package-version.ts';
import { stretchOf } from './redis-systems.ts';
import type { Cell, System, Terms } from './types.ts';

/** Java's compiler takes longer than V8's. */
const WARM_MS = 4_000;
export const PARTITIONS = 12;
export const TOPIC = 'records';
const CELLS = KINDS.map((kind): Cell => ({ kind, batch: 100, data: '200-byte JSON' }));
const ONE: Cell = { kind: 'parse', batch: 1, data: '200-byte JSON' };

export function kafkaSystems(lab: Lab, kafka: KafkaLab, terms: Terms): System[] {
  const total = terms.perShard * PARTITIONS;
  return [millrace(lab, kafka, terms, total), loop(kafka, terms, total), parallel(kafka, terms, total)];
}

function millrace(lab: Lab, kafka: KafkaLab, { work, seconds }: Terms, total: number): System {
  const shards = Array.from({ length: PARTITIONS }, (_, n) => `${TOPIC}-${n}`);
  return {
    ...{ id: 'millrace', name: 'Millrace', version: VERSION, source: 'Kafka', givesUp: 'nothing', cells: CELLS },
    async run({ kind, batch }, mapping) {
      const source = { type: 'kafka', connection: 'c', topic: TOPIC, consumerGroupId: mapping };
      const one = { function: 'f', batchSize: batch, startingPosition: 'TRIM_HORIZON', source };
      const config = lab.configure(
        handlerText(kind, work, 'kafka'),
        { [mapping]: one },
        { functions: { f: workFunction(work) }, connections: { c: { type: 'kafka', brokers: [kafka.bootstrap] } } },
      );
      const executor = await startMillrace(config, ['--role', 'executor']);
      const poller = await startMillrace(config, ['--role', 'poller']);
      const look = async () => {
        const pipeline = lab.redis.pipeline();
        for (const shard of shards) pipeline.hget(lab.keys.shard(mapping, shard), 'n:succeeded');
        const replies = (await pipeline.exec()) ?? [];
        const done = replies.reduce((sum, [, count]) => sum + Number(count ?? 0), 0);
        return { done, over: done >= total };
      };
      const pids = () => ({
        ...{ broker: [kafka.broker.pid], redis: [lab.server.pid], poller: [poller.pid] },
        ...{ executor: [executor.pid], children: descendants(executor.pid) },
      });
      return await stretchOf(poller, 'SIGTERM', () =>
        stretchOf(executor, 'SIGTERM', () => measureStretch(look, pids, seconds)),
      );
    },
  };
}

function loop({ broker, bootstrap }: KafkaLab, { work, seconds }: Terms, total: number): System {
  return {
    ...{ id: 'kafkajs', name: 'kafkajs loop by hand', version: `kafkajs ${packageVersion('kafkajs')}` },
    ...{ source: 'Kafka', cells: CELLS },
    givesUp: 'retries that hold up one partition only, poison records, work that a rebalance ends, the sandbox',
    async run({ kind, batch }, group) {
      const peer = startPeer('topic-loop.ts', [bootstrap, TOPIC, group, batch, total, ...kindArgs(kind, work)]);
      const pids = () => ({ broker: [broker.pid], loop: [peer.pid] });
      return await stretchOf(peer, 'SIGKILL', () => measureStretch(progressOf(peer), pids, seconds));
    },
  };
}

function parallel({ broker, bootstrap }: KafkaLab, { work, seconds }: Terms, total: number): System {
  return {
    ...{ id: 'parallel-consumer', name: 'Confluent’s Parallel Consumer', version: PARALLEL_CONSUMER },
    ...{ source: 'Kafka', cells: [...CELLS.filter(({ kind }) => kind !== 'cpu'), ONE] },
    givesUp:
      'JavaScript, the sandbox, an end of retries (a poison record is tried for ever); in order by partition, as measured, or by key',
    async run({ kind, batch }, group) {
      const args = [bootstrap, TOPIC, group, batch, 'PARTITION', PARTITIONS, total, ...kindArgs(kind, work)];
      const peer = start('java', [
        '-Xmx1g',
        '-cp',
        await parallelConsumerClasses(),
        'ParallelLoop',
        ...args.map(String),
      ]);
      const pids = () => ({ broker: [broker.pid], consumer: [peer.pid] });
      return await stretchOf(peer, 'SIGKILL', () => measureStretch(progressOf(peer), pids, seconds, WARM_MS));
    },
  };
}
