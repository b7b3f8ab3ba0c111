/** Somebody removes keys from Redis while daemons work with them: markers, the queue, states of shards, or everything that there is. */
import type { Lab } from './lab.ts';
import { goOn } from './going-on.ts';
import { lossy } from './lossy.ts';
import { MAPPING } from './source.ts';

const SCAN_COUNT = 1_000;

async function keysLike({ redis }: Lab, pattern: string): Promise<string[]> {
  const found: string[] = [];
  for (let cursor = '0'; ;) {
    const [next, some] = await redis.scan(cursor, 'MATCH', pattern, 'COUNT', SCAN_COUNT);
    found.push(...some);
    if (next === '0') return found;
    cursor = next;
  }
}

async function fault(lab: Lab, name: string, work: () => Promise<unknown>): Promise<void> {
  const id = await lab.beginFault(name);
  await work();
  await lab.healFault(id, name);
}

/** Of every shard that has one. Resolves with how many there were. */
export async function loseGroups(lab: Lab): Promise<number> {
  let lost = 0;
  await fault(lab, 'XGROUP DESTROY', async () => {
    for (const { key } of lab.shards) lost += Number(await lab.redis.xgroup('DESTROY', key, lab.keys.group(MAPPING)));
  });
  return lost;
}

/** Jobs, their locks and their sets. It is over when turns have come again. Resolves with how many shards had somebody at work by then. */
export async function loseQueue(lab: Lab, againMsMax?: number): Promise<number> {
  let atWork = 0;
  await fault(lab, 'DEL of the queue', async () => {
    atWork = (await lab.look()).filter(({ state }) => state['owner'] !== '').length;
    const keys = await keysLike(lab, `${lab.keys.queuePrefix()}:*`);
    if (keys.length > 0) await lab.redis.del(keys);
    // What runs notices it when it renews its lock.
    await goOn(lab, againMsMax);
  });
  return atWork;
}

/** Of one shard. */
export async function loseState(lab: Lab, { shardId, name } = lab.random.pick(lab.shards)): Promise<void> {
  const work = async (): Promise<void> => void (await lab.redis.del(lab.keys.shard(MAPPING, shardId)));
  await lossy(lab, `DEL of the state of ${shardId}`, work, [name]);
}

/** FLUSHALL; then what the operator does. */
export async function loseEverything(lab: Lab, mend?: () => Promise<void>): Promise<void> {
  await lossy(lab, 'FLUSHALL', async () => {
    await lab.redis.flushall();
    await mend?.();
  });
}
