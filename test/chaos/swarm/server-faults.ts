/** Faults of what daemons talk to, of all of them at once, and of the source. */
import { compareIds } from '../../../src/record.ts';
import { pause } from '../lab/lab.ts';
import { anyTurn, type Fault } from './fault.ts';

const redisKilled: Fault = {
  name: 'redis-killed',
  says: 'SIGKILL to Redis, and a start on the same files; somebody had a turn',
  touches: 'redis',
  strike: async ({ lab, random }) => {
    const hit = await anyTurn(lab);
    await lab.restartRedis(random.between(0, 2_000));
    return hit;
  },
};

const everythingKilled: Fault = {
  name: 'everything-killed',
  says: 'SIGKILL to all daemons and Redis at once, and a cold start; somebody had a turn',
  touches: 'everything',
  strike: async ({ lab, daemons }) => {
    const hit = await anyTurn(lab);
    await lab.killEverything(() => daemons.startAll());
    return hit;
  },
};

/** Written at once, so that some of them wait. */
const BURST = 16;
const BURST_TASK = { perSecond: 0, work: [20, 60], failing: 0 } as const;
const WAITING_MIN = 6;

const trimmed: Fault = {
  name: 'trimmed',
  says: 'XTRIM of records that wait; one of them was not settled',
  touches: 'shard',
  source: 'redis-stream',
  // These count what is no more there.
  without: ['rewind', 'skip'],
  strike: async ({ lab, random }) => {
    const picked = random.pick(lab.shards);
    await lab.producer.put(BURST, BURST_TASK, [picked]);
    const { shard, checkpoint } = (await lab.look()).find((now) => now.shard === picked)!;
    const waiting = await lab.redis.xrange(shard.key, checkpoint === null ? '-' : `(${checkpoint}`, '+');
    if (waiting.length < WAITING_MIN) return false;
    const from = waiting[random.between(WAITING_MIN / 2, waiting.length - 1)]![0];
    const id = await lab.beginFault('XTRIM');
    await lab.redis.xtrim(shard.key, 'MINID', from);
    await lab.healFault(id, 'XTRIM', [shard.name]);
    return waiting.some(([entry]) => compareIds(entry, from) < 0);
  },
};

const BROKER_WAYS = ['SIGKILL', 'SIGSTOP', 'SIGTERM'] as const;
/** What was on its way when it went may still be answered. */
const ANSWERED_MS = 300;

const brokerBroken: Fault = {
  name: 'broker-broken',
  says: 'SIGKILL, SIGTERM or SIGSTOP to the Kafka broker, and its return; it took no record meanwhile',
  touches: 'broker',
  source: 'kafka',
  strike: async ({ lab, cluster, random }) => {
    const way = random.pick(BROKER_WAYS);
    const id = await lab.beginFault(`broker ${way}`);
    if (way === 'SIGSTOP') cluster!.freeze(1, true);
    else await cluster!.stop(1, way);
    await pause(ANSWERED_MS);
    const before = lab.producer.accepted;
    // Shorter and longer than the session of a member.
    await pause(way === 'SIGSTOP' ? random.between(1_500, 9_000) : random.between(200, 3_000));
    const hit = lab.producer.accepted === before;
    if (way === 'SIGSTOP') cluster!.freeze(1, false);
    else await cluster!.start(1);
    await lab.healFault(id, `broker ${way}`);
    return hit;
  },
};

const rebalanced: Fault = {
  name: 'rebalanced',
  says: "a poller joins the topic's group and leaves again, by SIGTERM or SIGKILL; it was given partitions",
  touches: 'broker',
  source: 'kafka',
  strike: async ({ lab, random }) => {
    const member = lab.start('--role', 'poller');
    await member.process.ready;
    const given = (): boolean => member.process.lines.some(({ msg }) => msg.endsWith('assigned'));
    const until = performance.now() + 6_000;
    while (!given() && performance.now() < until) await pause(50);
    await pause(random.between(0, 1_500));
    if (random.chance(0.5)) await lab.kill(member);
    else await lab.terminate(member);
    return given();
  },
};

export const SERVER_FAULTS: readonly Fault[] = [redisKilled, everythingKilled, trimmed, brokerBroken, rebalanced];
