/**
 * The error catalogue: every error that a user can meet has a code here, its exit code, and one line of what it means.
 * Exit codes (product.md): 1 the input is wrong, 2 it could not run.
 */
export const ERRORS = {
  // --- command line -------------------------------------------------------------------------------------------
  usage: { exit: 1, about: 'the command line is not understood' },
  internal: { exit: 2, about: 'a defect of Millrace itself' },
  'source-conflict': { exit: 1, about: 'the name of a mapping belongs to another source' },
  'mapping-served': { exit: 1, about: 'a daemon still serves the mapping' },
  'nothing-to-rewind': { exit: 1, about: 'no settled record lies behind the position to go back to' },
  'nothing-to-skip': { exit: 1, about: 'no record that is not settled lies where it was to be skipped' },
  'skip-refused': { exit: 2, about: 'the failure notice of a record that is to be skipped cannot be written' },
  'mapping-busy': { exit: 2, about: 'the shards of the mapping change while they are looked at' },
  'messages-unsent': { exit: 1, about: 'the mapping has messages in its outboxes that are not sent yet' },
  'failure-not-found': { exit: 1, about: 'no failure notice has that id' },
  'failure-ambiguous': { exit: 1, about: 'failure notices of several mappings have that id' },
  'redrive-refused': { exit: 1, about: 'a failure, or those of a mapping, cannot run again' },
  'reload-refused': { exit: 1, about: 'a change that a running daemon cannot take over' },
  // --- redis --------------------------------------------------------------------------------------------------
  'redis-unreachable': { exit: 2, about: 'the Redis server does not answer' },
  'redis-unsuitable': {
    exit: 2,
    about: 'the Redis server is too old, clustered, or set so that a promise would break',
  },
  'redis-url': { exit: 1, about: 'the Redis URL is malformed' },
  'dev-running': { exit: 2, about: 'another millrace dev uses the same directory' },
  'redis-not-found': { exit: 2, about: 'there is no Redis server to run, and none could be fetched' },
  // --- streams (connectors/redis-stream, commands/stream*) ------------------------------------------------------
  'stream-not-found': { exit: 1, about: 'no stream of that name exists' },
  'stream-exists': { exit: 1, about: 'a stream of that name exists and is not what was asked for' },
  'stream-name': { exit: 1, about: 'the name cannot be the name of a sharded stream' },
  'stream-shape': { exit: 1, about: 'the shard count, retention or hash key is out of its range' },
  'stream-wrong-type': { exit: 1, about: 'the Redis key is no stream' },
  'shard-not-found': { exit: 1, about: 'the stream has no shard of that id' },
  'shard-closed': { exit: 1, about: 'the shard was closed by a split or merge' },
  'shard-not-adjacent': { exit: 1, about: 'the hash ranges of the two shards do not touch' },
  'shard-key-missing': { exit: 2, about: 'the Redis key of an open shard was deleted' },
  'stream-conflict': { exit: 2, about: 'the stream was changed by somebody else again and again meanwhile' },
  'record-invalid': { exit: 1, about: 'a line of the input is not a record' },
  'put-interrupted': { exit: 2, about: 'records could not be put, or it is not known whether they were' },
  // --- Kafka (connectors/kafka) ---------------------------------------------------------------------------------
  'kafka-unreachable': { exit: 2, about: 'the Kafka cluster does not answer, or refuses the login' },
  // --- functions ----------------------------------------------------------------------------------------------
  'function-code-missing': { exit: 1, about: "a function's code, or the module its handler names, does not exist" },
  'function-code-kind': { exit: 1, about: "a function's code is of a kind that cannot be run" },
  'function-archive': { exit: 1, about: "a function's .zip archive is damaged, too large, or holds what is refused" },
  'function-handler': { exit: 1, about: 'a handler is misspelt, or names nothing that can be called' },
  'function-syntax': { exit: 1, about: "a function's code does not compile" },
  'function-import': { exit: 1, about: "a function's code imports something that does not exist" },
  'function-init': { exit: 1, about: "a function's code fails or does not end when it is loaded" },
  'function-unknown': { exit: 1, about: 'the configuration declares no function of that name' },
  'event-invalid': { exit: 1, about: 'what was given as an event is not one: no JSON, too large, or not readable' },
  'sandbox-failed': { exit: 2, about: 'the sandbox did not run, for a reason outside of the function' },
  // --- configuration (mapping/) ---------------------------------------------------------------------------------
  'config-invalid': { exit: 1, about: 'the YAML configuration has errors' },
  // --- sandbox ------------------------------------------------------------------------------------------------
  'sandbox-unavailable': { exit: 2, about: 'functions cannot be run on this machine' },
  // --- observe ------------------------------------------------------------------------------------------------
  'http-address': { exit: 1, about: 'the address of the HTTP endpoint is not HOST:PORT' },
  'http-taken': { exit: 2, about: 'the address of the HTTP endpoint cannot be listened on' },
  'mapping-not-found': { exit: 1, about: 'no mapping of that name has state in this Redis' },
} as const satisfies Record<string, { exit: 1 | 2; about: string }>;

export type ErrorCode = keyof typeof ERRORS;

/** An error with a sentence for the user: what happened and where (message), what to do (hint). Never shown with a stack. */
export class MillraceError extends Error {
  readonly code: ErrorCode;
  readonly hint: string | undefined;
  constructor(code: ErrorCode, message: string, options: { hint?: string; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'MillraceError';
    this.code = code;
    this.hint = options.hint;
  }
  get exitCode(): 1 | 2 {
    return ERRORS[this.code].exit;
  }
}

/** The caller no longer owns the shard: another turn raised the epoch. Nothing of its work may take effect. */
export class FencedError extends Error {
  /** Nobody raised the epoch: Redis came back without what it had acknowledged since, and nobody else may have the turn. */
  readonly wentBack: boolean;

  constructor(what: string, { wentBack = false }: { readonly wentBack?: boolean } = {}) {
    super(`fenced: ${what}`);
    this.name = 'FencedError';
    this.wentBack = wentBack;
  }
}

/** What was thrown, in one line's words, for a log or another error's text. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
