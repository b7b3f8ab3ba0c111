/** Which poller watches which shard: rendezvous hashing over the live ones, so that a change of members moves only their share. Pure. */

/** FNV-1a with a final mix: even for names that differ in one digit. */
function hash32(text: string): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/** The member that watches `shard`; undefined when there is none. Every daemon with the same members comes to the same answer. */
export function watcherOf(shard: string, members: readonly string[]): string | undefined {
  let best: string | undefined;
  let bestScore = -1;
  for (const member of members) {
    const score = hash32(`${member}\n${shard}`);
    if (score > bestScore || (score === bestScore && best !== undefined && member < best)) {
      best = member;
      bestScore = score;
    }
  }
  return best;
}

interface Assigned {
  readonly mapping: { shards(): readonly unknown[] };
  readonly members: readonly string[];
}

/** Assigning is asked for at every heartbeat, and hardly ever has anything to do. */
export class AssignedBefore {
  #before: readonly { readonly mapping: unknown; readonly shards: unknown; readonly members: string }[] | null = null;

  /** Whether these are others than the last time; lists of shards are told apart by identity. */
  changes(mappings: readonly Assigned[]): boolean {
    const before = this.#before;
    const now = mappings.map(({ mapping, members }) => {
      const shards = mapping.shards();
      return { mapping, shards, members: members.join('\n') };
    });
    this.#before = now;
    return !(
      before?.length === now.length &&
      now.every(
        (one, i) =>
          one.mapping === before[i]!.mapping && one.shards === before[i]!.shards && one.members === before[i]!.members,
      )
    );
  }
}
