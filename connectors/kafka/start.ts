/** Partitions that have no state yet get it: they begin at the group's committed offset, else at the mapping's starting position. */
import type { StartingPosition } from '../../src/source/port.ts';
import type { Spools } from '../../src/spool.ts';
import type { KafkaClient } from './client.ts';

export interface StartOptions {
  readonly client: KafkaClient;
  readonly spools: Spools;
  readonly topic: string;
  readonly groupId: string;
  readonly position: StartingPosition;
}

/** The shards that have no partition (any more); null: there is no such topic. */
export async function beginShards(options: StartOptions): Promise<string[] | null> {
  const { client, spools, topic, groupId, position } = options;
  const partitions = await client.partitions(topic);
  if (partitions === null) return null;
  const shards = await spools.known();
  const known = new Set(shards.map(partitionOf));
  const missing = partitions.filter((partition) => !known.has(partition));
  // Partition 0 is begun last: with it the mapping has started, and what appears later is read from its beginning.
  const from: StartingPosition = known.has(0) ? { kind: 'TRIM_HORIZON' } : position;
  const offsets = missing.length === 0 ? null : await startOffsets(client, topic, groupId, from);
  for (const partition of missing.toSorted((a, b) => b - a)) {
    const start = offsets?.get(partition);
    // Made between the two questions: the next look begins it.
    if (start) await spools.begin(shardIdOf(topic, partition), start.position, start.end);
  }
  return shards.filter((shardId) => !partitions.includes(partitionOf(shardId)));
}

async function startOffsets(
  client: KafkaClient,
  topic: string,
  groupId: string,
  position: StartingPosition,
): Promise<ReadonlyMap<number, { readonly position: number; readonly end: number }>> {
  const [committed, ends] = await Promise.all([client.committed(groupId, topic), client.ends(topic)]);
  const at = position.kind === 'AT_TIMESTAMP' ? await client.offsetsAt(topic, position.timestampMs) : null;
  const starts = new Map<number, { position: number; end: number }>();
  for (const [partition, { low, high }] of ends) {
    const chosen = position.kind === 'LATEST' ? high : (at?.get(partition) ?? low);
    starts.set(partition, { position: committed.get(partition)?.offset ?? chosen, end: high });
  }
  return starts;
}

export function shardIdOf(topic: string, partition: number): string {
  return `${topic}-${partition}`;
}

export function partitionOf(shardId: string): number {
  return Number(shardId.slice(shardId.lastIndexOf('-') + 1));
}
