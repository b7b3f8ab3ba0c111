/** Why a feed does not get on, by the part of it that says so; each reason is logged once, not with every try. */
import type { Log } from '../../src/observe/log.ts';

/** In the order in which they are told. */
const PARTS = ['member', 'topic'] as const;
export type FeedPart = (typeof PARTS)[number];

export class FeedProblems {
  readonly #log: Log;
  readonly #topic: string;
  readonly #reasons = new Map<FeedPart, string>();

  constructor(log: Log, topic: string) {
    this.#log = log;
    this.#topic = topic;
  }

  get first(): string | null {
    for (const part of PARTS) {
      const reason = this.#reasons.get(part);
      if (reason !== undefined) return reason;
    }
    return null;
  }

  set(part: FeedPart, reason: string, message: string): void {
    const known = this.#reasons.get(part) === reason;
    this.#reasons.set(part, reason);
    this.#log[known ? 'debug' : 'warn']({ topic: this.#topic, error: reason }, message);
  }

  clear(part: FeedPart): void {
    this.#reasons.delete(part);
  }
}
