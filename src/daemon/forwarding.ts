/**
 * Sends what shards have in their outboxes: in every poller, each shard by one of them at a time (a lease), in order. A message goes from
 * the outbox after it was acknowledged, so that none is lost; one that was acknowledged to a poller that died before it could say so is
 * sent again by the next.
 */
import { OUTBOX_LEASE_MS, OUTBOX_LEFT_LOOK_MS, OUTBOX_LOOK_MS, OUTBOX_LOOK_MS_PER_SHARD } from '../outbox-limits.ts';
import { OUTBOX_RETRY_FIRST_MS, OUTBOX_RETRY_MAX_MS, OUTBOX_SENDS_AT_ONCE, OUTBOX_STOP_MS } from '../outbox-limits.ts';
import type { ConnectionConfig } from '../mapping/types.ts';
import type { Log } from '../observe/log.ts';
import { type OutboxFacts, readOutboxes } from '../observe/outboxes.ts';
import { decodeMessage, type OutboxTarget, type Sender } from '../outbox.ts';
import type { Redis } from '../redis/connect.ts';
import type { Keys } from '../redis/keys.ts';
import { type OutboxEntry, stepOutbox } from '../shard/outbox.ts';
import { openSender } from '../source/registry.ts';
import type { Clock } from '../time.ts';
import { every, type Repeating } from '../watch/every.ts';
import { sendInOrder } from './sending.ts';

export interface ForwardingDeps {
  readonly redis: Redis;
  readonly keys: Keys;
  readonly clock: Clock;
  readonly log: Log;
  readonly me: string;
  /** Served ones; `sends`: it has a destination that is sent to. */
  readonly mappings: () => readonly { readonly name: string; readonly sends: boolean }[];
  readonly connections: () => ReadonlyMap<string, ConnectionConfig>;
  readonly observe: { sent(mapping: string, count: number): void; waiting(mapping: string, count: number): void };
}

interface Shard {
  readonly mapping: string;
  readonly shardId: string;
}

interface Trouble {
  readonly text: string;
  /** Where to; '' when that is not known. */
  readonly place: string;
  readonly pauseMs: number;
  readonly until: number;
}

export class Forwarding {
  readonly #deps: ForwardingDeps;
  readonly #loop: Repeating;
  readonly #senders = new Map<string, { readonly connection: ConnectionConfig; readonly sender: Sender }>();
  readonly #sending = new Map<string, Promise<void>>();
  readonly #troubles = new Map<string, Trouble>();
  /** Troubled places, each tried by one shard at a time: the others' messages would wait behind its timeouts. */
  readonly #tried = new Set<string>();
  /** Rounds in which shards had their turn: who waited longest is next. */
  readonly #turns = new Map<string, number>();
  #round = 0;
  #shards = 0;
  #leftAt = -Infinity;
  #closed = false;

  constructor(deps: ForwardingDeps) {
    this.#deps = deps;
    const pause = () => Math.max(OUTBOX_LOOK_MS, this.#shards * OUTBOX_LOOK_MS_PER_SHARD);
    this.#loop = every(
      deps.clock,
      pause,
      () => this.#look(),
      (error) => deps.log.warn({ error: textOf(error) }, 'sending from outboxes interrupted, it goes on'),
    );
  }

