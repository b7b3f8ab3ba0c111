/**
 * The history of a fault test: what happened, as seen by the recorder, a process that shares nothing with Redis or Millrace.
 * One NDJSON line per event. `shard` is always `<mapping>/<shardId>`; positions are sequence numbers (decimal text).
 */
import { readFile } from 'node:fs/promises';

interface Base {
  /** Recorder's monotonic clock, ms: decides order. */
  readonly tMono: number;
  /** Recorder's wall clock, ms: only to place what carries Redis TIME (notices, arrivals). */
  readonly tWall: number;
  readonly run: string;
  readonly pid: number | null;
}

/** From the handler. One line for all records that it concerns. */
export interface AttemptLine extends Base {
  /** start: the attempt reached the handler. success, failure: the outcome will, or will not, settle these positions. */
  readonly kind: 'start' | 'effect' | 'success' | 'failure';
  readonly shard: string;
  readonly positions: readonly string[];
  readonly requestId: string;
  readonly attempt: number;
  readonly epoch: string;
}

/** An attempt line that the sink turned away, because it had seen a higher epoch of the shard. */
export interface RefusedLine extends Omit<AttemptLine, 'kind'> {
  readonly kind: 'refused';
  readonly was: AttemptLine['kind'];
}

/** From the producer: the source acknowledged these records. */
export interface AcceptedLine extends Base {
  readonly kind: 'accepted';
  readonly shard: string;
  readonly positions: readonly string[];
}

/** Read from Redis by the test. ack: what the source was told; `group` marker or `trim` (last position no longer there). */
export interface PositionLine extends Base {
  readonly kind: 'checkpoint' | 'ack';
  readonly shard: string;
  readonly position: string;
  readonly what?: 'group' | 'trim';
  readonly generation?: number;
}

/** Durable notices; gap: condition SourceGap. */
export interface NoticeLine extends Base {
  readonly kind: 'notice' | 'gap';
  readonly shard: string;
  readonly condition: string;
  readonly first: string;
  readonly last: string;
  readonly count: number;
  readonly requestId: string;
  readonly invokeCount: number;
}

/** Millrace said (log, counter) that these positions expired; each must have its notice. */
export interface ExpiredLine extends Base {
  readonly kind: 'expired';
  readonly shard: string;
  readonly positions: readonly string[];
}

/** Records that a shard knew when it was rewound, and that run again later (chaos/generations.ts). */
export interface KnownLine extends Base {
  readonly kind: 'known';
  readonly shard: string;
  readonly positions: readonly string[];
}

/** An operator rewound a shard. */
export interface RewindLine extends Base {
  readonly kind: 'rewind';
  readonly shard: string;
  /** The first record that runs again. */
  readonly first: string;
  /** Redis ms. */
  readonly atMs: number;
}

/** An operator is about to skip what is not settled of a shard up to a record. */
export interface SkipLine extends Base {
  readonly kind: 'skip';
  readonly shard: string;
  readonly last: string;
}

/** Records that the source had accepted and has no more, because it came back without its last writes. */
export interface SourceLostLine extends Base {
  readonly kind: 'source-lost';
  readonly shard: string;
  readonly positions: readonly string[];
}

/** A process took a shard. */
export interface LeaseLine extends Base {
  readonly kind: 'lease';
  readonly shard: string;
  readonly epoch: string;
}

export interface FaultLine extends Base {
  readonly kind: 'fault';
  readonly fault: string;
  readonly id: string;
  readonly phase: 'begin' | 'healed';
  /** Shards that it may have hit; '*': all. */
  readonly shards: '*' | readonly string[];
  /** A clean stop: explains no repeat. */
  readonly clean?: boolean;
  /** Redis lost acknowledged writes: positions may go back. */
  readonly lossy?: boolean;
}

/** SIGTERM was sent to `pid`; `pid` ended. */
export interface ProcessLine extends Base {
  readonly kind: 'term' | 'exit';
  readonly pid: number;
  readonly code?: number | null;
  /** Of an exit: wall ms at which the daemon itself said that it drains; a busy machine brings it the signal late. */
  readonly drainingAt?: number;
}

export interface ResourceLine extends Base {
  readonly kind: 'resource';
  readonly phase: 'baseline' | 'drained';
  /** What was measured: `rss:<role>`, `fds:<role>`, `redis:keys`, `redis:bytes`. */
  readonly name: string;
  readonly value: number;
}

export type HistoryLine =
  | AttemptLine
  | RefusedLine
  | AcceptedLine
  | PositionLine
  | NoticeLine
  | ExpiredLine
  | LeaseLine
  | KnownLine
  | RewindLine
  | SkipLine
  | SourceLostLine
  | FaultLine
  | ProcessLine
  | ResourceLine;

/** What a client sends: the recorder adds the rest. */
export type Unstamped<L extends HistoryLine = HistoryLine> = L extends HistoryLine
  ? Omit<L, 'tMono' | 'tWall' | 'run' | 'pid'> & { readonly pid?: number | null }
  : never;

/** Sequence numbers as text: by length, then by digits. */
export function comparePositions(a: string, b: string): number {
  if (a.length !== b.length) return a.length - b.length;
  return a < b ? -1 : a > b ? 1 : 0;
}

export async function readHistory(file: string): Promise<HistoryLine[]> {
  const text = await readFile(file, 'utf8');
  // The recorder writes whole lines in one call; a cut last line would be its own defect, and JSON.parse says so.
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as HistoryLine);
}
