/** A mapping's configuration as a turn works under it. */
import { DEFAULT_RECORD_AGE_MS } from '../limits.ts';
import type { MappingConfig } from '../mapping/types.ts';
import type { Keys } from '../redis/keys.ts';
import type { FunctionVersion } from '../sandbox/types.ts';
import type { StartingPosition } from '../source/port.ts';
import { SECOND } from '../time.ts';
import type { TurnSettings } from '../turn/settings.ts';
import type { UnitPolicy } from '../unit/types.ts';

export function startingPosition(config: MappingConfig): StartingPosition {
  return config.startingPosition === 'AT_TIMESTAMP'
    ? { kind: 'AT_TIMESTAMP', timestampMs: config.startingPositionTimestamp! }
    : { kind: config.startingPosition };
}

export function toSettings(config: MappingConfig, version: FunctionVersion, keys: Keys, arn: string): TurnSettings {
  return {
    ...{ mapping: config.name, arn, version, configHash: config.configHash, eventFormat: config.eventFormat },
    ...ofSource(config.source),
    batchSize: config.batchSize,
    windowMs: config.maximumBatchingWindowInSeconds * SECOND,
    policy: toPolicy(config),
    failureStream: config.onFailureStream ?? keys.failures(config.name),
    failureBytesMax: config.onFailureStream === undefined ? config.failureStreamMaxBytes : 0,
  };
}

function ofSource(source: MappingConfig['source']) {
  if (source.type === 'kafka') {
    const bootstrapServers = source.cluster.brokers.join(',');
    return { streamName: source.topic, spooled: true, bootstrapServers, firstSeen: false };
  }
  return {
    ...{ streamName: source.stream, spooled: false, bootstrapServers: '', firstSeen: source.arrival === 'first-seen' },
    ...(source.dataField !== undefined && { dataField: source.dataField }),
    ...(source.partitionKeyField !== undefined && { partitionKeyField: source.partitionKeyField }),
  };
}

function toPolicy(config: MappingConfig): UnitPolicy {
  const seconds = config.maximumRecordAgeInSeconds;
  return {
    batchSize: config.batchSize,
    maximumRetryAttempts: config.maximumRetryAttempts,
    age:
      seconds === undefined
        ? { kind: 'default', ageMs: DEFAULT_RECORD_AGE_MS }
        : { kind: 'strict', ageMs: seconds === -1 ? null : seconds * SECOND },
    bisectBatchOnFunctionError: config.bisectBatchOnFunctionError,
    reportBatchItemFailures: config.functionResponseTypes.includes('ReportBatchItemFailures'),
  };
}
