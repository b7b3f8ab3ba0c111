/** A mapping's settings as `event/` asks for them. */
import type { FormatOptions } from '../event/format.ts';
import type { TurnSettings, TurnShard } from './settings.ts';

export function formatOptions(settings: TurnSettings, { shardId }: TurnShard): FormatOptions {
  const { arn, streamName, dataField, partitionKeyField, spooled, bootstrapServers, eventFormat: format } = settings;
  return {
    ...{ format, shardId, arn, streamName, spooled, bootstrapServers, single: settings.batchSize === 1 },
    ...(dataField !== undefined && { dataField }),
    ...(partitionKeyField !== undefined && { partitionKeyField }),
  };
}
