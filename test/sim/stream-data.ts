/** A stream of the model of Redis: entries, what was ever added, and the groups that stand somewhere in it. */
import { compareIds, type EntryId, nextId } from '../../src/record.ts';
import { type Reply, ReplyError } from './reply.ts';

export interface Entry {
  readonly id: EntryId;
  readonly fields: readonly string[];
}

export class StreamData {
  entries: Entry[] = [];
  added = 0;
  lastId: EntryId = '0-0';
  maxDeleted: EntryId = '0-0';
  readonly groups = new Map<string, { last: EntryId; read: number }>();

  add(given: string, nowMs: number, fields: readonly string[]): string {
    const id = given === '*' ? this.#newId(nowMs) : given;
    if (compareIds(id, this.lastId) <= 0) {
      throw new ReplyError('ERR The ID specified in XADD is equal or smaller than the target stream top item');
    }
    this.entries.push({ id, fields });
    this.lastId = id;
    this.added++;
    return id;
  }

  #newId(nowMs: number): EntryId {
    return Number(this.lastId.split('-')[0]) >= nowMs ? nextId(this.lastId) : `${nowMs}-0`;
  }

  range(from: string, to: string, count = Infinity): Entry[] {
    const found: Entry[] = [];
    for (let i = this.#indexFrom(from); i < this.entries.length && found.length < count; i++) {
      if (to !== '+' && compareIds(this.entries[i]!.id, to) > 0) break;
      found.push(this.entries[i]!);
    }
    return found;
  }

  #indexFrom(from: string): number {
    if (from === '-') return 0;
    const [open, id] = from.startsWith('(') ? [true, from.slice(1)] : [false, from];
    const index = this.entries.findIndex((entry) => compareIds(entry.id, id) >= (open ? 1 : 0));
    return index < 0 ? this.entries.length : index;
  }

  trimBelow(id: EntryId): number {
    return this.#drop(this.#indexFrom(id));
  }

  trimTo(length: number): number {
    return this.#drop(Math.max(0, this.entries.length - length));
  }

  #drop(count: number): number {
    // Trimming, unlike XDEL, leaves max-deleted-entry-id as it is.
    this.entries.splice(0, count);
    return count;
  }

  info(): Reply {
    const entry = (e: Entry | undefined): Reply => (e ? [e.id, [...e.fields]] : null);
    return [
      ...['length', this.entries.length, 'radix-tree-keys', 1, 'radix-tree-nodes', 2],
      ...['last-generated-id', this.lastId, 'max-deleted-entry-id', this.maxDeleted, 'entries-added', this.added],
      ...['recorded-first-entry-id', this.entries[0]?.id ?? '0-0', 'groups', this.groups.size],
      ...['first-entry', entry(this.entries[0]), 'last-entry', entry(this.entries.at(-1))],
    ];
  }
}
