/** The index: for each object its newest change, by sequencer, whatever comes twice or late. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { bodyOf, Epochs, refuse, send, sentFrom } from '../receiver.ts';
import type { Change } from './handler.ts';

/** Every so many requests one is carried out, and its answer is lost. */
const LOST_EVERY = 5;

export class ObjectIndex {
  private readonly newest = new Map<string, Change>();
  private readonly epochs = new Epochs();
  private requests = 0;
  ignored = 0;
  lostAnswers = 0;

  /** Object → bytes, without those that are gone. */
  objects(): Map<string, number> {
    const there = [...this.newest.values()].filter((change) => change.size !== null);
    return new Map(there.map(({ object, size }) => [object, size!]));
  }

  async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const changes = JSON.parse(await bodyOf(request)) as Change[];
    const { shard, epoch } = sentFrom(request);
    if (!this.epochs.admits(shard, epoch)) return refuse(response, 409, 'another worker has this shard by now');
    for (const change of changes) this.take(change);
    this.requests += 1;
    if (this.requests % LOST_EVERY !== 0) return send(response, 'application/json', '{}');
    this.lostAnswers += 1;
    refuse(response, 503, 'the answer was lost on its way');
  }

  private take(change: Change): void {
    const known = this.newest.get(change.object);
    // A removed object stays, as a mark: else a late notification would bring it back.
    if (known !== undefined && !isNewer(change.sequencer, known.sequencer)) this.ignored += 1;
    else this.newest.set(change.object, change);
  }
}

/** Sequencers are hexadecimal, of any length. */
function isNewer(one: string, other: string): boolean {
  const length = Math.max(one.length, other.length);
  return one.padStart(length, '0') > other.padStart(length, '0');
}
