/** All watches of a poller, spread over groups. */
import type { Redis } from '../redis/connect.ts';
import { WATCH_GROUP_SHARDS } from '../limits.ts';
import type { Log } from '../observe/log.ts';
import type { EntryId } from '../record.ts';
import type { Clock } from '../time.ts';
import { type Watch, WatchGroup } from './group.ts';

export interface WatcherDeps {
  readonly connect: () => Redis;
  readonly control: Redis;
  readonly clock: Clock;
  readonly log: Log;
  readonly onRecord: (id: string, first: EntryId) => void;
}

export class Watcher {
  readonly #deps: WatcherDeps;
  readonly #groups: WatchGroup[] = [];
  readonly #groupOf = new Map<string, WatchGroup>();

  constructor(deps: WatcherDeps) {
    this.#deps = deps;
  }

  /** Begins a watch, or moves it. A shard stays with its group, so that a busy one does not disturb several. */
  watch(watch: Watch): void {
    let group = this.#groupOf.get(watch.id);
    if (!group) {
      group = this.#groups.find((g) => this.#members(g) < WATCH_GROUP_SHARDS) ?? this.#open();
      this.#groupOf.set(watch.id, group);
      this.#count.set(group, this.#members(group) + 1);
    }
    group.add(watch);
  }

  /** Ends a watch for good (the shard belongs to another poller, or is settled to its end). */
  forget(id: string): void {
    const group = this.#groupOf.get(id);
    if (!group) return;
    group.remove(id);
    this.#groupOf.delete(id);
    this.#count.set(group, this.#members(group) - 1);
  }

  /** Pauses a watch; its place in the group stays. */
  pause(id: string): void {
    this.#groupOf.get(id)?.remove(id);
  }

  close(): void {
    for (const group of this.#groups) group.close();
  }

  readonly #count = new Map<WatchGroup, number>();
  #members(group: WatchGroup): number {
    return this.#count.get(group) ?? 0;
  }

  #open(): WatchGroup {
    const { connect, control, clock, log, onRecord } = this.#deps;
    const onFound = (watch: Watch, first: EntryId) => onRecord(watch.id, first);
    const group = new WatchGroup({ connection: connect(), control, clock, log, onRecord: onFound });
    this.#groups.push(group);
    return group;
  }
}
