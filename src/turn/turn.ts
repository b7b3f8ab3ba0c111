/** The steps of one turn, which executor.ts tells in order. Holds what they share: the lease, the reading and the writing side. */
import { randomUUID } from 'node:crypto';
import { OUTPUT_WAIT_MS, QUANTUM_ALONE_MS, QUANTUM_MS, REFUSED_PAUSE_MS } from '../limits.ts';
import type { Log } from '../observe/log.ts';
import type { TurnEnd, TurnLock } from '../queue/turn-worker.ts';
import type { EntryId, Unit } from '../record.ts';
import type { RangeReader } from '../redis/reader.ts';
import type { LeaseView } from '../sandbox/types.ts';
import type { SettleCounts } from '../shard/settle.ts';
import { markArrivals } from '../shard/sweep.ts';
import { releaseShard, type Taken } from '../shard/take.ts';
import { RedisTime } from '../time.ts';
import { afterAttempt } from '../unit/after-attempt.ts';
import { notBeforeIfLost } from '../unit/backoff.ts';
import { beforeAttempt } from '../unit/before-attempt.ts';
import type { Decision } from '../unit/types.ts';
import { answerOf, attempt, type Attempted } from './attempt.ts';
import type { Gap } from './gap.ts';
import { leaseOf } from './lease.ts';
import { Linger } from './linger.ts';
import { Picking } from './picking.ts';
import { Reading } from './reading.ts';
import type { Slice } from './slice.ts';
import type { HandBack, TurnMapping, TurnSettings, TurnShard } from './settings.ts';
import type { SettleBook } from './settle-book.ts';
import { Settling, ShardPaused } from './settling.ts';
import type { TurnDeps } from './deps.ts';
import { SettleRefused, Shipping } from './shipping.ts';

/** What a turn is when it is that of one lane of a shard (lane-turns.ts). */
export interface LaneSeat {
  readonly book: SettleBook;
  readonly reader: Pick<RangeReader, 'readAfter'>;
  readonly upTo: EntryId | undefined;
  settings(settings: TurnSettings): TurnSettings;
  /** The turn ends, as far as that is not for the lane to say. */
  isOver(): boolean;
  attempts(running: Promise<Attempted>): Promise<Attempted>;
  gap(gap: Gap): void;
  /** Instead of handing the shard back. */
  ended(back: HandBack): void;
}

/** A unit with its records, about to run. */
export interface Ready {
  readonly slice: Slice;
  readonly alone: boolean;
}

export class Turn {
  readonly #deps: TurnDeps;
  readonly #mapping: TurnMapping;
  readonly #shard: TurnShard;
  readonly #lock: TurnLock;
  readonly #taken: Extract<Taken, { kind: 'ok' }>;
  readonly #reading: Reading;
  readonly #settling: Settling;
  readonly #shipping: Shipping;
  readonly #log: Log;
  readonly #lease: LeaseView;
  readonly #beganAt: number;
  readonly #picking: Picking;
  readonly #lane: LaneSeat | undefined;
  #settings: TurnSettings;
  #settledAt: number;
  readonly #redisTime: RedisTime;

