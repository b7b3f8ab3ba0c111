/** How much waits in a shard: whether a batch is full before its batching window has passed. */
import type { Redis } from '../redis/connect.ts';
import type { EntryId } from '../record.ts';
import { loadScript } from '../redis/scripts.ts';
import { SPOOL_LUA } from '../spool-block.ts';

const script = loadScript(new URL('./lua/', import.meta.url), 'measure-1.lua', { with: SPOOL_LUA });

export interface Measure {
  readonly records: number;
  readonly bytes: number;
  readonly last: EntryId | null;
}

/** Looks at the records after `after`, at most `count`; call again from `last` for the next ones, so that none is weighed twice. */
export async function measureBacklog(
  redis: Redis,
  { key, spooled }: { readonly key: string; readonly spooled?: boolean },
  after: EntryId,
  count: number,
): Promise<Measure> {
  const reply = await script.run(redis, [key], [after, count, spooled ? '1' : '']);
  const [records, bytes, last] = reply as [number, number, string];
  return { records, bytes, last: last === '' ? null : last };
}
