/**
 * Which of a shard's outputs a place has not: those behind its last one in the outbox, and all of them where that is not there. It was
 * removed then, and with it all before it; or Redis came back without its last writes, and nobody can say which of these were sent. No
 * id is compared: they come from a clock.
 */
import type { ExactSender, OutgoingEntry } from '../outbox.ts';

export class ExactWay {
  readonly #sender: ExactSender;
  /** The last one at the place when the outbox was last read; undefined: not asked yet. */
  #last: string | null | undefined = undefined;

  constructor(sender: ExactSender) {
    this.#sender = sender;
  }

  /**
   * False: nothing was sent, and the outbox is to be read again. What was read before it was known how far the place is may have been sent
   * and removed since, by another.
   */
  async send(entries: readonly OutgoingEntry[]): Promise<boolean> {
    const last = await this.#sender.last();
    if (last !== this.#last) {
      this.#last = last;
      return false;
    }
    const missing = entries.slice(entries.findIndex(({ mark }) => mark === last) + 1);
    if (missing.length === 0) return true;
    await this.#sender.send(missing, last);
    this.#last = missing.at(-1)!.mark;
    return true;
  }

  close(): Promise<void> {
    return this.#sender.close();
  }
}
