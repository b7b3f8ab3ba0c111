/** When something of a watched shard would expire without an attempt, and giving it up at that time (contract.md, "Failure notices"). */
import { agesFromMs } from '../ageing.ts';
import { idIsTime } from '../arrival.ts';
import { EXPIRE_AT_ONCE } from '../limits.ts';
import { type EntryId, idMs } from '../record.ts';
import type { ShardView } from '../shard/sweep.ts';
import { type ExpireDeps, expireShard } from '../turn/expire.ts';
import type { HandBack } from '../turn/settings.ts';
import type { PolledShard } from './polled-shard.ts';

/** Redis ms; 0: nothing, however late. */
export function expiryOf(polled: PolledShard, view: ShardView, nowMs: number): number {
  // Beside lanes that wait others may have unread records: then it is early, and a look says when it is.
  const unread = view.nextId !== null && (!view.unitPending || view.freeFrom !== '');
  const ofUnread = unread ? expiryOfUnread(polled, view.nextId!, nowMs) : 0;
  return view.expiresAt > 0 && ofUnread > 0 ? Math.min(view.expiresAt, ofUnread) : Math.max(view.expiresAt, ofUnread);
}

/** Of a record that no turn has seen: by its id, if that is a time; else a first look has to note when it was seen, and says when it expires. */
export function expiryOfUnread(polled: PolledShard, first: EntryId, nowMs: number): number {
  const { policy, firstSeen } = polled.mapping.settings();
  const { age } = policy;
  if (age.kind !== 'strict' || age.ageMs === null) return 0;
  if (!firstSeen && idIsTime(first, nowMs))
    return agesFromMs(first, idMs(first), polled.view?.ageing ?? null) + age.ageMs;
  return polled.expiresAt > nowMs ? polled.expiresAt : nowMs;
}

export class Expiring {
  readonly #deps: ExpireDeps;
  readonly #busy = new Set<string>();

  constructor(deps: ExpireDeps) {
    this.#deps = deps;
  }

  /** Gives up what is due, some shards side by side; `ended` hears where each of them stands. `alive`: ids of the daemons that are. */
  async round(
    shards: Iterable<PolledShard>,
    nowMs: number,
    alive: ReadonlySet<string>,
    ended: (polled: PolledShard, back: HandBack) => void,
  ): Promise<void> {
    const due: PolledShard[] = [];
    for (const polled of shards) {
      if (polled.expiresAt > 0 && polled.expiresAt <= nowMs && !this.#busy.has(polled.id)) due.push(polled);
      if (due.length === EXPIRE_AT_ONCE) break;
    }
    await Promise.all(due.map((polled) => this.#expire(polled, deadOwner(polled, alive), ended)));
  }

  async #expire(
    polled: PolledShard,
    dead: string,
    ended: (polled: PolledShard, back: HandBack) => void,
  ): Promise<void> {
    const { expiresAt } = polled;
    this.#busy.add(polled.id);
    try {
      const back = await expireShard(this.#deps, polled.mapping, polled.shard, dead);
      if (back) ended(polled, back);
      // Somebody has it, or its parents come first: it makes room for others until the next look.
      else if (polled.expiresAt === expiresAt) polled.expiresAt = 0;
    } finally {
      this.#busy.delete(polled.id);
    }
  }
}

/** Whoever had the shard when it was last looked at, if that daemon is gone: it will not settle anything any more. */
function deadOwner({ view }: PolledShard, alive: ReadonlySet<string>): string {
  return view && view.owner !== '' && !alive.has(view.owner) ? view.owner : '';
}
