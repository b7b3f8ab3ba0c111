/** The writing side of a redrive: its state as it is stored, and each change of it as one step. */
import { type NoticeAtWork, shardOfRedriveLine } from '../redrive-line.ts';
import type { Output, OutputTarget } from '../output.ts';
import type { Unit } from '../record.ts';
import type { Redis } from '../redis/connect.ts';
import type { Keys } from '../redis/keys.ts';
import { type Advance, advanceRedrive, type Ended, type StreamEntry } from '../shard/redrive-line.ts';
import { bytesOf, packOutputs, piecesOf, stageOutputs } from '../shard/outputs.ts';
import type { ShardState } from '../shard/state.ts';
import type { Holding } from '../shard/take.ts';
import { reasonOf, SettleRefused, type Shipping } from '../turn/shipping.ts';

export interface AdvancingDeps {
  readonly redis: Redis;
  readonly keys: Keys;
  readonly holding: Holding;
  readonly shipping: Shipping;
  readonly targetOf: (stream: string) => OutputTarget;
  /** Redis' clock, as of its last answer. */
  readonly onTime: (nowMs: number) => void;
}

interface Stored {
  readonly units: readonly Unit[];
  readonly notBefore: number;
  readonly expiresAt: number;
  readonly why: string;
  readonly atWork: NoticeAtWork;
}

export interface Shipped {
  readonly stream: string;
  readonly outputs: readonly Output[];
  /** Beginning of each origin. */
  readonly origin: string;
}

export class Advancing {
  readonly #deps: AdvancingDeps;
  #revision: number;
  #stored: Stored;

  constructor(deps: AdvancingDeps, state: ShardState, atWork: NoticeAtWork) {
    this.#deps = deps;
    this.#revision = state.revision;
    const { units, notBefore, expiresAt, why } = state;
    this.#stored = { units, notBefore, expiresAt, why, atWork };
  }

  get units(): readonly Unit[] {
    return this.#stored.units;
  }

  get notBefore(): number {
    return this.#stored.notBefore;
  }

  get expiresAt(): number {
    return this.#stored.expiresAt;
  }

  get atWork(): NoticeAtWork {
    return this.#stored.atWork;
  }

  /**
   * As `step`, with which a run begins that may remove an entry in the end; false: nothing was written, because the shard is paused.
   * @throws SettleRefused also when that entry could not be removed
   */
  async begin(change: Partial<Stored>, remove: StreamEntry | null): Promise<boolean> {
    return await this.#write(change, { ended: null, remove, shipped: null, begins: true });
  }

  /**
   * Makes a change durable, with the outputs of what succeeded and the end of a notice. @throws FencedError; SettleRefused when nothing was
   * written
   */
  async step(
    change: Partial<Stored>,
    ended: (Ended & { readonly remove?: StreamEntry }) | null = null,
    shipped: Shipped | null = null,
  ): Promise<void> {
    await this.#write(change, { ended, remove: ended?.remove ?? null, shipped, begins: false });
  }

  async #write(
    change: Partial<Stored>,
    { shipped, ...what }: Pick<Advance, 'ended' | 'remove' | 'begins'> & { readonly shipped: Shipped | null },
  ): Promise<boolean> {
    const { redis, keys, holding, shipping, targetOf, onTime } = this.#deps;
    const next = { ...this.#stored, ...change };
    const staged = shipped && shipped.outputs.length > 0 ? await this.#stage(shipped) : null;
    const reply = await advanceRedrive(redis, keys, holding, shardOfRedriveLine(holding.shard.shardId)!, {
      ...{ ...next, revision: this.#revision + 1, staged, ...what },
    });
    if (reply.kind === 'paused') return false;
    if (reply.kind === 'refused') throw new SettleRefused(reply.reason);
    this.#revision++;
    this.#stored = next;
    onTime(reply.nowMs);
    if (shipped && staged) {
      targetOf(shipped.stream).added(shipped.outputs.length, bytesOf(shipped.outputs));
      await shipping.move(staged.stream, staged.pieces);
    }
    return true;
  }

  /** Unseen until the step makes them official, and moved after it. */
  async #stage({ stream, outputs, origin }: Shipped) {
    const { redis, keys, holding } = this.#deps;
    const pieces = piecesOf(outputs).map((piece) => packOutputs(piece, origin));
    const stage = `${holding.epoch}:${this.#revision + 1}`;
    try {
      await stageOutputs({ redis, keys, holding }, stage, pieces);
    } catch (error) {
      throw new SettleRefused(reasonOf(error), { cause: error });
    }
    return { pieces: pieces.length, stage, stream };
  }
}
