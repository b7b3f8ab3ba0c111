/**
 * Script calls on the lean connection of the reader: a turn's settle is the one call that every batch costs, and most of what it cost
 * through ioredis was made of objects for its arguments and a write of its own.
 */
import { MillraceError } from '../errors.ts';
import type { Log } from '../observe/log.ts';
import { parseRedisUrl } from './address.ts';
import type { Redis } from './connect.ts';
import { encodeCommand, ReaderConnection } from './reader-connection.ts';
import type { Reply, ReplyItems } from './reader-reply.ts';
import type { ScriptArg, ScriptCaller } from './scripts.ts';

export interface ScriptLine extends ScriptCaller {
  close(): Promise<void>;
}

/**
 * Only for scripts that are harmless when they run twice: after a cut nobody knows whether the call arrived, and it is made again by way of
 * `redis`, which waits for the server to come back. Integers in replies come as text.
 */
export function createScriptLine(url: string, redis: Redis, options: { readonly log: Log }): ScriptLine {
  const connection = new ReaderConnection(parseRedisUrl(url, redis), options);
  return {
    async call(command, args) {
      if (args.some((arg) => Buffer.isBuffer(arg))) return redis.call(command, [...args]);
      let reply: Reply;
      try {
        reply = await connection.send(encodeCommand([command, ...args.map(textOf)]), 1);
      } catch (error) {
        if (error instanceof MillraceError && error.code === 'redis-unreachable') return redis.call(command, [...args]);
        throw error;
      }
      return valueAt(reply, { t: 0 });
    },
    close: () => connection.close(),
  };
}

function textOf(arg: ScriptArg): string {
  return typeof arg === 'string' ? arg : String(arg);
}

type Value = string | null | Value[];

/** The item at `at.t`, which is left behind it. @throws Error with the server's text, as ioredis does */
function valueAt({ buffer, items }: { readonly buffer: Buffer; readonly items: ReplyItems }, at: { t: number }): Value {
  const [a, b] = [items[2 * at.t]!, items[2 * at.t + 1]!];
  at.t++;
  if (a < 0) {
    const list: Value[] = [];
    for (let left = -1 - a; left > 0; left--) list.push(valueAt({ buffer, items }, at));
    return list;
  }
  if (b === -1) return null;
  if (b < -1) throw new Error(buffer.toString('utf8', a, a - 2 - b));
  return buffer.toString('utf8', a, a + b);
}
