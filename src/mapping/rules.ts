/**
 * Rules that look at more than one field. Each sees what is known to be good of a mapping (a field with a problem of its own is
 * absent), so that one fault does not hide another.
 */
import { Keys } from '../redis/keys.ts';
import type { Declared } from './context.ts';
import { filterFinding } from './filter-rules.ts';
import type { MappingFields } from './fields/mapping-fields.ts';
import type { Finding } from './report.ts';
import { parseTimestamp } from './syntax.ts';
import { type Path, nodeAt } from './tree.ts';
import type { FunctionConfig, KafkaConnectionConfig } from './types.ts';

export interface MappingView {
  readonly declared: Declared;
  readonly values: Partial<MappingFields>;
  readonly namespace: string;
  readonly nowMs: number;
  /** Its function, when that is known and good. */
  readonly fn: FunctionConfig | undefined;
  /** Its Kafka cluster, when that is known and good. */
  readonly cluster: KafkaConnectionConfig | undefined;
}

/** Names a finding's place by the fields below the mapping; the first that is written gives line and column. */
function at(view: MappingView, ...fields: Path[]): { path: Path; at: Finding['at'] } {
  const { declared } = view;
  for (const field of fields) {
    const node = nodeAt(declared.node, field);
    if (node !== undefined) return { path: ['mappings', declared.name, ...field], at: node.at };
  }
  return { path: ['mappings', declared.name, ...(fields[0] ?? [])], at: declared.keyAt };
}

export type Rule = (view: MappingView) => Finding | undefined;

/** As AWS has it for Kinesis; for Kafka there is a default. */
function positionMissing(view: MappingView): Finding | undefined {
  const { declared } = view;
  const type = nodeAt(declared.node, ['source', 'type']);
  if (declared.node.kind !== 'map' || nodeAt(declared.node, ['startingPosition']) !== undefined) return undefined;
  if (type?.kind === 'scalar' && type.value === 'kafka') return undefined;
  return {
    code: 'missing-field',
    path: ['mappings', declared.name, 'startingPosition'],
    at: declared.keyAt,
    message: '`startingPosition` is required: TRIM_HORIZON, LATEST, AT_TIMESTAMP',
    hint: 'for example `startingPosition: TRIM_HORIZON`',
  };
}

function filterFault(view: MappingView): Finding | undefined {
  const found = filterFinding(view.values);
  return found === undefined ? undefined : { ...found, ...at(view, ...found.at) };
}

/** Nothing in these events says which record is which. */
function unnamedRecords(view: MappingView): Finding | undefined {
  const { eventFormat, functionResponseTypes, batchSize } = view.values;
  if ((eventFormat !== 's3' && eventFormat !== 'raw') || batchSize === 1) return undefined;
  if (!functionResponseTypes?.includes('ReportBatchItemFailures')) return undefined;
  return {
    severity: 'warning',
    code: 'records-without-names',
    ...at(view, ['functionResponseTypes']),
    message: `records in the format \`${eventFormat}\` have no sequence numbers, so a handler cannot say which one failed`,
    hint: 'write `batchSize: 1`, or remove it',
  };
}

function timestampMissing(view: MappingView): Finding | undefined {
  const { startingPosition } = view.values;
  const written = nodeAt(view.declared.node, ['startingPositionTimestamp']);
  if (startingPosition !== 'AT_TIMESTAMP' || written !== undefined) return undefined;
  return {
    code: 'timestamp-missing',
    ...at(view, ['startingPosition']),
    message: '`AT_TIMESTAMP` needs `startingPositionTimestamp`',
    hint: 'for example `startingPositionTimestamp: 2026-11-01T00:00:00Z`',
  };
}

function timestampUnused(view: MappingView): Finding | undefined {
  const { startingPosition, startingPositionTimestamp } = view.values;
  if (startingPosition === undefined || startingPosition === 'AT_TIMESTAMP' || startingPositionTimestamp === undefined)
    return undefined;
  return {
    code: 'timestamp-unused',
    ...at(view, ['startingPositionTimestamp']),
    message: `\`startingPositionTimestamp\` has no meaning with \`${startingPosition}\``,
    hint: 'write `startingPosition: AT_TIMESTAMP`, or remove it',
  };
}

