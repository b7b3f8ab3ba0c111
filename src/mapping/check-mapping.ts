/** One mapping of the configuration: its fields, what is not supported yet, the rules between fields; then the resolved form. */
import { createHash } from 'node:crypto';
import path from 'node:path';
import { reportLater } from './check-later.ts';
import { checkMap } from './check-value.ts';
import type { CheckContext, Declared } from './context.ts';
import { didYouMean } from './did-you-mean.ts';
import { type MappingFields, mappingObject, mappingShape } from './fields/mapping-fields.ts';
import { MAPPING_RULES, type MappingView } from './rules.ts';
import { metaOf } from './schema-walk.ts';
import { parseTimestamp } from './syntax.ts';
import { child, writtenText } from './tree.ts';
import type { FunctionConfig, MappingConfig } from './types.ts';

export interface KnownFunctions {
  /** Every declared name, also of functions with problems. */
  readonly names: ReadonlySet<string>;
  readonly good: ReadonlyMap<string, FunctionConfig>;
}

export function viewMapping(
  declared: Declared,
  namespace: string,
  functions: KnownFunctions,
  context: CheckContext,
): MappingView {
  const { name, node, keyAt } = declared;
  const at = ['mappings', name];
  const values = checkMap(mappingShape, node, at, keyAt, context.report) ?? {};
  reportLater(mappingObject, node, at, context.report);
  if (values.function !== undefined && !functions.names.has(values.function)) {
    const meant = didYouMean(values.function, functions.names);
    const known = [...functions.names].slice(0, 10).join(', ');
    const hint =
      meant !== undefined
        ? `did you mean \`${meant}\`?`
        : known === ''
          ? 'declare it under `functions`'
          : `declared are ${known}`;
    const written = child(node, 'function');
    const place = written?.at ?? keyAt;
    context.report.add({
      code: 'unknown-function',
      path: [...at, 'function'],
      at: place,
      message: `there is no function ${writtenText(written, values.function)}`,
      hint,
    });
  }
  const fn = values.function === undefined ? undefined : functions.good.get(values.function);
  const view: MappingView = { declared, values, namespace, nowMs: context.nowMs, fn };
  for (const rule of MAPPING_RULES) {
    const finding = rule(view);
    if (finding !== undefined) context.report.add(finding);
  }
  return view;
}

/** Called when nothing in the configuration is wrong: every field of the view is there. */
export function resolveMapping(view: MappingView, root: string): MappingConfig {
  const values = view.values as MappingFields;
  const { fn, declared } = view;
  const { source, destinationConfig, startingPositionTimestamp } = values;
  if (fn === undefined || source.type !== 'redis-stream')
    throw new Error(`mapping ${declared.name} is resolved before it is valid`);
  const timestamp = startingPositionTimestamp === undefined ? undefined : parseTimestamp(startingPositionTimestamp);
  const onFailure = destinationConfig.onFailure;
  return {
    name: declared.name,
    function: values.function,
    enabled: values.enabled,
    source,
    eventFormat: 'kinesis',
    batchSize: values.batchSize,
    maximumBatchingWindowInSeconds: values.maximumBatchingWindowInSeconds,
    startingPosition: values.startingPosition,
    ...(timestamp === undefined ? {} : { startingPositionTimestamp: timestamp }),
    maximumRecordAgeInSeconds: values.maximumRecordAgeInSeconds,
    maximumRetryAttempts: values.maximumRetryAttempts,
    bisectBatchOnFunctionError: values.bisectBatchOnFunctionError,
    functionResponseTypes: values.functionResponseTypes,
    onFailureStream: onFailure?.type === 'redis-stream' ? onFailure.stream : undefined,
    failureStreamMaxBytes: values.failureStreamMaxBytes,
    configHash: hashOf(values, fn, root),
    pinned: pinnedOf(values, timestamp),
    position: declared.keyAt,
  };
}

/** The pinned fields as plain JSON, in a stable order; what is not set is absent. */
function pinnedOf(values: MappingFields, timestamp: number | undefined): Record<string, unknown> {
  const all: Readonly<Record<string, unknown>> = {
    ...values,
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
function hashOf(values: MappingFields, fn: FunctionConfig, root: string): string {
  const environment = Object.entries(fn.environment).map(([key, value]) => [
    key,
    fn.secretNames.includes(key) ? null : value,
  ]);
  const { position: _position, secretNames: _names, ...settings } = fn;
  const whole = {
    mapping: values,
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
