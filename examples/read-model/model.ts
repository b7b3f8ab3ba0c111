/** The read model. It adds and takes away, so a change that counted twice would stay wrong for ever: it keeps how far each shard came. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { bodyOf, Epochs, refuse, send, sentFrom } from '../receiver.ts';
import type { Step } from './handler.ts';

/** Every so many requests one is carried out, and its answer is lost; another one is carried out by half. */
const LOST_EVERY = 6;
const HALF_EVERY = 7;

export interface Category {
  readonly products: number;
  readonly stock: number;
}

export class Model {
  readonly categories = new Map<string, Category>();
  private readonly epochs = new Epochs();
  private readonly lastSteps = new Map<string, bigint>();
  private requests = 0;
  lostAnswers = 0;
  halves = 0;
  ignored = 0;

  async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const steps = JSON.parse(await bodyOf(request)) as Step[];
    const { shard, epoch } = sentFrom(request);
    // Epoch, last step and sums change together. In a database they would be rows of one transaction.
    if (!this.epochs.admits(shard, epoch)) return refuse(response, 409, 'another worker has this shard by now');
    this.requests += 1;
    const half = this.requests % HALF_EVERY === 0 && steps.length > 1;
    if (half) this.halves += 1;
    const applied = half ? Math.ceil(steps.length / 2) : steps.length;
    for (const step of steps.slice(0, applied)) this.apply(shard, step);
    if (this.requests % LOST_EVERY !== 0) return send(response, 'application/json', JSON.stringify({ applied }));
    this.lostAnswers += 1;
    refuse(response, 503, 'the answer was lost on its way');
  }

  private apply(shard: string, { sequenceNumber, deltas }: Step): void {
    const number = BigInt(sequenceNumber);
    if (number <= (this.lastSteps.get(shard) ?? -1n)) {
      this.ignored += 1;
      return;
    }
    this.lastSteps.set(shard, number);
    for (const { category, products, stock } of deltas) {
      const known = this.categories.get(category) ?? { products: 0, stock: 0 };
      this.categories.set(category, { products: known.products + products, stock: known.stock + stock });
    }
  }
}
