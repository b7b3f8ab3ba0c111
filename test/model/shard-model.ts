/** The plain model of a shard that its scripts are compared with, and what every step of a history does after it acted. */
import type fc from 'fast-check';
import type { Redis } from 'ioredis';
import { expect } from 'vitest';
import { compareIds, type EntryId } from '../../src/record.ts';
import { Keys } from '../../src/redis/keys.ts';
import type { Settlement } from '../../src/shard/settle.ts';
import type { Holding } from '../../src/shard/take.ts';

export const keys = new Keys('t');
export const COUNTERS = ['succeeded', 'expired', 'givenUp', 'filtered', 'lostBySource'] as const;

export interface Holder {
  readonly holding: Holding;
  last: Settlement | null;
}

export interface Model {
  checkpoint: EntryId;
  read: number;
  generation: number;
  revision: number;
  done: boolean;
  owner: string;
  epoch: string;
  holder: Holder | null;
  paused: boolean;
  pauses: number;
  /** By an operator, since the shard was taken. */
  changed: boolean;
  redelivered: number;
  readonly holders: Holder[];
  readonly counts: Record<(typeof COUNTERS)[number], number>;
  readonly notices: string[];
  /** null: the key does not exist. */
  stream: { ids: EntryId[]; added: number } | null;
  ms: number;
  /** null: the group does not exist. */
  marker: EntryId | null;
}

export interface Real {
  readonly mapping: string;
  readonly stream: string;
  readonly client: Redis;
}

export type Command = fc.AsyncCommand<Model, Real>;
export const SHARD = 'shardId-000000000000';
export const refOf = (real: Real) => ({ mapping: real.mapping, shardId: SHARD });
export const targetOf = (real: Real, holding: Holding) => ({
  ...{ holding, streamKey: real.stream, failureStream: keys.failures(real.mapping) },
  ...{ failureBytesMax: 0, failureKeptMs: 0 },
});

async function verify(m: Model, real: Real): Promise<void> {
  const replies = (await real.client
    .pipeline()
    .hgetall(keys.shard(real.mapping, SHARD))
    .xrange(keys.failures(real.mapping), '-', '+')
    .xinfo('GROUPS', real.stream)
    .exec())!;
  const state = replies[0]![1] as Record<string, string>;
  expect(state).toMatchObject({
    ...{ cp: m.checkpoint, read: String(m.read), gen: String(m.generation), rev: String(m.revision) },
    ...{ owner: m.owner, epoch: m.epoch, nonce: m.holder?.holding.nonce ?? '' },
    done: m.done ? '1' : '',
  });
  expect(state['ps'] !== undefined, 'paused').toBe(m.paused);
  expect(JSON.parse(state['pz'] ?? '[]')).toHaveLength(m.pauses);
  expect(Number(state['n:redelivered'] ?? 0), 'redelivered').toBe(m.redelivered);
  for (const name of COUNTERS) expect(Number(state[`n:${name}`] ?? 0), name).toBe(m.counts[name]);
  const notices = (replies[1]![1] as [string, string[]][]).map(([, fields]) => fields[1]);
  expect(notices).toEqual(m.notices);
  const groups = (replies[2]![0] ? [] : replies[2]![1]) as (string | number)[][];
  const marker = groups[0] ? String(groups[0][groups[0].indexOf('last-delivered-id') + 1]) : null;
  expect(marker).toBe(m.marker);
  if (marker !== null) expect(compareIds(marker, m.checkpoint)).toBeLessThanOrEqual(0);
}

export abstract class Step implements Command {
  check(_m: Readonly<Model>): boolean {
    return true;
  }
  abstract act(m: Model, real: Real): Promise<void>;
  async run(m: Model, real: Real): Promise<void> {
    await this.act(m, real);
    await verify(m, real);
  }
}
