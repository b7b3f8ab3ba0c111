/** A model of Redis in this process: the commands that turns, sweeps and their scripts send, over plain maps. Compared with the real one by memory-redis.test.ts. */
import { createHash } from 'node:crypto';
import { LuaScripts } from './lua.ts';
import { type Reply, ReplyError, Status } from './reply.ts';
import { StreamData } from './stream-data.ts';

type Data = string | Map<string, string> | Set<string> | StreamData;
type Args = readonly string[];

const OK = new Status('OK');
const lua = new LuaScripts();

export class MemoryRedis {
  readonly #data = new Map<string, Data>();
  /** Texts by their SHA-1. A new server knows none, so that each seed begins alike. */
  readonly #scripts = new Map<string, string>();
  readonly #nowUs: () => number;
  readonly #published: (channel: string, message: string) => void;

  /** @param nowUs microseconds since the epoch */
  constructor(nowUs: () => number, published: (channel: string, message: string) => void = () => undefined) {
    this.#nowUs = nowUs;
    this.#published = published;
  }

  /** One command, atomically. Errors are replies. */
  run(command: Args): Reply {
    const [name, ...args] = command;
    try {
      if (/^EVAL/i.test(name!)) return this.#evaluate(name!.toUpperCase(), args);
      const act = COMMANDS[name!.toUpperCase()];
      if (!act) throw new Error(`the model of Redis has no ${command.join(' ')}`);
      return act(this, args);
    } catch (error) {
      if (error instanceof ReplyError) return error;
      throw error;
    }
  }

  #evaluate(name: string, [script, count, ...rest]: Args): Reply {
    const sha1 = name === 'EVAL' ? createHash('sha1').update(script!).digest('hex') : script!;
    if (name === 'EVAL') this.#scripts.set(sha1, script!);
    const text = this.#scripts.get(sha1);
    if (text === undefined) throw new ReplyError('NOSCRIPT No matching script. Please use EVAL.');
    const keys = rest.slice(0, Number(count));
    return lua.run(sha1, text, keys, rest.slice(Number(count)), (command) => this.run(command));
  }

  script(sha1: string): string | undefined {
    return this.#scripts.get(sha1);
  }

  get nowUs(): number {
    return Math.floor(this.#nowUs());
  }

  get nowMs(): number {
    return Math.floor(this.nowUs / 1_000);
  }

  publish(channel: string, message: string): void {
    this.#published(channel, message);
  }

  typeOf(key: string): string {
    const data = this.#data.get(key);
    if (data === undefined) return 'none';
    if (typeof data === 'string') return 'string';
    return data instanceof Map ? 'hash' : data instanceof Set ? 'set' : 'stream';
  }

  delete(key: string): boolean {
    return this.#data.delete(key);
  }

  set(key: string, value: string): void {
    this.#data.set(key, value);
  }

  string(key: string): string | null {
    const data = this.#data.get(key);
    if (data !== undefined && typeof data !== 'string') throw wrongType();
    return data ?? null;
  }

  hash(key: string): Map<string, string> | undefined {
    const data = this.#data.get(key);
    if (data !== undefined && !(data instanceof Map)) throw wrongType();
    return data;
  }

  members(key: string): Set<string> | undefined {
    const data = this.#data.get(key);
    if (data !== undefined && !(data instanceof Set)) throw wrongType();
    return data;
  }

  stream(key: string): StreamData | undefined {
    const data = this.#data.get(key);
    if (data !== undefined && !(data instanceof StreamData)) throw wrongType();
    return data;
  }

  made<T extends Data>(key: string, found: T | undefined, make: () => T): T {
    const data = found ?? make();
    this.#data.set(key, data);
    return data;
  }
}

const wrongType = () => new ReplyError('WRONGTYPE Operation against a key holding the wrong kind of value');
const noSuchKey = () => new ReplyError('ERR no such key');

const hashOf = (r: MemoryRedis, key: string) => r.made(key, r.hash(key), () => new Map<string, string>());

function streamOf(r: MemoryRedis, key: string): StreamData {
  const stream = r.stream(key);
  if (!stream) throw noSuchKey();
  return stream;
}

