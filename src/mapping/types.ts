/**
 * The resolved configuration: what `loadConfig` hands to everybody else, with every default filled in, every path absolute and
 * every environment reference replaced. Units are in the names, or are those of AWS's option of the same name.
 */

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
}

export interface FunctionConfig {
  readonly name: string;
  /** Absolute path of the file or directory. */
  readonly code: string;
  /** `export`, or `file.export` for directories. */
  readonly handler: string;
  /** MB */
  readonly memorySize: number;
  /** Seconds */
  readonly timeout: number;
  /** Resolved values, those of secret entries included. */
  readonly environment: Readonly<Record<string, string>>;
  /** The entries of `environment` that were written `{ secret: … }`. */
  readonly secretNames: readonly string[];
  /** `host:port`, `*.host:port`, `[v6]:port`, `CIDR:port`; validated syntax. */
  readonly network: { readonly allow: readonly string[] };
  /** Invocations in flight per child process. */
  readonly concurrencyPerProcess: number;
  readonly position: Position;
}

export interface RedisStreamSource {
  readonly type: 'redis-stream';
  readonly stream: string;
  readonly dataField?: string;
  readonly partitionKeyField?: string;
  readonly arrival: 'id' | 'first-seen';
  readonly trim: 'never' | 'settled';
}

export interface MappingConfig {
  readonly name: string;
  /** Name of a function in the same configuration. */
  readonly function: string;
  readonly enabled: boolean;
  readonly source: RedisStreamSource;
  readonly eventFormat: 'kinesis';
  readonly batchSize: number;
  readonly maximumBatchingWindowInSeconds: number;
  readonly startingPosition: 'TRIM_HORIZON' | 'LATEST' | 'AT_TIMESTAMP';
  /** Milliseconds since the epoch; present exactly with AT_TIMESTAMP. */
  readonly startingPositionTimestamp?: number;
  /** -1: never; undefined: not written out, so the 24 h default with its own rule holds (product.md, "Expiry"). */
  readonly maximumRecordAgeInSeconds: number | undefined;
  /** -1: unlimited. */
  readonly maximumRetryAttempts: number;
  readonly bisectBatchOnFunctionError: boolean;
  readonly functionResponseTypes: readonly 'ReportBatchItemFailures'[];
  /** destinationConfig.onFailure.stream; undefined: the mapping's own failure stream. */
  readonly onFailureStream: string | undefined;
  readonly failureStreamMaxBytes: number;
  /** SHA-256 (hex) over every setting of the mapping and of its function (secrets included, so one-way). */
  readonly configHash: string;
  /** The fields that Redis keeps for the mapping's name (product.md, "Namespaces and mappings"); plain JSON. */
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
}