function timestampInFuture(view: MappingView): Finding | undefined {
  const { startingPositionTimestamp } = view.values;
  const ms = startingPositionTimestamp === undefined ? undefined : parseTimestamp(startingPositionTimestamp);
  if (ms === undefined || ms <= view.nowMs) return undefined;
  return {
    code: 'timestamp-in-future',
    ...at(view, ['startingPositionTimestamp']),
    message: 'must not be in the future',
    hint:
      ms > 1e14
        ? 'a number is Unix seconds, not milliseconds'
        : 'for what comes from now on write `startingPosition: LATEST`',
  };
}

function ownSource(view: MappingView): Finding | undefined {
  const { source, destinationConfig } = view.values;
  const onFailure = destinationConfig?.onFailure;
  if (source?.type !== 'redis-stream') return undefined;
  if (onFailure?.type === 'redis-stream' && onFailure.stream === source.stream) {
    const hint = 'every notice would become a record of the mapping itself; name another stream';
    return {
      code: 'own-source',
      ...at(view, ['destinationConfig', 'onFailure', 'stream']),
      message: 'the failure notices go to the mapping’s own source',
      hint,
    };
  }
  if (onFailure !== undefined || source.stream !== new Keys(view.namespace).failures(view.declared.name))
    return undefined;
  return {
    code: 'own-source',
    ...at(view, ['source', 'stream']),
    message: 'the mapping reads its own failure stream',
    hint: 'read it with another mapping, or set destinationConfig.onFailure',
  };
}

/** AWS refuses it, too: every message would become a record of the mapping itself. */
function ownTopic(view: MappingView): Finding | undefined {
  const { source, destinationConfig } = view.values;
  const onFailure = destinationConfig?.onFailure;
  if (source?.type !== 'kafka' || onFailure?.type !== 'kafka-topic') return undefined;
  if (onFailure.connection !== source.connection || onFailure.topic !== source.topic) return undefined;
  return {
    code: 'own-source',
    ...at(view, ['destinationConfig', 'onFailure', 'topic']),
    message: 'the failure notices go to the mapping’s own source',
    hint: 'every notice would become a record of the mapping itself; name another topic',
  };
}

function reservedStream(view: MappingView): Finding | undefined {
  const { source, destinationConfig, output } = view.values;
  const prefix = `${view.namespace}:`;
  const onFailure = destinationConfig?.onFailure;
  const message = `names that begin with \`${prefix}\` belong to Millrace`;
  if (onFailure?.type === 'redis-stream' && onFailure.stream.startsWith(prefix)) {
    return {
      code: 'reserved-name',
      ...at(view, ['destinationConfig', 'onFailure', 'stream']),
      message,
      hint: 'choose another stream',
    };
  }
  if (output?.type === 'redis-stream' && output.stream.startsWith(prefix)) {
    const hint = 'a sharded stream is named without that prefix';
    return { code: 'reserved-name', ...at(view, ['output', 'stream']), message, hint };
  }
  if (source?.type !== 'redis-stream' || !source.stream.startsWith(prefix)) return undefined;
  // What is there to be read by others: failure notices of another mapping.
  if (source.stream.startsWith(`${prefix}failures:`)) return undefined;
  return {
    code: 'reserved-name',
    ...at(view, ['source', 'stream']),
    message,
    hint: 'a sharded stream is named without that prefix',
  };
}

function windowExceedsAge(view: MappingView): Finding | undefined {
  const { maximumBatchingWindowInSeconds: window, maximumRecordAgeInSeconds: age } = view.values;
  if (window === undefined || age === undefined || age === -1 || window < age) return undefined;
  const message = `records would expire (${age} s) before their batch is due (${window} s)`;
  return {
    code: 'window-exceeds-age',
    ...at(view, ['maximumBatchingWindowInSeconds']),
    message,
    hint: 'make the window shorter than the age',
  };
}

function timeoutExceedsAge(view: MappingView): Finding | undefined {
  const { maximumRecordAgeInSeconds: age } = view.values;
  if (view.fn === undefined || age === undefined || age === -1 || view.fn.timeout < age) return undefined;
  const message = `one attempt may take ${view.fn.timeout} s, and a record is given up after ${age} s: one that fails is never retried`;
  return {
    severity: 'warning',
    code: 'timeout-exceeds-age',
    ...at(view, ['maximumRecordAgeInSeconds']),
    message,
    hint: 'a shorter timeout, or an older age',
  };
}

