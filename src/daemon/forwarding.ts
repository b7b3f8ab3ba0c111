/**
 * Sends what shards have in their outboxes: in every poller, each outbox by one of them at a time (a lease), in order. What is in it goes
 * after it was acknowledged, so that nothing is lost. A notice that was acknowledged to a poller that died before it could say so is sent
 * again by the next; of outputs the place itself knows which it has.
 */
import { messageOf } from '../errors.ts';
import { OUTBOX_LEASE_MS, OUTBOX_LEFT_LOOK_MS, OUTBOX_LOOK_MS, OUTBOX_LOOK_MS_PER_SHARD } from '../outbox-limits.ts';
import { OUTBOX_RETRY_FIRST_MS, OUTBOX_RETRY_MAX_MS, OUTBOX_SENDS_AT_ONCE, OUTBOX_STOP_MS } from '../outbox-limits.ts';
import type { ConnectionConfig } from '../mapping/types.ts';
import type { Log } from '../observe/log.ts';
import { type OutboxFacts, readOutboxes } from '../observe/outboxes.ts';
import { type Box, BOXES, decodeMessage, placeOf } from '../outbox.ts';
import type { Redis } from '../redis/connect.ts';
import type { Keys } from '../redis/keys.ts';
import { type OutboxRead, type OutboxRef, stepOutbox } from '../shard/outbox.ts';
import type { Clock } from '../time.ts';
import { every, type Repeating } from '../watch/every.ts';
import { Senders } from './senders.ts';
import { firstOutputs, sendInOrder } from './sending.ts';

export interface ForwardingDeps {
  readonly redis: Redis;
  readonly keys: Keys;
  readonly clock: Clock;
  readonly log: Log;
  readonly me: string;
  /** Served ones; `sends`: what of it goes to another system. */
  readonly mappings: () => readonly { readonly name: string; readonly sends: ReadonlySet<Box> }[];
  readonly connections: () => ReadonlyMap<string, ConnectionConfig>;
  readonly observe: {
    sent(mapping: string, box: Box, to: string, count: number): void;
    waiting(mapping: string, box: Box, count: number): void;
  };
}

