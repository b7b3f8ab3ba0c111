/** What a simulated daemon has of Redis: a client, the line that settles go by, and the reader, whose replies are the server's bytes. */
import { MillraceError } from '../../src/errors.ts';
import type { Redis } from '../../src/redis/connect.ts';
import type { RangeReader } from '../../src/redis/reader.ts';
import { RANGE_REPLY_ITEMS, toRawBatch } from '../../src/redis/reader-batch.ts';
import { ReplyScanner } from '../../src/redis/reader-reply.ts';
import type { ScriptArg, ScriptCaller } from '../../src/redis/scripts.ts';
import { callOf } from './calls.ts';
import type { DaemonProcess } from './daemon-process.ts';
import { type Reply, ReplyError, Status, type Value, valueOf } from './reply.ts';

export interface Server {
  run(command: readonly string[]): Reply;
  /** Text of a script that it knows. */
  script(sha1: string): string | undefined;
}

export interface RedisPorts {
  readonly redis: Redis;
  readonly settleBy: ScriptCaller;
  readonly reader: RangeReader;
}

/** `part`: of the daemon, before the names of its calls, e.g. `turn: script settle`. */
export function redisPorts(daemon: DaemonProcess, server: Server, part: string): RedisPorts {
  const send = (given: readonly ScriptArg[]): Promise<Value> => {
    const command = given.map(String);
    const call = callOf(command, (sha1) => server.script(sha1));
    return daemon.ask(call && `${part}: ${call}`, () => valueOf(server.run(command)));
  };
  const client = {
    call: (command: string, args: readonly ScriptArg[]) => send([command, ...args]),
    hmget: (...args: string[]) => send(['HMGET', ...args]),
  };
  return {
    redis: client as unknown as Redis,
    // As redis/script-line.ts: what nobody answered is sent again by the other connection.
    settleBy: {
      async call(command, args) {
        try {
          return await send([command, ...args]);
        } catch (error) {
          if (error instanceof MillraceError && error.code === 'redis-unreachable')
            return await send([command, ...args]);
          throw error;
        }
      },
    },
    reader: {
      readAfter: (key, after, count, upTo) =>
        daemon.ask(`${part}: reader readAfter`, () => {
          const entries = server.run(['XRANGE', key, `(${after}`, upTo ?? '+', 'COUNT', String(count)]);
          const bytes = Buffer.from(
            `+OK\r\n+QUEUED\r\n+QUEUED\r\n${resp([entries, server.run(['XINFO', 'STREAM', key])])}`,
          );
          const scanner = new ReplyScanner();
          scanner.begin(RANGE_REPLY_ITEMS);
          scanner.push(bytes);
          return toRawBatch(scanner.next()!);
        }),
      close: () => Promise.resolve(),
    },
  };
}

function resp(reply: Reply): string {
  if (reply === null) return '$-1\r\n';
  if (typeof reply === 'number') return `:${reply}\r\n`;
  if (reply instanceof Status) return `+${reply.text}\r\n`;
  if (reply instanceof ReplyError) return `-${reply.message}\r\n`;
  if (Array.isArray(reply)) return `*${reply.length}\r\n${reply.map(resp).join('')}`;
  return `$${Buffer.byteLength(reply)}\r\n${reply}\r\n`;
}