/** There is no place in its event for what a window adds. */
function windowWithoutEnvelope(view: MappingView): Finding | undefined {
  const { eventFormat, tumblingWindowInSeconds } = view.values;
  if (eventFormat !== 'raw' || !tumblingWindowInSeconds) return undefined;
  return {
    code: 'window-without-envelope',
    ...at(view, ['tumblingWindowInSeconds']),
    message:
      'an event of the format `raw` has no members beside its records, so it cannot carry a window and its state',
    hint: 'choose another eventFormat, or remove it',
  };
}

/** As AWS refuses it: the state is one for the whole shard. */
function windowWithLanes(view: MappingView): Finding | undefined {
  const { parallelizationFactor, tumblingWindowInSeconds } = view.values;
  if (!tumblingWindowInSeconds || parallelizationFactor === undefined || parallelizationFactor === 1) return undefined;
  return {
    code: 'window-with-lanes',
    ...at(view, ['tumblingWindowInSeconds']),
    message: 'a tumbling window cannot be combined with a `parallelizationFactor` above 1',
    hint: 'write `parallelizationFactor: 1`, or remove the window',
  };
}

function boundUnused(view: MappingView): Finding | undefined {
  const written = nodeAt(view.declared.node, ['failureStreamMaxBytes']);
  if (written === undefined || view.values.destinationConfig?.onFailure === undefined) return undefined;
  const message = '`failureStreamMaxBytes` bounds the mapping’s own failure stream, which is not used here';
  return {
    severity: 'warning',
    code: 'no-effect',
    ...at(view, ['failureStreamMaxBytes']),
    message,
    hint: 'remove it, or destinationConfig.onFailure',
  };
}

export const MAPPING_RULES: readonly Rule[] = [
  positionMissing,
  filterFault,
  unnamedRecords,
  timestampMissing,
  timestampUnused,
  timestampInFuture,
  ownSource,
  ownTopic,
  reservedStream,
  windowExceedsAge,
  timeoutExceedsAge,
  windowWithoutEnvelope,
  windowWithLanes,
  boundUnused,
];

/** Rules between mappings. `views` in the order of the files. */
export function crossMappingFindings(views: readonly MappingView[]): Finding[] {
  const findings: Finding[] = [];
  const readers = new Map<string, MappingView>();
  const trims = new Map<string, MappingView>();
  const groups = new Map<string, MappingView>();
  for (const view of views) {
    const { source, function: fn } = view.values;
    if (source === undefined) continue;
    const key = JSON.stringify(source.type === 'kafka' ? [source.connection, source.topic, fn] : [source.stream, fn]);
    const other = fn === undefined ? undefined : readers.get(key);
    if (other === undefined) readers.set(key, view);
    else findings.push(sameSourceAndFunction(view, other));
    if (source.type === 'kafka') {
      const group = JSON.stringify([source.connection, source.consumerGroupId ?? `millrace-${view.declared.name}`]);
      const member = groups.get(group);
      if (member === undefined) groups.set(group, view);
      else findings.push(sameGroup(view, member));
      continue;
    }
    const first = trims.get(source.stream);
    if (first === undefined) trims.set(source.stream, view);
    else if (trimOf(first) !== source.trim) findings.push(trimDiffers(view, first));
  }
  return findings;
}

function sameSourceAndFunction(view: MappingView, other: MappingView): Finding {
  const message = `the mapping \`${other.declared.name}\` has the same source and function: each record is handled by both`;
  const hint = `that one is in ${other.declared.keyAt.file}, line ${other.declared.keyAt.line}`;
  return {
    severity: 'warning',
    code: 'same-source-and-function',
    ...at(view, []),
    at: view.declared.keyAt,
    message,
    hint,
  };
}

function sameGroup(view: MappingView, other: MappingView): Finding {
  return {
    code: 'same-group',
    ...at(view, ['source', 'consumerGroupId'], ['source']),
    message: `the mapping \`${other.declared.name}\` is in the same consumer group: each would get a part of the partitions`,
    hint: 'give each mapping a group of its own',
  };
}

function trimOf(view: MappingView): string | undefined {
  return view.values.source?.type === 'redis-stream' ? view.values.source.trim : undefined;
}

function trimDiffers(view: MappingView, other: MappingView): Finding {
  const message = `the mapping \`${other.declared.name}\` on the same stream has another \`trim\`: one \`settled\` is enough to have it trimmed`;
  return {
    severity: 'warning',
    code: 'trim-differs',
    ...at(view, ['source', 'trim'], ['source']),
    message,
    hint: 'write the same in both',
  };
}
