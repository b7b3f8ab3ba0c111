/** Records on their way to one script call (lua/put-N.lua). */
import type { ScriptArg } from '../../src/redis/scripts.ts';
import type { Router } from './router.ts';

/** Two columns instead of objects: hundreds of thousands of records a second go through here. */
export interface PutBatch {
  readonly partitionKeys: (string | null)[];
  readonly data: (string | Buffer)[];
  bytes: number;
}

export function emptyBatch(): PutBatch {
  return { partitionKeys: [], data: [], bytes: 0 };
}

interface Group {
  readonly mode: 'k' | 'd';
  readonly args: (string | Buffer)[];
}

/** Stream keys and group arguments as put-N.lua takes them: grouped by shard, each shard's records in their order. */
export function encodeBatch(batch: PutBatch, router: Router): { keys: string[]; args: ScriptArg[] } {
  const groups = new Map<number, Group[]>();
  for (let i = 0; i < batch.data.length; i++) {
    const data = batch.data[i]!;
    const partitionKey = batch.partitionKeys[i] ?? router.keyFor(data);
    const shard = partitionKey === null ? 0 : router.indexOf(partitionKey);
    const group = groupFor(groups, shard, partitionKey === null ? 'd' : 'k');
    if (partitionKey !== null) group.push(partitionKey);
    group.push(data);
  }
  const keys: string[] = [];
  const args: ScriptArg[] = [];
  for (const [shard, ofShard] of groups) {
    keys.push(router.keys[shard]!);
    for (const { mode, args: records } of ofShard) {
      args.push(keys.length, mode, mode === 'k' ? records.length / 2 : records.length);
      for (const record of records) args.push(record);
    }
  }
  return { keys, args };
}

function groupFor(groups: Map<number, Group[]>, shard: number, mode: Group['mode']): Group['args'] {
  let ofShard = groups.get(shard);
  if (!ofShard) groups.set(shard, (ofShard = []));
  let group = ofShard.at(-1);
  if (group?.mode !== mode) ofShard.push((group = { mode, args: [] }));
  return group.args;
}