  constructor(
    deps: TurnDeps,
    mapping: TurnMapping,
    shard: TurnShard,
    lock: TurnLock,
    taken: Extract<Taken, { kind: 'ok' }>,
    lane?: LaneSeat,
  ) {
    this.#lane = lane;
    this.#deps = deps;
    this.#mapping = mapping;
    this.#shard = shard;
    this.#lock = lock;
    this.#taken = taken;
    this.#settings = this.#newest();
    const { redis, keys, reader, clock } = deps;
    const { state, holding } = taken;
    this.#log = deps.log.child({ mapping: mapping.name, shard: shard.shardId });
    this.#redisTime = new RedisTime(clock, taken.nowMs);
    this.#beganAt = clock.monoMs();
    this.#settledAt = state.settledAt;
    this.#lease = leaseOf(deps, lock, holding);
    const nowMs = () => this.#nowMs();
    const settings = () => this.#settings;
    const mark = () => markArrivals(redis, keys, holding.shard, shard.key);
    const newestWindowEnd = () => this.#settling.windows.newest?.end ?? 0;
    const shared = lane && { reader: lane.reader, unpacked: true as const };
    const bound = lane?.upTo === undefined ? {} : { upTo: lane.upTo };
    const read = { log: this.#log, reader, nowMs, mark, newestWindowEnd, ...shared, ...bound };
    this.#reading = new Reading(read, settings, shard, state);
    const onSettled = (counts: SettleCounts, settledMs: number, moved: boolean) => {
      this.#redisTime.heard(settledMs);
      if (moved) this.#settledAt = settledMs;
      deps.observe.settled(mapping.name, counts);
    };
    const targetOf = (stream: string) => mapping.outputTo(stream, shard.shardId);
    const shipping = (this.#shipping = new Shipping({ redis, keys, holding, targetOf }));
    const book = lane && { book: lane.book };
    this.#settling = new Settling(
      { redis: deps.settleBy, keys, holding, shard, settings, nowMs, newId: randomUUID, onSettled, shipping, ...book },
      state,
    );
    const spare = () => deps.spare(mapping);
    const linger = new Linger({ clock, spare, draining: deps.draining, endsAt: this.#beganAt + QUANTUM_ALONE_MS });
    const [reading, settling, settledAt] = [this.#reading, this.#settling, () => this.#settledAt];
    const onGap = lane && { onGap: (gap: Gap) => lane.gap(gap) };
    this.#picking = new Picking({ log: this.#log, settings, reading, settling, linger, settledAt, nowMs, ...onGap });
  }

  #newest(): TurnSettings {
    const settings = this.#mapping.settings();
    return this.#lane?.settings(settings) ?? settings;
  }

  /** Where a slot is free here, nobody waits for this one. */
  #quantumOver(): boolean {
    if (this.#lane) return this.#lane.isOver();
    const quantumMs = this.#deps.spare(this.#mapping) ? QUANTUM_ALONE_MS : QUANTUM_MS;
    return this.#deps.clock.monoMs() - this.#beganAt >= quantumMs;
  }

  #nowMs(): number {
    return this.#redisTime.nowMs();
  }

  /** A parked unit woken before its time; only a new version of the function may try it at once, once (contract.md, Handlers). */
  tooEarly(): boolean {
    const { units, notBefore } = this.#taken.state;
    const head = units[0];
    if (!head || notBefore <= this.#nowMs()) return false;
    if (!head.closes && head.passes?.by !== this.#settings.filter?.id) return false;
    return head.lost > 0 || head.triedVersion === this.#settings.version.hash;
  }

  /** Outputs that the last holder of the shard had settled come before anything else. */
  async finishOutputs(): Promise<void> {
    await this.#shipping.finish(this.#taken.state);
  }

  /** The outputs of a unit could not be appended: with nothing of it settled it runs again later. */
  async refused({ message }: SettleRefused): Promise<TurnEnd> {
    this.#log.error({ reason: message }, 'what the function returned cannot be appended; the shard waits');
    const until = this.#nowMs() + REFUSED_PAUSE_MS;
    this.#settling.holdOutput(message, until);
    return await this.#parkUntil(until);
  }

  /**
   * The next unit to run, or the turn's end when nothing is left to do now. Settles on the way what needs no run: gaps, expired records,
   * of which there may be more than one turn has time for.
   */
  async pick(): Promise<Ready | TurnEnd> {
    for (let settled = false; ; settled = true) {
      if (this.#settling.paused) return await this.#leave();
      // Lanes begin where nothing is left of before.
      const { units, windows } = this.#settling;
      if (!this.#lane && units.length === 0 && !windows.open && this.#mapping.settings().laneCount > 1)
        return await this.#yield();
      if (settled && (this.#deps.draining() || this.#quantumOver())) return await this.#yield();
      this.#settings = this.#newest();
      const slice = this.#settling.units.length > 0 ? await this.#headSlice() : await this.#picking.next();
      if (slice === null) return await this.end();
      if (slice === 'next') continue;
      const now = this.#nowMs();
      const next = beforeAttempt(
        this.#settings.policy,
        this.#settling.units,
        slice.records,
        now,
        randomUUID,
        Math.random,
      );
      if (next.kind === 'run') {
        const holdOffMs = this.#deps.sandbox.holdOffMs(this.#settings.version);
        if (holdOffMs > 0) return await this.#putOff(holdOffMs);
        const full = await this.#shipping.waitsFor(this.#settings);
        if (full !== null) {
          this.#log.debug({ reason: full }, 'the output waits for its reader');
          return await this.#parkUntil(this.#nowMs() + OUTPUT_WAIT_MS);
        }
        const notBefore = notBeforeIfLost(next.unit, now, Math.random());
        if (!next.unit.closes) this.#settling.windows.enter(this.#picking.windowOf(slice));
        this.#settling.deliver([next.unit, ...this.#settling.units.slice(1)], notBefore);
        return { slice, alone: next.alone };
      }
      const written = await this.#write(next.decision, slice, null);
      if (written === 'paused') return await this.#leave();
      const waits = next.decision.notBefore !== null && next.decision.notBefore > now;
      if (!written || waits) return await this.end();
    }
  }

  async #headSlice(): Promise<Slice | 'next'> {
    const head = this.#settling.units[0]!;
    const inHand = this.#picking.fresh?.records;
    // The same records, not only the same unit: its front may have expired since.
    if (inHand && !head.closes && inHand[0]!.id === head.first && inHand.at(-1)!.id === head.last)
      return this.#picking.fresh!;
    await this.#settling.commit();
    const slice = await this.#reading.unit(head, this.#settling.entriesRead);
    if (slice !== null) return slice;
    this.#log.info({ first: head.first }, 'the filter was changed: records that were not settled go through it anew');
    this.#settling.dropUnits();
    return 'next';
  }

  /**
   * Makes the delivery durable, then runs the unit; meanwhile the next batch is read and encoded, never started. The turn's end when the
   * shard was paused before the delivery was durable.
   */
  async invoke({ slice, alone }: Ready): Promise<Attempted | TurnEnd> {
    await this.#settling.commit();
    if (this.#settling.paused) {
      this.#settling.undeliver();
      return await this.#leave();
    }
    const unit = this.#settling.units[0]!;
    if (unit.deliveries > 1) this.#deps.observe.retried(this.#mapping.name);
    const { sandbox, log, handlerLog } = this.#deps;
    const running = this.#deps.gate.run(alone, () => {
      // Not fenced: nobody may have taken the shard, and then this turn has to come again.
      if (!this.#lock.held()) throw new Error('the lock ran out before the invocation');
      const event =
        unit.closes || slice.event.count > 0 ? this.#settling.windows.event(slice.event, unit) : slice.event;
      const { shard } = this.#taken.holding;
      return attempt({ sandbox, log, handlerLog }, this.#settings, shard, unit, event, this.#lease);
    });
    if (this.#settings.windowMs === 0) this.#reading.prepare();
    return await (this.#lane?.attempts(running) ?? running);
  }

  /** Writes what became of the unit; the turn's end when that is now, null when it goes on. */
  async conclude({ slice }: Ready, { outcome, invoked }: Attempted): Promise<TurnEnd | null> {
    const { namesOf } = this.#reading;
    const outputKeyOf = this.#settings.output && ((id: EntryId) => this.#reading.partitionKey(slice, id));
    const window = this.#settling.windows.open;
    const named = { ...(namesOf && { namesOf }), ...(outputKeyOf && { outputKeyOf }), ...(window && { window }) };
    const policy = { ...this.#settings.policy, ...named };
    const { units } = this.#settling;
    const ran = units[0]!;
    const decide = (stands: boolean) => {
      const ages = { ...policy, age: { ...policy.age, stands } };
      return afterAttempt(ages, units, slice.records, outcome, this.#nowMs(), Math.random, randomUUID);
    };
    let decision = decide(false);
    if (invoked) {
      this.#deps.observe.invoked(this.#settings.version.name, invoked, answerOf(outcome, ran, decision));
    }
    let written = await this.#write(decision, slice, ran);
    if (written === 'paused') {
      // Nothing expires on a paused shard, whatever a run that was in flight came to.
      decision = decide(true);
      written = await this.#write(decision, slice, ran);
    }
    const waits = decision.notBefore !== null && decision.notBefore > this.#nowMs();
    if (!written || waits) return this.end();
    const over = this.#quantumOver() && (slice.moreBehind || decision.stack.length > 0);
    return over || this.#deps.draining() ? this.#yield() : null;
  }

  /** False when a notice was refused: then nothing of the decision holds, and the shard says why it stays where it is. */
  async #write(decision: Decision, slice: Slice, ran: Unit | null): Promise<boolean | 'paused'> {
    // What was decided before is written, or refused, by itself.
    if (decision.giveUps.length > 0) await this.#settling.commit();
    const before = this.#settling.units;
    const stamped = ran ? { ...decision, stack: decision.stack.map((u) => this.#stamp(u, ran)) } : decision;
    try {
      await this.#settling.apply(stamped, slice, this.#reading, ran !== null);
      if (decision.giveUps.length > 0) await this.#settling.commit();
      return true;
    } catch (error) {
      if (error instanceof ShardPaused) return 'paused';
      if (!(error instanceof SettleRefused)) throw error;
      this.#log.error({ reason: error.message }, 'a failure notice or an output cannot be written; the shard waits');
      const [head, ...rest] = before;
      const failures = head!.failures + (decision.failed && ran ? 1 : 0);
      const blockedSince = head!.blockedSince ?? this.#nowMs();
      const lastError = decision.giveUps.at(-1)?.error ?? head!.lastError;
      const triedVersion = this.#settings.version.hash;
      const held: Unit = { ...head!, lost: 0, failures, blockedSince, lastError, triedVersion };
      this.#settling.hold([held, ...rest], error.message, this.#nowMs() + REFUSED_PAUSE_MS, slice, this.#reading);
      await this.#settling.commit();
      return false;
    }
  }

  /** The unit that just failed remembers which version of the function that was. */
  #stamp(unit: Unit, ran: Unit): Unit {
    return unit.requestId === ran.requestId ? { ...unit, triedVersion: this.#settings.version.hash } : unit;
  }

  /** Nothing can run now: the shard is watched, parked until its next attempt or expiry, or settled to its end. */
  async end(): Promise<TurnEnd> {
    await this.#settling.commit();
    const { notBefore, expiresAt, units, done } = this.#settling;
    if (units.length === 0) {
      await this.#release(done ? 'done' : 'watch', 0);
      return { kind: 'finished' };
    }
    const until = expiresAt > 0 ? Math.min(notBefore, expiresAt) : notBefore;
    await this.#release('parked', until);
    return { kind: 'park', delayMs: Math.max(0, until - this.#nowMs()) };
  }

  /** The function may not run now. Nothing is delivered and nothing spent; the shard comes again then. */
  async #putOff(delayMs: number): Promise<TurnEnd> {
    this.#deps.observe.throttled(this.#settings.version.name);
    return await this.#parkUntil(this.#nowMs() + delayMs);
  }

  async #parkUntil(until: number): Promise<TurnEnd> {
    await this.#settling.commit();
    await this.#release('parked', until);
    return { kind: 'park', delayMs: Math.max(0, until - this.#nowMs()) };
  }

  async #yield(): Promise<TurnEnd> {
    this.#picking.pass();
    return await this.#leave();
  }

  /** Another turn goes on; after an operator's act, with what that means. */
  async #leave(): Promise<TurnEnd> {
    await this.#settling.commit();
    await this.#release('queued', 0);
    return { kind: 'yield' };
  }

  async #release(state: HandBack['state'], until: number): Promise<void> {
    const { dueAt, gathered } = this.#picking;
    const waits = state === 'watch' && dueAt > this.#nowMs();
    const message: HandBack = {
      ...{ mapping: this.#mapping.name, shardId: this.#shard.shardId, state, until },
      ...{ checkpoint: this.#settling.checkpoint, expiresAt: this.#settling.expiresAt, settledAt: this.#settledAt },
      dueAt: waits ? dueAt : 0,
      windowDueAt: this.#settling.windows.lookAt(this.#nowMs()),
      ...(waits && gathered && { gathered }),
    };
    if (this.#lane) return this.#lane.ended(message);
    await releaseShard(this.#deps.redis, this.#deps.keys, this.#taken.holding, message);
  }
}
