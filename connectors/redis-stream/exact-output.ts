/**
 * A shard's outputs into a stream of another Redis, each once. Beside the stream there is a hash for each shard that sends to it: the mark of
 * its last entry there, and how many there were. The script that appends writes it, and only where it is as the sender knows it: whatever is
 * sent twice, or late, by whomever, is refused as a whole.
 *
 * Stream and position are on one server, so that one that comes back without its last writes has lost them together: what it had
 * acknowledged is missing, and nothing is there twice. A sender that lived through it says so.
 *
 * All shards of a daemon have one connection to a server. One that broke under a sender is not handed out any more, and that sender's next
 * try is on a connection of its own: what it sends may be what the server answers by hanging up.
 */
import { OUTPUT_ROUTE_TRIES } from '../../src/limits.ts';
import type { Log } from '../../src/observe/log.ts';
import { type ExactSender, type OutgoingEntry, OVERTAKEN } from '../../src/outbox.ts';
import { inPieces } from '../../src/output.ts';
import type { Keys } from '../../src/redis/keys.ts';
import type { ScriptArg } from '../../src/redis/scripts.ts';
import { type Held, SharedConnections } from '../../src/redis/shared-connections.ts';
import { connectElsewhere, explainElsewhere, isBroken } from './elsewhere.ts';
import { loadRouter, type Router } from './router.ts';
import { forwardScript } from './scripts.ts';

export interface ExactOutputOptions {
  readonly url: string;
  /** Of this daemon. */
  readonly connections: SharedConnections;
  readonly keys: Keys;
  readonly stream: string;
  /** Of the sending shard. */
  readonly name: string;
  readonly log: Log;
}

interface Session {
  readonly held: Held;
  router: Router;
  /** Mark of the last entry that the stream has; null: it has none. */
  position: string | null;
}

export function createExactOutput(options: ExactOutputOptions): ExactSender {
  return new ExactOutput(options);
}

class ExactOutput implements ExactSender {
  readonly #options: ExactOutputOptions;
  #session: Promise<Session> | null = null;
  #alone = false;
  /** Entries that the server acknowledged, as it counts them. */
  #acknowledged = 0;

  constructor(options: ExactOutputOptions) {
    this.#options = options;
  }

  async last(): Promise<string | null> {
    return await this.#orExplain(async () => (await this.#current()).position);
  }

  async send(entries: readonly OutgoingEntry[], after: string | null): Promise<void> {
    const { held } = await this.#orExplain(async () => {
      const session = await this.#current();
      if (session.position !== after) throw new Error(OVERTAKEN);
      for (const piece of inPieces(entries, ({ data }) => data.length)) await this.#append(session, piece);
      return session;
    });
    // All is well again: back to the one that all have.
    if (!this.#alone && !held.isRetired()) return;
    this.#alone = false;
    await this.close();
  }

  async close(): Promise<void> {
    await this.#leave(({ held }) => held.release());
  }

  async #leave(how: (session: Session) => void): Promise<void> {
    const gone = this.#session;
    this.#session = null;
    // One that could not be opened has nothing to end, and its reason was told to who opened it.
    await gone?.then(how, () => undefined);
  }

  async #append(session: Session, piece: readonly OutgoingEntry[]): Promise<void> {
    const { keys, stream } = this.#options;
    for (let tries = 0; tries <= OUTPUT_ROUTE_TRIES; tries++) {
      if (tries > 0) session.router = await loadRouter(session.held.redis, keys, stream);
      const { streamKeys, args } = encode(piece, session.router);
      const last = piece.at(-1)!.mark;
      const reply = await forwardScript.run(
        session.held.redis,
        [this.#positionKey(), keys.stream(stream), ...streamKeys],
        [session.position ?? '', last, session.router.revision, ...args],
      );
      const [kind, detail] = reply as [string, ...(string | number)[]];
      if (kind === 'stale') continue;
      if (kind === 'moved') throw new Error(OVERTAKEN);
      if (kind === 'refused') throw new Error(String(detail));
      session.position = last;
      this.#acknowledged = Number(detail);
      return;
    }
    throw new Error(`the shards of ${stream} change all the time`);
  }

  #positionKey(): string {
    return this.#options.keys.forwarded(this.#options.name, this.#options.stream);
  }

  #current(): Promise<Session> {
    return (this.#session ??= this.#open());
  }

  async #open(): Promise<Session> {
    const { url, keys, stream, log, name, connections } = this.#options;
    const held = await (this.#alone ? new SharedConnections() : connections).hold(url, () =>
      connectElsewhere(url, 'outputs'),
    );
    const { redis } = held;
    try {
      const router = await loadRouter(redis, keys, stream);
      const [position = null, count = null] = await redis.hmget(this.#positionKey(), 'last', 'count');
      const lost = this.#acknowledged - Number(count ?? 0);
      if (lost > 0) log.error({ stream, name, lost }, 'the Redis of an output lost entries that it had acknowledged');
      this.#acknowledged = Number(count ?? 0);
      return { held, router, position };
    } catch (error) {
      if (isBroken(redis, error)) held.retire();
      else held.release();
      throw error;
    }
  }

  /** Whatever fails ends the session: the next one asks the server what became of it. */
  async #orExplain<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      await this.#leave(({ held }) => {
        if (!isBroken(held.redis, error)) return held.release();
        this.#alone = true;
        held.retire();
      });
      throw new Error(explainElsewhere(error, this.#options.url), { cause: error });
    }
  }
}

/** Only the keys that some entry goes to, because each is checked. */
function encode(entries: readonly OutgoingEntry[], router: Router): { streamKeys: string[]; args: ScriptArg[] } {
  const places = new Map<number, number>();
  const args: ScriptArg[] = [];
  for (const { partitionKey, data, origin, headers } of entries) {
    const shard = router.indexOf(partitionKey);
    const place = places.get(shard) ?? places.size;
    places.set(shard, place);
    const text = headers.length === 0 ? '' : JSON.stringify(Object.fromEntries(headers));
    args.push(place, partitionKey, data, origin, text);
  }
  return { streamKeys: [...places.keys()].map((shard) => router.keys[shard]!), args };
}
