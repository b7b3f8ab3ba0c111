/** What lanes have settled above the checkpoint of their shard, by a look at it: nothing is taken, and nothing written. */
import { eventFormat } from '../event/format.ts';
import { highestOf, laneOf, type LanesState } from '../lanes.ts';
import { READ_AHEAD_RECORDS } from '../limits.ts';
import { compareIds, type EntryId } from '../record.ts';
import { NO_RECORDS } from '../redis/reader-batch.ts';
import type { RangeReader } from '../redis/reader.ts';
import { type FormatSettings, formatOptions } from './format-options.ts';
import { moreBehind } from './gathering.ts';
import type { TurnShard } from './settings.ts';
import { spoolReader } from './spool-reader.ts';

/** How many records, those that a filter passed over among them. @throws SpoolLacks when the spool does not hold all of them right now */
export async function settledAbove(
  reader: Pick<RangeReader, 'readAfter'>,
  settings: FormatSettings,
  shard: TurnShard,
  checkpoint: EntryId,
  { lanes }: LanesState,
): Promise<number> {
  const format = eventFormat(formatOptions(settings, shard));
  const read = shard.spooled ? spoolReader(reader) : reader;
  const end = highestOf(lanes).checkpoint;
  let settled = 0;
  for (let [after, batch] = [checkpoint, NO_RECORDS]; compareIds(after, end) < 0; after = batch.ids[batch.count - 1]!) {
    batch = await read.readAfter(shard.key, after, READ_AHEAD_RECORDS, end);
    for (let i = 0; i < batch.count; i++) {
      const lane = lanes[laneOf(format.partitionKey(batch, i), lanes.length)]!;
      if (compareIds(batch.ids[i]!, lane.checkpoint) <= 0) settled++;
    }
    if (batch.count === 0 || !moreBehind(batch)) break;
  }
  return settled;
}
