/**
 * The resolved configuration: what `loadConfig` hands to everybody else, with every default filled in, every path absolute and
 * every environment reference replaced. Units are in the names, or are those of AWS's option of the same name.
 */

import type { FunctionFields } from './fields/function-fields.ts';
import type { MappingFields } from './fields/mapping-fields.ts';
import type { KafkaConnectionFields, RedisConnectionFields } from './fields/connection-fields.ts';
import type { Pattern } from '../pattern.ts';
import type { OutputFields } from './fields/output-fields.ts';
import type { KafkaSource, RedisStreamSource } from './fields/source-fields.ts';

/** Where something is written, 1-based. */
export interface Position {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/** One finding about the configuration (contract.md, "millrace validate --json"). `path` is the YAML path, `''` for the whole file. */
export interface Problem extends Position {
  readonly severity: 'error' | 'warning';
  /** Stable; tools may match it. */
  readonly code: string;
  readonly path: string;
  readonly message: string;
  readonly hint?: string;
  /** In code inside an archive: `file` is the archive, this the file in it, and line and column are that file's. */
  readonly entry?: string;
}

/** As declared, with `code` absolute, `environment` resolved, and the names of its secret entries. */
export interface FunctionConfig extends Readonly<Omit<FunctionFields, 'environment' | 'network'>> {
  readonly name: string;
  /** Resolved values, those of secret entries included. */
  readonly environment: Readonly<Record<string, string>>;
  /** The entries of `environment` that were written `{ secret: … }`. */
  readonly secretNames: readonly string[];
  readonly network: { readonly allow: readonly string[] };
  readonly position: Position;
}

/** As declared, with the paths of certificates absolute and secrets resolved. */
export interface KafkaConnectionConfig extends Readonly<KafkaConnectionFields> {
  readonly name: string;
}
export interface RedisConnectionConfig extends Readonly<RedisConnectionFields> {
  readonly name: string;
}
export type ConnectionConfig = KafkaConnectionConfig | RedisConnectionConfig;

/** With the group's name, also where it is the default, and the cluster. */
export interface KafkaSourceConfig extends KafkaSource {
  readonly consumerGroupId: string;
  readonly cluster: KafkaConnectionConfig;
}

type Kept =
  | 'function'
  | 'enabled'
  | 'batchSize'
  | 'maximumBatchingWindowInSeconds'
  | 'parallelizationFactor'
  | 'tumblingWindowInSeconds'
  | 'maximumRetryAttempts'
  | 'bisectBatchOnFunctionError'
  | 'failureStreamMaxBytes';

/** As declared, but flattened where only one choice is supported. */
export interface MappingConfig extends Readonly<Pick<MappingFields, Kept>> {
  readonly name: string;
  readonly source: RedisStreamSource | KafkaSourceConfig;
  readonly eventFormat: 'kinesis' | 'kafka' | 'dynamodb' | 's3' | 'raw';
  /** One that matches is enough; none: every record is for the function. */
  readonly filters: readonly Pattern[];
  readonly startingPosition: 'TRIM_HORIZON' | 'LATEST' | 'AT_TIMESTAMP';
  /** Milliseconds since the epoch; present exactly with AT_TIMESTAMP. */
  readonly startingPositionTimestamp?: number;
  /** -1: never; undefined: not written out, so the 24 h default with its own rule holds (product.md, "Expiry"). */
  readonly maximumRecordAgeInSeconds: number | undefined;
  readonly functionResponseTypes: readonly 'ReportBatchItemFailures'[];
  /** destinationConfig.onFailure.stream; undefined: the mapping's own failure stream. */
  readonly onFailureStream: string | undefined;
  /** destinationConfig.onFailure, where it is a Kafka topic. */
  readonly onFailureTopic: { readonly connection: string; readonly topic: string } | undefined;
  /** Where the function's outputs go; null: nowhere. */
  readonly output: OutputFields | null;
  /** SHA-256 (hex) over every setting of the mapping and of its function; values of secrets do not enter. */
  readonly configHash: string;
  /** The fields that Redis keeps for the mapping's name (product.md, "Namespaces and mappings"); plain JSON, keys sorted. */
  readonly pinned: Readonly<Record<string, unknown>>;
  readonly position: Position;
}

export interface Config {
  readonly namespace: string;
  /** redis:// or rediss:// URL, credentials included. */
  readonly redis: string;
  /** 'off' or HOST:PORT; undefined when the file does not say. */
  readonly http: string | undefined;
  readonly functions: ReadonlyMap<string, FunctionConfig>;
  readonly mappings: ReadonlyMap<string, MappingConfig>;
  readonly connections: ReadonlyMap<string, ConnectionConfig>;
  /** Every secret value of at least 8 characters: never to appear in any output. */
  readonly secrets: readonly string[];
  /** Absolute paths of the files that were read. */
  readonly files: readonly string[];
}

export interface LoadResult {
  /** Present when no problem is an error. */
  readonly config?: Config;
  /** Sorted by file, line and column. */
  readonly problems: readonly Problem[];
  /** Where a field is written, or, when it is not, the nearest thing above it: for findings made later. */
  readonly locate: (path: readonly (string | number)[]) => Position;
}