function setFields(r: MemoryRedis, [key, ...pairs]: Args): Reply {
  const hash = hashOf(r, key!);
  const before = hash.size;
  for (let i = 0; i < pairs.length; i += 2) hash.set(pairs[i]!, pairs[i + 1]!);
  return hash.size - before;
}

function range(r: MemoryRedis, [key, from, to, ...options]: Args): Reply {
  const count = options[0]?.toUpperCase() === 'COUNT' ? Number(options[1]) : Infinity;
  const entries = r.stream(key!)?.range(from!, to!, count) ?? [];
  return entries.map(({ id, fields }) => [id, [...fields]]);
}

function lastOf(r: MemoryRedis, [key]: Args): Reply {
  const entry = r.stream(key!)?.entries.at(-1);
  return entry ? [[entry.id, [...entry.fields]]] : [];
}

function trim(r: MemoryRedis, [key, how, ...rest]: Args): Reply {
  const threshold = rest.find((word) => word !== '=' && word !== '~')!;
  const stream = r.stream(key!);
  if (!stream) return 0;
  return how!.toUpperCase() === 'MINID' ? stream.trimBelow(threshold) : stream.trimTo(Number(threshold));
}

function group(r: MemoryRedis, [what, key, name, id, , read]: Args): Reply {
  const stream = r.stream(key!);
  if (!stream) throw new ReplyError('ERR The XGROUP subcommand requires the key to exist.');
  const there = stream.groups.has(name!);
  if (what!.toUpperCase() === 'CREATE') {
    if (there) throw new ReplyError('BUSYGROUP Consumer Group name already exists');
  } else if (!there) throw new ReplyError(`NOGROUP No such consumer group '${name}' for key name '${key}'`);
  stream.groups.set(name!, { last: id!, read: Number(read) });
  return OK;
}

function deleteFields(r: MemoryRedis, [key, ...names]: Args): Reply {
  const hash = r.hash(key!);
  const gone = names.filter((name) => hash?.delete(name)).length;
  // Redis keeps no empty hash.
  if (hash?.size === 0) r.delete(key!);
  return gone;
}

const COMMANDS: Readonly<Record<string, (r: MemoryRedis, args: Args) => Reply>> = {
  TIME: (r) => [String(Math.floor(r.nowUs / 1_000_000)), String(r.nowUs % 1_000_000)],
  GET: (r, [key]) => r.string(key!),
  SET: (r, [key, value]) => {
    r.set(key!, value!);
    return OK;
  },
  DEL: (r, keys) => keys.filter((key) => r.delete(key)).length,
  EXISTS: (r, keys) => keys.filter((key) => r.typeOf(key) !== 'none').length,
  TYPE: (r, [key]) => new Status(r.typeOf(key!)),
  HSET: setFields,
  HDEL: deleteFields,
  HGET: (r, [key, name]) => r.hash(key!)?.get(name!) ?? null,
  HMGET: (r, [key, ...names]) => names.map((name) => r.hash(key!)?.get(name) ?? null),
  HGETALL: (r, [key]) => [...(r.hash(key!) ?? [])].flat(),
  HSETNX: (r, [key, name, value]) => {
    const hash = hashOf(r, key!);
    if (hash.has(name!)) return 0;
    hash.set(name!, value!);
    return 1;
  },
  SADD: (r, [key, ...names]) => {
    const set = r.made(key!, r.members(key!), () => new Set<string>());
    const before = set.size;
    for (const name of names) set.add(name);
    return set.size - before;
  },
  // Scores are all 0 here.
  ZADD: (r, [key, , name]) => COMMANDS['SADD']!(r, [key!, name!]),
  XADD: (r, [key, id, ...fields]) => r.made(key!, r.stream(key!), () => new StreamData()).add(id!, r.nowMs, fields),
  XLEN: (r, [key]) => r.stream(key!)?.entries.length ?? 0,
  XRANGE: range,
  XREVRANGE: lastOf,
  XTRIM: trim,
  XINFO: (r, [, key]) => streamOf(r, key!).info(),
  XGROUP: group,
  MEMORY: (r, [, key]) => (r.typeOf(key!) === 'none' ? null : 1_000),
  LLEN: (r, [key]) => {
    if (r.typeOf(key!) !== 'none') throw wrongType();
    return 0;
  },
  PUBLISH: (r, [channel, message]) => {
    r.publish(channel!, message!);
    return 0;
  },
};
