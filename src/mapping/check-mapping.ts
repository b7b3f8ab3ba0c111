/** One mapping of the configuration: its fields, what is not supported yet, the rules between fields; then the resolved form. */
import { createHash } from 'node:crypto';
import path from 'node:path';
import { reportLater } from './check-later.ts';
import { checkMap } from './check-value.ts';
import type { CheckContext, Declared } from './context.ts';
import { didYouMean } from './did-you-mean.ts';
import { type MappingFields, mappingObject, mappingShape } from './fields/mapping-fields.ts';
import type { OutputFields } from './fields/output-fields.ts';
import { readPattern } from './pattern/read-pattern.ts';
import { MAPPING_RULES, type MappingView } from './rules.ts';
import { metaOf } from './schema-walk.ts';
import { parseTimestamp } from './syntax.ts';
import { nodeAt, writtenText } from './tree.ts';
import type { ConnectionConfig, FunctionConfig, MappingConfig } from './types.ts';

interface Known<T> {
  /** Every declared name, also of those with problems. */
  readonly names: ReadonlySet<string>;
  readonly good: ReadonlyMap<string, T>;
}

export interface KnownNames extends Known<FunctionConfig> {
  readonly connections: Known<ConnectionConfig>;
}

export function viewMapping(
  declared: Declared,
  namespace: string,
  functions: KnownNames,
  context: CheckContext,
): MappingView {
  const { name, node, keyAt } = declared;
  const at = ['mappings', name];
  const values = checkMap(mappingShape, node, at, keyAt, context.report) ?? {};
  reportLater(mappingObject, node, at, context.report);
  const { source } = values;
  const unknown = { declared, context };
  if (values.function !== undefined && !functions.names.has(values.function))
    reportUnknownName({
      ...unknown,
      code: 'unknown-function',
      what: 'function',
      field: ['function'],
      name: values.function,
      known: functions.names,
    });
  const { names } = functions.connections;
  for (const { connection, field, type } of connectionsOf(values)) {
    const said = { code: 'unknown-connection', what: 'connection', field, name: connection, known: names } as const;
    if (!names.has(connection)) reportUnknownName({ ...unknown, ...said });
    const there = functions.connections.good.get(connection);
    if (there !== undefined && there.type !== type) reportOtherType(declared, { connection, field, type }, context);
  }
  const fn = values.function === undefined ? undefined : functions.good.get(values.function);
  const named = source?.type === 'kafka' ? functions.connections.good.get(source.connection) : undefined;
  const cluster = named?.type === 'kafka' ? named : undefined;
  const view: MappingView = { declared, values, namespace, nowMs: context.nowMs, fn, cluster };
  for (const rule of MAPPING_RULES) {
    const finding = rule(view);
    if (finding !== undefined) context.report.add(finding);
  }
  return view;
}

interface NamedConnection {
  readonly connection: string;
  readonly field: readonly string[];
  /** What it has to be. */
  readonly type: ConnectionConfig['type'];
}

function connectionsOf({ source, destinationConfig, output }: MappingView['values']): NamedConnection[] {
  const onFailure = destinationConfig?.onFailure;
  const named = (connection: string, type: NamedConnection['type'], ...field: string[]): NamedConnection[] => [
    { connection, field: [...field, 'connection'], type },
  ];
  return [
    ...(source?.type === 'kafka' ? named(source.connection, 'kafka', 'source') : []),
    ...(onFailure?.type === 'kafka-topic'
      ? named(onFailure.connection, 'kafka', 'destinationConfig', 'onFailure')
      : []),
    ...(output?.connection !== undefined
      ? named(output.connection, output.type === 'kafka-topic' ? 'kafka' : 'redis', 'output')
      : []),
  ];
}

const KIND = { kafka: 'a Kafka cluster', redis: 'a Redis server' } as const;

function reportOtherType(
  declared: Declared,
  { connection, field, type }: NamedConnection,
  context: CheckContext,
): void {
  const other = type === 'kafka' ? 'redis' : 'kafka';
  context.report.add({
    ...{ code: 'wrong-connection', path: ['mappings', declared.name, ...field] },
    at: nodeAt(declared.node, field)?.at ?? declared.keyAt,
    message: `\`${connection}\` is ${KIND[other]}, and ${KIND[type]} is needed here`,
    hint: `name a connection of \`type: ${type}\``,
  });
}

interface UnknownName {
  readonly declared: Declared;
  readonly context: CheckContext;
  readonly code: 'unknown-function' | 'unknown-connection';
  readonly what: 'function' | 'connection';
  readonly field: readonly string[];
  readonly name: string;
  readonly known: ReadonlySet<string>;
}

