/**
 * Lua scripts as files: one file per atomic step, the number of its keys in the file's name (`settle-6.lua`, or `trim-N.lua` where the
 * number varies), KEYS, ARGV and replies in the file's header. Runs by EVALSHA; a server that does not know the script yet (first use,
 * SCRIPT FLUSH, fail-over) is sent its text.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Redis } from 'ioredis';

export type ScriptArg = string | number | Buffer;

/** A connection, as far as scripts need one: ioredis, or a ScriptLine. */
export interface ScriptCaller {
  call(command: string, args: readonly ScriptArg[]): Promise<unknown>;
}

export interface Script {
  readonly name: string;
  readonly lua: string;
  readonly sha1: string;
  /** null: any number (`-N`). */
  readonly numberOfKeys: number | null;
  /** Replies as strings, integers, null and arrays of these. Rejects with the server's error. */
  run(redis: Redis | ScriptCaller, keys: readonly string[], args: readonly ScriptArg[]): Promise<unknown>;
  /** The same with Buffers in place of strings. */
  runBuffer(redis: Redis, keys: readonly string[], args: readonly ScriptArg[]): Promise<unknown>;
}

/**
 * `loadScript(new URL('./lua/', import.meta.url), 'settle-6.lua')`; reads the file at once, so call it when the module loads.
 * `with`: functions that it uses, as Lua.
 */
export function loadScript(
  dir: URL,
  fileName: string,
  options: { readonly aboveMaxmemory?: false; readonly with?: string } = {},
): Script {
  const match = /^([a-z0-9-]+)-(\d+|N)\.lua$/.exec(fileName);
  if (!match) throw new Error(`${fileName}: a script's file name ends with its number of keys, like settle-6.lua`);
  const written = readFileSync(new URL(fileName, dir), 'utf8');
  // The same step for callers that add more than they free: above `maxmemory` it is refused as a whole.
  const flagged = options.aboveMaxmemory === false ? written.replace(/^#!lua flags=allow-oom\n/, '#!lua\n') : written;
  const lua = options.with === undefined ? flagged : flagged.replace(/^#!lua.*\n/, (first) => first + options.with);
  const sha1 = createHash('sha1').update(lua).digest('hex');
  const name = match[1]!;
  const numberOfKeys = match[2] === 'N' ? null : Number(match[2]);

  async function evaluate(
    call: (command: string, args: ScriptArg[]) => Promise<unknown>,
    keys: readonly string[],
    args: readonly ScriptArg[],
  ) {
    if (numberOfKeys !== null && keys.length !== numberOfKeys) {
      throw new Error(`${fileName} takes ${numberOfKeys} keys, got ${keys.length}`);
    }
    const rest = [keys.length, ...keys, ...args];
    try {
      return await call('EVALSHA', [sha1, ...rest]);
    } catch (error) {
      // The refused EVALSHA ran nothing, so sending the text is no second run.
      if (error instanceof Error && error.message.startsWith('NOSCRIPT')) return await call('EVAL', [lua, ...rest]);
      throw error;
    }
  }

  return {
    name,
    lua,
    sha1,
    numberOfKeys,
    run: (redis, keys, args) => evaluate((command, rest) => redis.call(command, rest), keys, args),
    runBuffer: (redis, keys, args) => evaluate((command, rest) => redis.callBuffer(command, rest), keys, args),
  };
}
