/** From which offset partitions that have been read begin again (src/source/port.ts, `seek`). */
import { MillraceError } from '../../src/errors.ts';
import type { ReadShard, RewindTo, Sought } from '../../src/source/port.ts';
import { checkpointBefore, positionAfter } from '../../src/spool.ts';
import type { KafkaClient, PartitionEnds } from './client.ts';
import { type Asked, explainKafka } from './explain.ts';
import { partitionOf } from './start.ts';

/** Closes the client. @throws MillraceError `kafka-unreachable` */
export async function seekOffsets(
  client: KafkaClient,
  asked: Asked,
  shards: readonly ReadShard[],
  to: RewindTo,
): Promise<ReadonlyMap<string, Sought>> {
  const { topic } = asked;
  try {
    const ends = await client.ends(topic);
    const at = to.kind === 'AT_TIMESTAMP' ? await client.offsetsAt(topic, to.timestampMs) : null;
    const found = new Map<string, Sought>();
    for (const { shardId, settled } of shards) {
      const partition = partitionOf(shardId);
      const has = ends.get(partition);
      if (!has) continue;
      const position = Math.max(has.low, wanted(to, has, at?.get(partition)));
      const records = positionAfter(settled) - position;
      if (records > 0) found.set(shardId, { checkpoint: checkpointBefore(position), records, first: null });
    }
    return found;
  } catch (error) {
    throw new MillraceError('kafka-unreachable', `the topic ${topic}: ${explainKafka(error, asked)}`, {
      hint: 'nothing was done; what the topic still has must be known first',
      cause: error,
    });
  } finally {
    await client.close();
  }
}

function wanted(to: RewindTo, { low, high }: PartitionEnds, atTime: number | undefined): number {
  if (to.kind === 'TRIM_HORIZON') return low;
  return to.kind === 'BEHIND' ? positionAfter(to.checkpoint) : (atTime ?? high);
}