function reportUnknownName({ declared, context, code, what, field, name, known }: UnknownName): void {
  const meant = didYouMean(name, known);
  const some = [...known].slice(0, 10).join(', ');
  const hint =
    meant !== undefined
      ? `did you mean \`${meant}\`?`
      : some === ''
        ? `declare it under \`${what}s\``
        : `declared are ${some}`;
  const written = nodeAt(declared.node, field);
  context.report.add({
    ...{ code, path: ['mappings', declared.name, ...field], at: written?.at ?? declared.keyAt },
    ...{ message: `there is no ${what} ${writtenText(written, name)}`, hint },
  });
}

/** Called when nothing in the configuration is wrong: every field of the view is there. */
export function resolveMapping(view: MappingView, root: string): MappingConfig {
  const { fn, declared } = view;
  if (fn === undefined) throw new Error(`mapping ${declared.name} is resolved before it is valid`);
  const given = view.values as MappingFields;
  const source = sourceOf(view, given);
  const values = {
    ...given,
    eventFormat: given.eventFormat ?? (source.type === 'kafka' ? 'kafka' : 'kinesis'),
    startingPosition: given.startingPosition ?? 'TRIM_HORIZON',
  } as const;
  const { destinationConfig, startingPositionTimestamp } = values;
  const timestamp = startingPositionTimestamp === undefined ? undefined : parseTimestamp(startingPositionTimestamp);
  const onFailure = destinationConfig.onFailure;
  return {
    name: declared.name,
    function: values.function,
    enabled: values.enabled,
    source,
    eventFormat: values.eventFormat,
    filters: (values.filterCriteria?.filters ?? []).map(({ pattern }) => readPattern(pattern)),
    batchSize: values.batchSize,
    maximumBatchingWindowInSeconds: values.maximumBatchingWindowInSeconds,
    parallelizationFactor: values.parallelizationFactor,
    tumblingWindowInSeconds: values.tumblingWindowInSeconds,
    startingPosition: values.startingPosition,
    ...(timestamp === undefined ? {} : { startingPositionTimestamp: timestamp }),
    maximumRecordAgeInSeconds: values.maximumRecordAgeInSeconds,
    maximumRetryAttempts: values.maximumRetryAttempts,
    bisectBatchOnFunctionError: values.bisectBatchOnFunctionError,
    functionResponseTypes: values.functionResponseTypes,
    onFailureStream: onFailure?.type === 'redis-stream' ? onFailure.stream : undefined,
    onFailureTopic:
      onFailure?.type === 'kafka-topic' ? { connection: onFailure.connection, topic: onFailure.topic } : undefined,
    failureStreamMaxBytes: values.failureStreamMaxBytes,
    output: values.output ?? null,
    configHash: hashOf(values, fn, root, source),
    pinned: pinnedOf(values, timestamp),
    position: declared.keyAt,
  };
}

function sourceOf({ cluster, declared }: MappingView, { source }: MappingFields): MappingConfig['source'] {
  if (source.type === 'redis-stream') return source;
  if (cluster === undefined) throw new Error(`mapping ${declared.name} is resolved before it is valid`);
  return { ...source, cluster, consumerGroupId: source.consumerGroupId ?? `millrace-${declared.name}` };
}

function placeOf(output: OutputFields): object {
  const { type } = output;
  if (type === 'redis-stream') {
    const { stream, connection } = output;
    return { type, stream, ...(connection !== undefined && { connection }) };
  }
  return { type, connection: output.connection, topic: output.topic };
}

/** The pinned fields as plain JSON, in a stable order; what is not set is absent. */
function pinnedOf(values: MappingFields, timestamp: number | undefined): Record<string, unknown> {
  const all: Readonly<Record<string, unknown>> = {
    ...values,
    // What it waits for may change at any time.
    ...(values.output && { output: placeOf(values.output) }),
    ...(timestamp === undefined ? {} : { startingPositionTimestamp: timestamp }),
  };
  const names = Object.entries(mappingShape).flatMap(([name, schema]) =>
    metaOf(schema)?.pinned === true ? [name] : [],
  );
  return sortKeys(
    Object.fromEntries(
      names
        .sort()
        .filter((name) => all[name] !== undefined)
        .map((name) => [name, all[name]]),
    ),
  ) as Record<string, unknown>;
}

/**
 * Equal hash, equal configuration, on whatever host: code counts by its path below the configuration. The values of secrets do not
 * enter, because the hash is logged and a short secret could be guessed from it.
 */
function hashOf(values: MappingFields, fn: FunctionConfig, root: string, source: MappingConfig['source']): string {
  const environment = Object.entries(fn.environment).map(([key, value]) => [
    key,
    fn.secretNames.includes(key) ? null : value,
  ]);
  const { position: _position, secretNames: _names, ...settings } = fn;
  const whole = {
    mapping: values,
    ...(source.type === 'kafka' && { brokers: source.cluster.brokers }),
    function: {
      ...settings,
      code: path.relative(root, fn.code),
      environment: Object.fromEntries(environment) as object,
    },
  };
  return createHash('sha256')
    .update(JSON.stringify(sortKeys(whole)))
    .digest('hex');
}

function sortKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortKeys);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, inner]) => [key, sortKeys(inner)]),
  );
}
