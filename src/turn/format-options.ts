/** A mapping's settings as `event/` asks for them. */
import { EVENT_BYTES_MAX } from '../limits.ts';
import { WINDOW_MEMBERS_BYTES } from '../tumbling.ts';
import type { FormatOptions } from '../event/format.ts';
import type { TurnSettings, TurnShard } from './settings.ts';

export type FormatSettings = Pick<
  TurnSettings,
  | 'arn'
  | 'streamName'
  | 'dataField'
  | 'partitionKeyField'
  | 'spooled'
  | 'bootstrapServers'
  | 'eventFormat'
  | 'batchSize'
>;

export function formatOptions(settings: FormatSettings, { shardId }: TurnShard): FormatOptions {
  const { arn, streamName, dataField, partitionKeyField, spooled, bootstrapServers, eventFormat: format } = settings;
  return {
    ...{ format, shardId, arn, streamName, spooled, bootstrapServers, single: settings.batchSize === 1 },
    ...(dataField !== undefined && { dataField }),
    ...(partitionKeyField !== undefined && { partitionKeyField }),
  };
}

/** What the records of one event may have; the rest of the 6 MB is for a window's state. */
export function recordBytesMax({ tumblingMs }: TurnSettings): number {
  return tumblingMs > 0 ? EVENT_BYTES_MAX - WINDOW_MEMBERS_BYTES : EVENT_BYTES_MAX;
}
