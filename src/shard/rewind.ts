/** Making shards run again from earlier positions: one step for all of them, or as many as a script takes. */
import { type Act, AUDIT_LUA, auditArgs } from '../observe/audit.ts';
import type { EntryId } from '../record.ts';
import type { Redis } from '../redis/connect.ts';
import type { Keys } from '../redis/keys.ts';
import { loadScript } from '../redis/scripts.ts';

const script = loadScript(new URL('./lua/', import.meta.url), 'rewind-N.lua', { with: AUDIT_LUA });

export interface RewoundShard {
  readonly shardId: string;
  readonly key: string;
  readonly generation: number;
  /** 'child': it has nothing to run again and waits for those that have. */
  readonly kind: 'stream' | 'spool' | 'child';
  /** As found when it was planned. */
  readonly entriesRead: number;
  readonly checkpoint: EntryId;
  readonly records: number;
  /** Beside these: what lanes had settled above the checkpoint. */
  readonly above: number;
  readonly first: EntryId | null;
}

export type Rewound =
  | { readonly kind: 'ok'; readonly records: number }
  /** Nothing was changed: what was found of a shard is no longer so. */
  | { readonly kind: 'moved' };

/** `act`: with the first step, which it is audited as. */
export async function rewindShards(
  redis: Redis,
  keys: Keys,
  mapping: string,
  shards: readonly RewoundShard[],
  act: Act | null,
): Promise<Rewound> {
  const reply = await script.run(
    redis,
    [keys.audit(), ...shards.flatMap(({ shardId, key }) => [keys.shard(mapping, shardId), key])],
    [
      ...[act ? '1' : '', ...auditArgs(act ?? { command: '', detail: '' }), keys.group(mapping)],
      ...shards.flatMap((s) => [s.kind, s.generation, s.entriesRead, s.checkpoint, s.records, s.first ?? '', s.above]),
    ],
  );
  const [kind, records] = reply as [Rewound['kind'], string];
  return kind === 'ok' ? { kind, records: Number(records) } : { kind };
}
