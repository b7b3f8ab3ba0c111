/** The outputs of a turn: with the settle, or staged before it and moved after it; and waiting while their target is full. */
import { FencedError, MillraceError } from '../errors.ts';
import { OUTPUT_ROUTE_TRIES } from '../limits.ts';
import { addressOf } from '../outbox.ts';
import type { Output, OutputPlace, OutputTarget } from '../output.ts';
import type { Redis } from '../redis/connect.ts';
import type { Keys } from '../redis/keys.ts';
import {
  address,
  moveOutputs,
  packOutputs,
  bytesOf,
  piecesOf,
  type Shipment,
  stageOutputs,
  unstageOutputs,
} from '../shard/outputs.ts';
import type { Settled } from '../shard/settle.ts';
import type { ShardState } from '../shard/state.ts';
import type { Holding } from '../shard/take.ts';
import type { TurnSettings } from './settings.ts';

/** Nothing was written: the failure destination cannot take the notice, or the output stream what the function returned. */
export class SettleRefused extends Error {}

export interface ShippingDeps {
  readonly redis: Redis;
  readonly keys: Keys;
  readonly holding: Holding;
  readonly targetOf: (stream: string) => OutputTarget;
}

const MEMORY_FULL = 'Redis is at its maxmemory: outputs wait until there is room';

export class Shipping {
  readonly #deps: ShippingDeps;
  constructor(deps: ShippingDeps) {
    this.#deps = deps;
  }

  /** Settles with the outputs; `revision` and `generation` are those of the settle. */
  async settle(
    outputs: readonly Output[],
    to: { readonly output: OutputPlace; readonly revision: number; readonly generation: number },
    settleWith: (shipment: Shipment) => Promise<Settled>,
  ): Promise<Settled> {
    const { redis, keys, holding, targetOf } = this.#deps;
    const { mapping, shardId } = holding.shard;
    const { stream, outbox } = to.output;
    const prefix = `${outbox ? addressOf(outbox) : ''}${mapping}/${shardId}/${to.generation}/`;
    const target = targetOf(stream);
    const stage = `${holding.epoch}:${to.revision}`;
    const pieces = piecesOf(outputs);
    const many = pieces.length > 1;
    try {
      if (many) {
        const packed = pieces.map((piece) => packOutputs(piece, prefix));
        await stageOutputs({ redis, keys, holding }, stage, packed);
      }
      const packed = many ? Buffer.alloc(0) : packOutputs(outputs, prefix);
      const partitionKeys = many ? [] : outputs.map(({ partitionKey }) => partitionKey);
      for (let tries = 0; tries < OUTPUT_ROUTE_TRIES; tries++) {
        const route = await target.route(tries > 0);
        const settled = await settleWith({
          ...{ stream, stagedKey: keys.staged(mapping, shardId), stage, packed },
          ...{ topologyKey: route.topologyKey, revision: route.revision, staged: many ? pieces.length : 0 },
          ...address(route, partitionKeys),
        });
        if (settled.kind === 'stale') continue;
        if (settled.kind === 'ok') target.added(outputs.length, bytesOf(outputs));
        return settled;
      }
      return { kind: 'refused', reason: `the shards of ${stream} change all the time` };
    } catch (error) {
      return { kind: 'refused', reason: reasonOf(error) };
    }
  }

  /** Moves the official pieces, in order; before anything else of the shard is appended. @throws SettleRefused; FencedError */
  async move(stream: string, pieces: number): Promise<void> {
    const { redis, keys, holding, targetOf } = this.#deps;
    const target = targetOf(stream);
    let left = pieces;
    for (let tries = 0; left > 0;) {
      try {
        const moved = await moveOutputs({ redis, keys, holding }, left, await target.route(tries > 0));
        if (moved.kind === 'refused') throw new SettleRefused(moved.reason);
        tries = moved.kind === 'stale' ? tries + 1 : 0;
        if (tries > OUTPUT_ROUTE_TRIES) throw new SettleRefused(`the shards of ${stream} change all the time`);
        if (moved.kind === 'ok') ({ left } = moved);
      } catch (error) {
        throw error instanceof SettleRefused ? error : new SettleRefused(reasonOf(error), { cause: error });
      }
    }
  }

  /** What an earlier holder of the shard left: official pieces are moved, others dropped. */
  async finish({ staged }: ShardState): Promise<void> {
    const { redis, keys, holding } = this.#deps;
    if (staged.official > 0) await this.move(staged.stream, staged.official);
    else if (staged.any) await unstageOutputs({ redis, keys, holding });
  }

  /** Why no attempt may begin now, in a sentence; null: it may. */
  async waitsFor({ output }: TurnSettings): Promise<string | null> {
    if (!output || output.maxUnsettled === null) return null;
    return await this.#deps.targetOf(output.stream).full(output.maxUnsettled);
  }
}

/** A name that is no stream's, or a full Redis, is the user's to mend and the shard waits for it; anything else goes on as it is. */
export function reasonOf(error: unknown): string {
  if (error instanceof FencedError || !(error instanceof Error)) throw error;
  if (error.message.startsWith('OOM')) return MEMORY_FULL;
  if (error instanceof MillraceError && error.code === 'stream-wrong-type') return error.message;
  throw error;
}
