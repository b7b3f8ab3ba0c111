/** The ledger: what was charged, in the order in which it was told. An order that comes again is the same charge. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { bodyOf, Epochs, refuse, send, sentFrom } from '../receiver.ts';
import type { Charge } from './orders.ts';

export class Ledger {
  readonly charges: Charge[] = [];
  /** Came again, and were the same. */
  repeats = 0;
  private readonly known = new Map<string, number>();
  private readonly epochs = new Epochs();

  async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const charge = JSON.parse(await bodyOf(request)) as Charge;
    const { shard, epoch } = sentFrom(request);
    if (!this.epochs.admits(shard, epoch)) return refuse(response, 409, 'another worker has this shard by now');
    this.take(charge);
    send(response, 'application/json', '{}');
  }

  take(charge: Charge): void {
    const name = `${charge.customer}/${charge.number}`;
    const before = this.known.get(name);
    // An invoice has a number: the ledger is what makes a repeat harmless.
    if (before === charge.cents) this.repeats += 1;
    else this.charges.push(charge);
    this.known.set(name, charge.cents);
  }
}