  async #look(): Promise<void> {
    const { redis, keys, clock, observe, me } = this.#deps;
    const left = clock.monoMs() - this.#leftAt >= OUTBOX_LEFT_LOOK_MS;
    if (left) this.#leftAt = clock.monoMs();
    let shards = 0;
    const full: Shard[] = [];
    for (const { name, sends } of this.#deps.mappings()) {
      if (!sends && !left) continue;
      const shardIds = await redis.zrange(keys.shardIndex(name), '0', '-1');
      shards += shardIds.length;
      const outboxes = await readOutboxes(redis, keys, name, shardIds);
      full.push(...[...outboxes.keys()].map((shardId) => ({ mapping: name, shardId })));
      observe.waiting(name, sum([...outboxes.values()].filter(({ sender }) => sender === me)));
    }
    this.#shards = shards;
    this.#round++;
    const turn = (shard: Shard) => this.#turns.get(nameOf(shard)) ?? 0;
    for (const shard of full.toSorted((a, b) => turn(a) - turn(b))) this.#begin(shard);
  }

  #begin(shard: Shard): void {
    const name = nameOf(shard);
    if (this.#closed || this.#sending.has(name) || this.#sending.size >= OUTBOX_SENDS_AT_ONCE) return;
    const { until = 0, place = '' } = this.#troubles.get(name) ?? {};
    if (until > this.#deps.clock.monoMs() || this.#tried.has(place)) return;
    if (place !== '') this.#tried.add(place);
    this.#turns.set(name, this.#round);
    const sending = this.#empty(shard)
      .catch((error: unknown) => this.#deps.log.warn({ ...shard, error: textOf(error) }, 'an outbox could not be read'))
      .finally(() => {
        this.#sending.delete(name);
        if (place !== '') this.#tried.delete(place);
      });
    this.#sending.set(name, sending);
  }

  /** Until it is empty, somebody else has it, or something is wrong. */
  async #empty(shard: Shard): Promise<void> {
    let entries = await stepOutbox(this.#deps, shard, { then: 'read' });
    while (entries && entries.length > 0 && !this.#closed) {
      const { text, sent, place } = await this.#send(shard, entries);
      if (sent.length > 0) this.#deps.observe.sent(shard.mapping, sent.length);
      if (text !== null) {
        this.#trouble(shard, text, place);
        await stepOutbox(this.#deps, shard, { sent, error: text, then: 'release' });
        return;
      }
      this.#over(shard, place);
      entries = await stepOutbox(this.#deps, shard, { sent, error: '', then: 'read' });
    }
    if (entries) await stepOutbox(this.#deps, shard, { then: 'release' });
  }

  /** The first entries that go to one topic; renews the lease meanwhile, so that a slow broker is waited for by one poller alone. */
  async #send(
    shard: Shard,
    entries: readonly OutboxEntry[],
  ): Promise<{ text: string | null; sent: string[]; place: string }> {
    const sent: string[] = [];
    let place = '';
    const renewing = every(
      this.#deps.clock,
      () => OUTBOX_LEASE_MS / 3,
      () => stepOutbox(this.#deps, shard, { then: 'renew' }).then(() => undefined),
      (error) => this.#deps.log.debug({ ...shard, error: textOf(error) }, 'the lease of an outbox was not renewed'),
    );
    try {
      const messages = entries.map(({ id, text }) => ({ id, ...decodeMessage(text) }));
      const to = messages[0]!.to;
      place = placeOf(to);
      const other = messages.findIndex((m) => m.to.connection !== to.connection || m.to.topic !== to.topic);
      const sender = this.#senderTo(to);
      await sendInOrder(sender, other < 0 ? messages : messages.slice(0, other), (id) => sent.push(id));
      return { text: null, sent, place };
    } catch (error) {
      return { text: textOf(error), sent, place };
    } finally {
      await renewing.stop();
    }
  }

  /** One for each topic: what one of them refuses does not disturb the others. Made anew when the connection was configured otherwise. */
  #senderTo(to: OutboxTarget): Sender {
    const { connection: name, topic } = to;
    const connection = this.#deps.connections().get(name);
    if (!connection) throw new Error(`there is no connection \`${name}\` in the configuration any more`);
    const place = placeOf(to);
    const known = this.#senders.get(place);
    if (known && JSON.stringify(known.connection) === JSON.stringify(connection)) return known.sender;
    void known?.sender.close();
    const sender = openSender(connection, topic, this.#deps.log);
    this.#senders.set(place, { connection, sender });
    return sender;
  }

  /** A place that took something is tried by everybody again. */
  #over(shard: Shard, place: string): void {
    if (!this.#troubles.delete(nameOf(shard))) return;
    this.#deps.log.info({ ...shard }, 'sending from the outbox goes on');
    this.#tried.delete(place);
    for (const [name, trouble] of this.#troubles) if (trouble.place === place) this.#troubles.delete(name);
  }

  #trouble(shard: Shard, text: string, place: string): void {
    const name = nameOf(shard);
    const before = this.#troubles.get(name);
    const pauseMs = before ? Math.min(2 * before.pauseMs, OUTBOX_RETRY_MAX_MS) : OUTBOX_RETRY_FIRST_MS;
    this.#troubles.set(name, { text, place, pauseMs, until: this.#deps.clock.monoMs() + pauseMs });
    if (before?.text !== text) this.#deps.log.error({ ...shard, error: text }, 'messages of the outbox cannot be sent');
  }

  /** Sends what the last settles wrote, as far as that is quick; what is left is kept. */
  async close(): Promise<void> {
    await this.#loop.stop();
    const { clock } = this.#deps;
    const rest = async () => {
      await Promise.all(this.#sending.values());
      await this.#look();
      await Promise.all(this.#sending.values());
    };
    const last = rest().catch((error: unknown) => this.#deps.log.warn({ error: textOf(error) }, 'outboxes were left'));
    await Promise.race([last, clock.sleep(OUTBOX_STOP_MS)]);
    this.#closed = true;
    const ended = Promise.all([...this.#senders.values()].map(({ sender }) => sender.close()));
    await Promise.race([ended, clock.sleep(OUTBOX_STOP_MS)]);
  }
}

function placeOf({ connection, topic }: OutboxTarget): string {
  return `${connection} ${topic}`;
}

function nameOf({ mapping, shardId }: Shard): string {
  return `${mapping} ${shardId}`;
}

function sum(outboxes: readonly OutboxFacts[]): number {
  return outboxes.reduce((total, { messages }) => total + messages, 0);
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
