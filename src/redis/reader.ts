/**
 * The lean reader of the hot path: a batch of records and the facts of their stream in one atomic view and one round trip.
 * ioredis makes several objects per record, which costs a fast loop most of its time (architecture.md §2); here a reply stays bytes.
 */
import type tls from 'node:tls';
import type { Log } from '../observe/log.ts';
import { AFTER_ALL, type EntryId } from '../record.ts';
import type { Redis } from './connect.ts';
import { RANGE_REPLY_ITEMS, type RawBatch, RedisReplyError, toRawBatch } from './reader-batch.ts';
import { parseRedisUrl } from './address.ts';
import { encodeCommand, ReaderConnection } from './reader-connection.ts';
import { ReplyTooLarge } from './reader-reply.ts';
import { loadScript } from './scripts.ts';

export interface RangeReader {
  /**
   * At most `count` records (without `upTo` fewer, where so many would be too large a reply) with ids in (after, upTo], oldest first, as they were at one instant together with the stream's facts.
   * A key that does not exist: `stream.exists` false, count 0. Reads are pipelined over one connection and may be repeated freely.
   * @throws RedisReplyError with the server's text (wrong type, no permission); MillraceError `redis-unreachable` on a cut or timeout
   */
  readAfter(key: string, after: EntryId, count: number, upTo?: EntryId): Promise<RawBatch>;
  close(): Promise<void>;
}

export interface ReaderOptions {
  readonly log: Log;
  /** Of the same URL; needed where Sentinels name the server: this one is where that one is. */
  readonly redis?: Redis;
  /** Certificates for rediss:// beyond the system's. */
  readonly tls?: tls.ConnectionOptions;
  readonly timeoutMs?: number;
}

const REMEMBERED_KEYS_MAX = 10_000;
const MULTI = encodeCommand(['MULTI']);
const EXEC = encodeCommand(['EXEC']);
const PING = encodeCommand(['PING']);
/** Slower than MULTI, because Redis makes Lua values of every record; used only where MULTI is refused. */
const rangeScript = loadScript(new URL('./lua/', import.meta.url), 'range-1.lua');

/** @param url as `parseRedisUrl` takes it */
export function createReader(url: string, options: ReaderOptions): RangeReader {
  const connection = new ReaderConnection(parseRedisUrl(url, options.redis), options);
  /** Keys whose records have so many small fields that a read of many is too large, and how many at a time are not. */
  const fewer = new Map<string, number>();
  async function read(key: string, after: EntryId, count: number, upTo?: EntryId): Promise<RawBatch> {
    // Nothing lies after the last possible id, and Redis refuses it as an exclusive start.
    const range = after === AFTER_ALL ? ['+', '-'] : [`(${after}`, upTo ?? '+'];
    const xrange = encodeCommand(['XRANGE', key, ...range, 'COUNT', String(count)]);
    const xinfo = encodeCommand(['XINFO', 'STREAM', key]);
    try {
      return toRawBatch(await connection.send(MULTI + xrange + xinfo + EXEC, RANGE_REPLY_ITEMS));
    } catch (error) {
      if (!(error instanceof RedisReplyError) || !error.message.startsWith('OOM')) throw error;
      const script = encodeCommand(['EVAL', rangeScript.lua, '1', key, ...range, String(count)]);
      // Three replies in front stand for those to MULTI and to what it queues.
      return toRawBatch(await connection.send(PING + PING + PING + script, RANGE_REPLY_ITEMS));
    }
  }
  return {
    async readAfter(key, after, count, upTo) {
      // What is read by both its ends came through in one reply before, and fewer records would mean that some are gone.
      if (upTo !== undefined) return await read(key, after, count, upTo);
      for (let n = Math.min(count, fewer.get(key) ?? count); ; n = Math.ceil(n / 4)) {
        try {
          return await read(key, after, n);
        } catch (error) {
          if (!(error instanceof ReplyTooLarge) || n === 1) throw error;
          // The connection was given up with it, and others' reads; that happens few times in a daemon's life.
          if (fewer.size >= REMEMBERED_KEYS_MAX) fewer.clear();
          fewer.set(key, Math.ceil(n / 4));
        }
      }
    },
    close: () => connection.close(),
  };
}
