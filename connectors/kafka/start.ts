/** Where partitions without state begin: at the group's committed offset, else at the mapping's starting position. */
import type { StartingPosition } from '../../src/source/port.ts';
import type { KafkaClient } from './client.ts';

export async function startOffsets(
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
