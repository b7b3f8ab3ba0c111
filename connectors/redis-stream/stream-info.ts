/** XINFO STREAM as an object. */
import type { EntryId } from '../../src/record.ts';
import type { Redis } from '../../src/redis/connect.ts';
import { wrongTypeOr } from './topology.ts';

export interface StreamInfo {
  readonly length: number;
  /** Ever added, whatever became of them. */
  readonly entriesAdded: number;
  /** The highest id the stream ever had; the maximum for a sealed one. */
  readonly lastGeneratedId: EntryId;
  /** Of the entries that are there; null when there is none. */
  readonly firstId: EntryId | null;
  readonly lastId: EntryId | null;
}

/** null: no such key. Rejects with `stream-wrong-type`. */
export async function readStreamInfo(redis: Redis, key: string): Promise<StreamInfo | null> {
  let reply: unknown[];
  try {
    // As Buffers: the reply carries the data of two entries, which may be no text.
    reply = (await redis.callBuffer('XINFO', ['STREAM', key])) as unknown[];
  } catch (error) {
    if (error instanceof Error && /no such key/.test(error.message)) return null;
    throw wrongTypeOr(error, key, 'a stream');
  }
  const fields = new Map<string, unknown>();
  for (let i = 0; i + 1 < reply.length; i += 2) fields.set(String(reply[i]), reply[i + 1]);
  return {
    length: Number(fields.get('length')),
    entriesAdded: Number(fields.get('entries-added')),
    lastGeneratedId: String(fields.get('last-generated-id')),
    firstId: idOf(fields.get('first-entry')),
    lastId: idOf(fields.get('last-entry')),
  };
}

function idOf(entry: unknown): EntryId | null {
  return Array.isArray(entry) ? String(entry[0]) : null;
}
