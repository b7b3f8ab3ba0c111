/**
 * Puts records into a stream from inside a process: batched, in order, each once (put-session.ts says how).
 *
 * Guaranteed: records are accepted in the order of the `put` calls, so what is accepted is a prefix of what was put; a lost connection,
 * a restart of the server, a split or a merge neither doubles nor reorders one. Not guaranteed: after a failure (`unknown` above 0) whether
 * the batches that were on the way were taken; what another producer with the same partition keys does meanwhile; and a server that loses
 * writes it acknowledged (appendfsync everysec, asynchronous replicas) is noticed only by a producer that still has something to put.
 */
import { PUT_BATCH_BYTES, PUT_BATCH_RECORDS, PUT_IN_FLIGHT, PUT_TIMEOUT_MS } from '../../src/limits.ts';
import type { Log } from '../../src/observe/log.ts';
import { connectRedis, disconnect } from '../../src/redis/connect.ts';
import type { Keys } from '../../src/redis/keys.ts';
import { emptyBatch } from './put-batch.ts';
import { PutSession } from './put-session.ts';

export interface ProducerOptions {
  /** Redis URL; the producer has a connection of its own. */
  readonly url: string;
  readonly keys: Keys;
  /** A sharded stream if one of that name was created, else the plain key. */
  readonly stream: string;
  /** Without an answer for this long the producer fails with `put-interrupted`. */
  readonly timeoutMs?: number;
  readonly log?: Log;
}

export interface PutReport {
  /** Records that are in the stream: the first that many of those put. */
  readonly accepted: number;
  /** The next that many were sent and not answered: in the stream or not. */
  readonly unknown: number;
}

export interface Producer {
  /** The stream is a plain Redis key, not a sharded stream. */
  readonly plain: boolean;
  /**
   * Takes a record. A promise means: wait for it before the next put (back-pressure). `null` as the key: none on a plain stream, the MD5 of
   * the data on a sharded one. Throws or rejects once the producer has failed.
   */
  put(partitionKey: string | null, data: string | Buffer): void | Promise<void>;
  /** Resolves when everything put so far is accepted. */
  flush(): Promise<{ accepted: number }>;
  report(): PutReport;
  /** Sends nothing more, waits at most `waitMs` for what is on the way, and disconnects. */
  abort(waitMs: number): Promise<PutReport>;
  /** Flushes and disconnects. */
  close(): Promise<PutReport>;
}

export async function createProducer(options: ProducerOptions): Promise<Producer> {
  const redis = await connectRedis(options.url, { role: 'producer', ...(options.log ? { log: options.log } : {}) });
  let open = emptyBatch();
  let scheduled = false;
  const { keys, stream, timeoutMs = PUT_TIMEOUT_MS } = options;
  const session = await PutSession.open({ redis, keys, stream, timeoutMs, onProgress }).catch((error: unknown) => {
    disconnect(redis);
    throw error;
  });

  function onProgress(): void {
    // A failed producer must not re-send when the server is back: what it reported as unknown would become known behind its back.
    if (session.failure) disconnect(redis);
    else if (session.pendingBatches === 0) submit();
  }

  function submit(): void {
    if (open.data.length === 0 || session.failure) return;
    const batch = open;
    open = emptyBatch();
    session.submit(batch);
  }

  /** With nothing on the way a record leaves at the end of this tick; else with the next answer, or when the batch is full. */
  function schedule(): void {
    if (scheduled || session.pendingBatches > 0) return;
    scheduled = true;
    setImmediate(() => {
      scheduled = false;
      if (session.pendingBatches === 0) submit();
    });
  }

  const report = (): PutReport => ({ accepted: session.accepted, unknown: session.unknown });

  return {
    plain: session.isPlain,
    put(partitionKey, data) {
      if (session.failure) throw session.failure;
      open.partitionKeys.push(partitionKey);
      open.data.push(data);
      open.bytes += data.length + (partitionKey?.length ?? 0);
      if (open.data.length < PUT_BATCH_RECORDS && open.bytes < PUT_BATCH_BYTES) return schedule();
      submit();
      if (session.pendingBatches > PUT_IN_FLIGHT) return session.waitFor(PUT_IN_FLIGHT);
    },
    async flush() {
      submit();
      await session.waitFor(0);
      return { accepted: session.accepted };
    },
    report,
    async abort(waitMs) {
      open = emptyBatch();
      await session.stop(waitMs);
      const result = report();
      disconnect(redis);
      return result;
    },
    async close() {
      submit();
      await session.waitFor(0);
      await session.close();
      disconnect(redis);
      return report();
    },
  };
}
