/** What the child gives to the bootstrap: functions that cross out of the isolate. Strings, numbers and booleans only. */
export interface Host {
  /** Ends the current initialisation or invocation. `kind`: 0 initialised, 1 result (JSON text), 2 failure (JSON payload), 3 failure and the child is used up. */
  settle(kind: number, text: string, droppedLines: number): void;
  log(level: number, text: string): void;
  monoMs(): number;
  /** `heapTotal,heapUsed,external,limit` */
  heap(): string;
  /** Base64. */
  randomBytes(count: number): string;
  /** `key` is base64, or null for a plain digest. Answers base64. */
  digest(name: string, key: string | null, bytes: string): string;
  /** `options` is JSON, `bytes` base64. Answers base64, or `!` and JSON of a failure. */
  zlib(format: string, options: string, bytes: string): string;
  /** `params` is JSON, bytes in it base64. Answers JSON, or `!` and JSON of a failure. */
  crypto(operation: string, params: string): string;
  /** `body` is base64, or null for none. */
  startFetch(id: number, head: string, body: string | null): void;
  cancelFetch(id: number): void;
}

export const SETTLE_INIT = 0;
export const SETTLE_RESULT = 1;
export const SETTLE_FAILURE = 2;
export const SETTLE_FATAL = 3;

/** Operations of the one entry function that the bootstrap hands out. */
export const OP_PRELUDE_DONE = 0;
/** The bundle's function, and the head of INIT. */
export const OP_LOAD = 1;
/** The event, the head, and how far the clock that the deadline is of is ahead of `monoMs`. */
export const OP_INVOKE = 2;
export const OP_TICK = 3;
export const OP_FETCH_DONE = 4;
/** Answers ms until the next timer (0 and up), WAITS_FOR_HOST, or SETTLED (possibly just now, because nothing was left). */
export const OP_POLL = 5;

export const WAITS_FOR_HOST = -1;
export const SETTLED = -2;
