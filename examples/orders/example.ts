/** Orders in a Kafka topic → charges in a ledger: one order is given up because of a bug, and comes back once the bug is mended. */
import type { ChildProcess } from 'node:child_process';
import { collectStatus } from '../../src/observe/status.ts';
import { connectRedis, type Redis } from '../../src/redis/connect.ts';
import type { Keys } from '../../src/redis/keys.ts';
import { removeNamespace } from '../fill-stream.ts';
import { ended, millrace, until } from '../millrace-command.ts';
import { startReceiver } from '../receiver.ts';
import type { Example, OpenExample } from '../run-example.ts';
import { judgeOrders } from './judge.ts';
import { Ledger } from './ledger.ts';
import { type Order, ordersOfADay } from './orders.ts';
import { fillTopic, openBroker, removeTopic } from './topic.ts';

export const orders: Example = {
  about: 'orders in a Kafka topic, one of them poison, which is mended and run again',
  open,
};

async function open(): Promise<OpenExample> {
  const all = ordersOfADay();
  const ledger = new Ledger();
  const receiver = await startReceiver((request, response) => ledger.answer(request, response));
  const broker = await openBroker();
  const topic = `orders-${Date.now()}`;
  const env = {
    ...{ KAFKA_BROKERS: broker.address, LEDGER_ADDRESS: receiver.address, CHARGE_CODE: 'charge.ts' },
    ORDERS_TOPIC: topic,
  };
  let redrive: ChildProcess | undefined;
  let before = 0;
  return {
    env,
    prepare: async (url, keys) => {
      const redis = await connectRedis(url, { role: 'demo' });
      const there = { keys, redis, env: { ...env, REDIS_URL: url } };
      try {
        await removeNamespace(redis, keys);
        await fillTopic(
          broker.address,
          topic,
          all.map((order) => ({ key: order.customer, data: order })),
        );
        await runFirstVersion(there, ledger, all);
        before = ledger.charges.length;
        redrive = await startRedrive(there);
      } finally {
        redis.disconnect();
      }
    },
    judge: async (redis, keys) => {
      const notices = await redis.xlen(keys.failures('charge'));
      return judgeOrders(all, ledger, { before, notices, redrive: await ended(redrive!) });
    },
    close: async () => {
      redrive?.kill();
      if (broker.given) await removeTopic(broker.address, topic, topic);
      await Promise.all([receiver.close(), broker.close()]);
    },
  };
}

interface There {
  readonly redis: Redis;
  readonly keys: Keys;
  readonly env: Readonly<Record<string, string>>;
}

/** Until all orders but the one that it cannot price are charged, and that one is given up. */
async function runFirstVersion({ redis, keys, env }: There, ledger: Ledger, all: readonly Order[]): Promise<void> {
  const first = { example: 'orders', env: { ...env, CHARGE_CODE: 'charge-first.ts' } };
  const daemon = millrace(['start', '--http', 'off'], { ...first, quiet: true });
  try {
    const isOver = async () =>
      ledger.charges.length === all.length - 1 && (await redis.xlen(keys.failures('charge'))) > 0;
    await until(isOver, daemon, 'the first version did not come to its end');
    console.log(`The first version charged ${ledger.charges.length} of ${all.length} orders, and gave one up:`);
    await ended(millrace(['failures', 'list'], first));
  } finally {
    daemon.kill('SIGTERM');
    await ended(daemon);
  }
}

/** Puts the notice back; the daemon with the mended version, which starts after it, runs it. */
async function startRedrive({ redis, keys, env }: There): Promise<ChildProcess> {
  console.log('Now the mended version, and: millrace failures redrive --mapping charge --yes');
  const command = millrace(['failures', 'redrive', '--mapping', 'charge', '--yes'], { example: 'orders', env });
  const isThere = async () =>
    (await collectStatus(redis, keys)).mappings.some(({ redrives }) => redrives !== undefined && redrives.length > 0);
  try {
    await until(isThere, command, 'the notice was not put back');
    return command;
  } catch (error) {
    command.kill();
    throw error;
  }
}