interface Sent {
  /** What went wrong; null: nothing. */
  readonly text: string | null;
  readonly sent: readonly string[];
  readonly place: string;
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
  readonly #senders: Senders;
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
    this.#senders = new Senders(deps);
    const pause = () => Math.max(OUTBOX_LOOK_MS, this.#shards * OUTBOX_LOOK_MS_PER_SHARD);
    this.#loop = every(
      deps.clock,
      pause,
      () => this.#look(),
      (error) => deps.log.warn({ error: messageOf(error) }, 'sending from outboxes interrupted, it goes on'),
    );
  }

  async #look(): Promise<void> {
    const { redis, keys, clock, observe, me } = this.#deps;
    const left = clock.monoMs() - this.#leftAt >= OUTBOX_LEFT_LOOK_MS;
    if (left) this.#leftAt = clock.monoMs();
    this.#senders.closeIdle();
    let shards = 0;
    const full: OutboxRef[] = [];
    for (const { name, sends } of this.#deps.mappings()) {
      const boxes = left ? BOXES : BOXES.filter((box) => sends.has(box));
      if (boxes.length === 0) continue;
      const shardIds = await redis.zrange(keys.shardIndex(name), '0', '-1');
      for (const box of boxes) {
        shards += shardIds.length;
        const outboxes = await readOutboxes(redis, keys, name, shardIds, box);
        full.push(...[...outboxes.keys()].map((shardId) => ({ mapping: name, shardId, box })));
        observe.waiting(name, box, sum([...outboxes.values()].filter(({ sender }) => sender === me)));
      }
    }
    this.#shards = shards;
    this.#round++;
    const turn = (shard: OutboxRef) => this.#turns.get(nameOf(shard)) ?? 0;
    for (const shard of full.toSorted((a, b) => turn(a) - turn(b))) this.#begin(shard);
  }

  #begin(shard: OutboxRef): void {
    const name = nameOf(shard);
    if (this.#closed || this.#sending.has(name) || this.#sending.size >= OUTBOX_SENDS_AT_ONCE) return;
    const { until = 0, place = '' } = this.#troubles.get(name) ?? {};
    if (until > this.#deps.clock.monoMs() || this.#tried.has(place)) return;
    if (place !== '') this.#tried.add(place);
    this.#turns.set(name, this.#round);
    const sending = this.#empty(shard)
      .catch((error: unknown) =>
        this.#deps.log.warn({ ...shard, error: messageOf(error) }, 'an outbox could not be read'),
      )
      .finally(() => {
        this.#sending.delete(name);
        if (place !== '') this.#tried.delete(place);
      });
    this.#sending.set(name, sending);
  }

  /** Until it is empty, somebody else has it, or something is wrong. */
  async #empty(shard: OutboxRef): Promise<void> {
    let read = await stepOutbox(this.#deps, shard, { then: 'read' });
    while (read && read.entries.length > 0 && !this.#closed) {
      const { text, sent: ids, place } = await this.#send(shard, read);
      if (ids.length > 0) this.#deps.observe.sent(shard.mapping, shard.box, place, ids.length);
      const sent = { read: read.read, ids };
      if (text !== null) {
        this.#trouble(shard, text, place);
        await stepOutbox(this.#deps, shard, { sent, error: text, then: 'release' });
        return;
      }
      this.#over(shard, place);
      read = await stepOutbox(this.#deps, shard, { sent, error: '', then: 'read' });
    }
    const then = shard.box === 'outputs' && !this.#closed ? 'linger' : 'release';
    if (read) await stepOutbox(this.#deps, shard, { then });
  }

  /** The first entries that go to one place; renews the lease meanwhile, so that a slow broker is waited for by one poller alone. */
  async #send(shard: OutboxRef, read: OutboxRead): Promise<Sent> {
    const sent: string[] = [];
    const on = { place: '' };
    const renewing = every(
      this.#deps.clock,
      () => OUTBOX_LEASE_MS / 3,
      () => stepOutbox(this.#deps, shard, { then: 'renew' }).then(() => undefined),
      (error) => this.#deps.log.debug({ ...shard, error: messageOf(error) }, 'the lease of an outbox was not renewed'),
    );
    try {
      if (shard.box === 'notices') await this.#sendNotices(read, on, sent);
      else await this.#sendOutputs(shard, read, on, sent);
      return { text: null, sent, place: on.place };
    } catch (error) {
      return { text: messageOf(error), sent, place: on.place };
    } finally {
      await renewing.stop();
    }
  }

  async #sendNotices({ entries }: OutboxRead, on: { place: string }, sent: string[]): Promise<void> {
    const messages = entries.map(({ id, fields }) => ({ id, ...decodeMessage(String(fields.get('message'))) }));
    const { to } = messages[0]!;
    on.place = placeOf(to);
    const other = messages.findIndex((m) => placeOf(m.to) !== on.place);
    const sender = this.#senders.notices(to);
    await sendInOrder(sender, other < 0 ? messages : messages.slice(0, other), (id) => sent.push(id));
  }

  async #sendOutputs(shard: OutboxRef, read: OutboxRead, on: { place: string }, sent: string[]): Promise<void> {
    const { to, ids, outputs } = firstOutputs(read.entries);
    on.place = placeOf(to);
    const { keys } = this.#deps;
    const name = ['millrace-output', keys.namespace, shard.mapping, shard.shardId, read.name].join('.');
    if (await this.#senders.outputs(name, to).send(outputs)) sent.push(...ids);
  }

  /** A place that took something is tried by everybody again. */
  #over(shard: OutboxRef, place: string): void {
    if (!this.#troubles.delete(nameOf(shard))) return;
    this.#deps.log.info({ ...shard }, 'sending from the outbox goes on');
    this.#tried.delete(place);
    for (const [name, trouble] of this.#troubles) if (trouble.place === place) this.#troubles.delete(name);
  }

  #trouble(shard: OutboxRef, text: string, place: string): void {
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
    const last = rest().catch((error: unknown) =>
      this.#deps.log.warn({ error: messageOf(error) }, 'outboxes were left'),
    );
    await Promise.race([last, clock.sleep(OUTBOX_STOP_MS)]);
    this.#closed = true;
    await Promise.race([this.#senders.close(), clock.sleep(OUTBOX_STOP_MS)]);
  }
}

function nameOf({ mapping, shardId, box }: OutboxRef): string {
  return `${mapping} ${shardId} ${box}`;
}

function sum(outboxes: readonly OutboxFacts[]): number {
  return outboxes.reduce((total, { messages }) => total + messages, 0);
}
