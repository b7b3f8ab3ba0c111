/**
 * Back-pressure from other systems (contract.md, `maxUnsettled`): in every poller, a look twice a second at how far the readers of the topics and
 * streams are behind that the outputs of its mappings go to, and a note of it in Redis for whoever writes there.
 */
import { messageOf } from '../errors.ts';
import { PLACE_LOOK_MS } from '../limits.ts';
import { Places } from '../mapping/places.ts';
import type { Config, ConnectionConfig, MappingConfig } from '../mapping/types.ts';
import type { Log } from '../observe/log.ts';
import { isNoted, noteBacklog } from '../observe/noted-backlog.ts';
import { OUTBOX_STOP_MS } from '../outbox-limits.ts';
import { type OutboxTarget, placeOf } from '../outbox.ts';
import type { BacklogAt } from '../output.ts';
import type { Redis } from '../redis/connect.ts';
import type { Keys } from '../redis/keys.ts';
import { openBacklog } from '../source/registry.ts';
import type { Clock } from '../time.ts';
import { every, type Repeating } from '../watch/every.ts';
import { readersOf } from './mapping-settings.ts';

export interface ReaderBacklogsDeps {
  readonly redis: Redis;
  readonly keys: Keys;
  readonly clock: Clock;
  readonly log: Log;
  /** Of served mappings. */
  readonly configs: () => readonly MappingConfig[];
  readonly connections: () => Config['connections'];
  /** URL of the server that Millrace runs on. */
  readonly ownUrl: string;
}

interface Looked {
  readonly to: OutboxTarget;
  readonly backlog: BacklogAt;
  /** A look that is under way: one place that is away holds up no other. */
  looking: Promise<void> | null;
  /** What went wrong last, as it was logged. */
  trouble: string;
}

export class ReaderBacklogs {
  readonly #deps: ReaderBacklogsDeps;
  readonly #loop: Repeating;
  readonly #places = new Map<string, Looked>();
  #closed = false;

  constructor(deps: ReaderBacklogsDeps) {
    this.#deps = deps;
    this.#loop = every(
      deps.clock,
      () => PLACE_LOOK_MS,
      () => {
        this.#round();
        return Promise.resolve();
      },
      (error) => deps.log.warn({ error: messageOf(error) }, 'looking at readers of outputs interrupted, it goes on'),
    );
  }

  #round(): void {
    const connections = this.#deps.connections();
    const wanted = new Map<string, readonly [OutboxTarget, ConnectionConfig]>();
    for (const config of this.#deps.configs()) {
      const to = readersOf(config);
      const connection = to && connections.get(to.connection);
      if (connection) wanted.set(`${placeOf(to)} ${JSON.stringify(connection)}`, [to, connection]);
    }
    for (const [id, place] of this.#places) {
      if (wanted.has(id)) continue;
      this.#places.delete(id);
      void this.#end(place);
    }
    for (const [id, [to, connection]] of wanted) {
      const place = this.#places.get(id) ?? this.#open(to, connection);
      this.#places.set(id, place);
      place.looking ??= this.#look(place).finally(() => (place.looking = null));
    }
  }

  #open(to: OutboxTarget, connection: ConnectionConfig): Looked {
    const { redis, keys, log } = this.#deps;
    const backlog = openBacklog(connection, to, { redis, keys, log, readers: () => this.#readers(to) });
    return { to, backlog, looking: null, trouble: '' };
  }

  async #look(place: Looked): Promise<void> {
    const { redis, keys, log } = this.#deps;
    const where = placeOf(place.to);
    try {
      if (await isNoted(redis, keys, place.to)) return;
      await noteBacklog(redis, keys, place.to, await place.backlog.read());
      if (place.trouble !== '') log.info({ place: where }, 'the readers of outputs are known again');
      place.trouble = '';
    } catch (error) {
      const text = messageOf(error);
      if (text !== place.trouble && !this.#closed)
        log.warn(
          { place: where, error: text },
          'how far the readers of outputs are behind is not known; it is asked again',
        );
      place.trouble = text;
    }
  }

  /** By the name of the connection that they have, as this daemon's configuration knows it. */
  async #readers(to: OutboxTarget): Promise<string[]> {
    if (!('topic' in to)) return [];
    const { redis, keys, ownUrl } = this.#deps;
    const names = await redis.smembers(keys.mappings());
    const asking = redis.pipeline();
    for (const name of names) asking.hget(keys.mapping(name), 'source');
    const replies = (await asking.exec()) ?? [];
    const places = new Places(ownUrl, this.#deps.connections());
    const { id } = places.of({ type: 'kafka-topic', ...to });
    return names.filter((_, at) => {
      const [error, text] = replies[at]!;
      if (error) throw error;
      if (typeof text !== 'string' || text === '') return false;
      const source = JSON.parse(text) as MappingConfig['source'];
      return source.type === 'kafka' && places.of(source).id === id;
    });
  }

  async #end({ to, backlog, looking }: Looked): Promise<void> {
    const { clock, log } = this.#deps;
    const ending = Promise.all([looking, backlog.close()]).catch((error: unknown) => {
      log.debug(
        { place: placeOf(to), error: messageOf(error) },
        'a way to the readers of outputs was not closed in order',
      );
    });
    await Promise.race([ending, clock.sleep(OUTBOX_STOP_MS)]);
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#loop.stop();
    const all = [...this.#places.values()];
    this.#places.clear();
    await Promise.all(all.map((place) => this.#end(place)));
  }
}
