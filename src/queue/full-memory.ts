/**
 * With Redis' memory full, settling is what frees it again, so turns must go on: BullMQ's scripts get the flag that ours have
 * (architecture: intake stops first). Its jobs are one small hash per shard with work; records do not come in this way.
 */
import type { Redis } from 'ioredis';

const prepared = new WeakSet<Redis>();

/** For a connection that BullMQ registers its scripts on; doing it twice is harmless. */
export function allowWhenFull(connection: Redis): Redis {
  if (prepared.has(connection)) return connection;
  prepared.add(connection);
  const define = connection.defineCommand.bind(connection);
  connection.defineCommand = (name, definition) =>
    define(name, { ...definition, lua: `#!lua flags=allow-oom\n${definition.lua}` });
  return connection;
}
