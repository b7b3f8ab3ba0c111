/** A mapping's configuration as a turn works under it. */
import { createHash } from 'node:crypto';
import { DEFAULT_RECORD_AGE_MS } from '../limits.ts';
import type { MappingConfig } from '../mapping/types.ts';
import type { Box, OutboxTarget } from '../outbox.ts';
import { outputPlaceOf } from '../output.ts';
import type { Keys } from '../redis/keys.ts';
import type { FunctionVersion } from '../sandbox/types.ts';
import type { StartingPosition } from '../source/port.ts';
import { SECOND } from '../time.ts';
import type { FormatSettings } from '../turn/format-options.ts';
import type { TurnSettings } from '../turn/settings.ts';
import type { UnitPolicy } from '../unit/types.ts';

export function startingPosition(config: MappingConfig): StartingPosition {
  return config.startingPosition === 'AT_TIMESTAMP'
    ? { kind: 'AT_TIMESTAMP', timestampMs: config.startingPositionTimestamp! }
    : { kind: config.startingPosition };
}

export function toSettings(config: MappingConfig, version: FunctionVersion, keys: Keys, arn: string): TurnSettings {
  const filter = filterOf(config);
  return {
    ...{ mapping: config.name, arn, version, configHash: config.configHash, eventFormat: config.eventFormat },
    ...ofSource(config.source),
    filter,
    laneCount: config.parallelizationFactor,
    batchSize: config.batchSize,
    windowMs: config.maximumBatchingWindowInSeconds * SECOND,
    tumblingMs: config.tumblingWindowInSeconds * SECOND,
    policy: toPolicy(config, filter),
    output: outputOf(config),
    failureStream: config.onFailureStream ?? keys.failures(config.name),
    ...(config.onFailureTopic && { failureTopic: config.onFailureTopic }),
    failureBytesMax: config.onFailureStream === undefined ? config.failureStreamMaxBytes : 0,
  };
}

/** What events are made by. */
export function formatSettings(config: MappingConfig, arn: string): FormatSettings {
  return { arn, eventFormat: config.eventFormat, batchSize: config.batchSize, ...ofSource(config.source) };
}

/** What of it is sent to another system. */
export function boxesOf({ onFailureTopic, output }: MappingConfig): ReadonlySet<Box> {
  return new Set<Box>([
    ...(onFailureTopic ? (['notices'] as const) : []),
    ...(output && outputPlaceOf(output).outbox ? (['outputs'] as const) : []),
  ]);
}

/** The place on another system whose readers its outputs wait for. One that feeds itself, by whatever way, would wait for itself. */
export function readersOf({ output }: MappingConfig): OutboxTarget | null {
  return (output && !output.allowCycle && outputPlaceOf(output).outbox) || null;
}

function outputOf({ output }: MappingConfig): TurnSettings['output'] {
  if (output === null) return null;
  const place = outputPlaceOf(output);
  // A mapping that feeds itself, by whatever way, would wait for itself.
  return { ...place, maxUnsettled: output.allowCycle && !place.outbox ? null : output.maxUnsettled };
}

/** What filters mean is part of their identity: a change of that changes this. */
const FILTER_MEANING = 1;

function filterOf({ filters, eventFormat }: MappingConfig): TurnSettings['filter'] {
  if (filters.length === 0) return null;
  const written = JSON.stringify([FILTER_MEANING, eventFormat, filters]);
  return { patterns: filters, id: createHash('sha256').update(written).digest('hex').slice(0, 16) };
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

function toPolicy(config: MappingConfig, filter: TurnSettings['filter']): UnitPolicy {
  const seconds = config.maximumRecordAgeInSeconds;
  return {
    batchSize: config.batchSize,
    maximumRetryAttempts: config.maximumRetryAttempts,
    age:
      seconds === undefined
        ? { kind: 'default', ageMs: DEFAULT_RECORD_AGE_MS }
        : { kind: 'strict', ageMs: seconds === -1 ? null : seconds * SECOND },
    bisectBatchOnFunctionError: config.bisectBatchOnFunctionError,
    ...(filter && { filterId: filter.id }),
    reportBatchItemFailures: config.functionResponseTypes.includes('ReportBatchItemFailures'),
  };
}
