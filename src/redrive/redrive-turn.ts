/** The steps of a redrive's turn, which redrive.ts tells in order: a turn (turn/turn.ts) whose units are notices, and nothing is read ahead. */
import { randomUUID } from 'node:crypto';
import { eventFormat } from '../event/format.ts';
import { textInWindow } from '../event/window-members.ts';
import { type NoticeAtWork, type Range, shardOfRedriveLine, type Ticket } from '../redrive-line.ts';
import { OUTPUT_WAIT_MS, QUANTUM_MS, REFUSED_PAUSE_MS } from '../limits.ts';
import type { Log } from '../observe/log.ts';
import { addressOf } from '../outbox.ts';
import type { TurnEnd, TurnLock } from '../queue/turn-worker.ts';
import type { EntryId, Unit } from '../record.ts';
import type { LeaseView } from '../sandbox/types.ts';
import { firstWaiting, readPauses, type ShardPauses, type StreamEntry } from '../shard/redrive-line.ts';
import { releaseShard, type Taken } from '../shard/take.ts';
import { RedisTime } from '../time.ts';
import { answerOf, attempt, type Attempted } from '../turn/attempt.ts';
import { formatOptions } from '../turn/format-options.ts';
import { leaseOf } from '../turn/lease.ts';
import type { TurnMapping, TurnSettings } from '../turn/settings.ts';
import { Shipping } from '../turn/shipping.ts';
import type { TurnDeps } from '../turn/deps.ts';
import type { WindowPart } from '../tumbling.ts';
import { afterAttempt } from '../unit/after-attempt.ts';
import { notBeforeIfLost } from '../unit/backoff.ts';
import { beforeAttempt } from '../unit/before-attempt.ts';
import { expiresAt } from '../unit/expiry.ts';
import type { Decision, UnitPolicy } from '../unit/types.ts';
import { closingPiece } from '../unit/windows.ts';
import { Advancing, type Shipped } from './advancing.ts';
import { type CurrentNotice, openNotice } from './current-notice.ts';
import { inOrder, windowAfter } from './notice-window.ts';

const NONE: NoticeAtWork = { current: '', gaveUp: [], window: null };
const NO_STATE = '{}';

/** A unit of the notice at work, about to run. */
export interface Ready {
  readonly notice: CurrentNotice;
  readonly alone: boolean;
}

export class RedriveTurn {
  readonly #deps: TurnDeps;
  readonly #mapping: TurnMapping;
  readonly #lock: TurnLock;
  readonly #taken: Extract<Taken, { kind: 'ok' }>;
  readonly #advancing: Advancing;
  readonly #shipping: Shipping;
  readonly #lease: LeaseView;
  readonly #log: Log;
  readonly #shardId: string;
  readonly #endsAt: number;
  #settings: TurnSettings;
  readonly #redisTime: RedisTime;
  #notice: CurrentNotice | null = null;
  #pauses: ShardPauses;
  /** A run that is not concluded. */
  #begun = false;

  constructor(
    deps: TurnDeps,
    mapping: TurnMapping,
    lock: TurnLock,
    taken: Extract<Taken, { kind: 'ok' }>,
    { atWork, pauses }: { readonly atWork: NoticeAtWork; readonly pauses: ShardPauses },
  ) {
    const { redis, keys, clock } = deps;
    const { holding, state, nowMs } = taken;
    this.#deps = deps;
    this.#mapping = mapping;
    this.#lock = lock;
    this.#taken = taken;
    this.#pauses = pauses;
    this.#settings = mapping.settings();
    this.#shardId = shardOfRedriveLine(holding.shard.shardId)!;
    this.#log = deps.log.child({ mapping: mapping.name, shard: holding.shard.shardId });
    this.#endsAt = clock.monoMs() + QUANTUM_MS;
    this.#redisTime = new RedisTime(clock, nowMs);
    this.#lease = leaseOf(deps, lock, holding);
    const targetOf = (stream: string) => mapping.outputTo(stream, this.#shardId);
    this.#shipping = new Shipping({ redis, keys, holding, targetOf });
    const onTime = (redisMs: number) => this.#redisTime.heard(redisMs);
    this.#advancing = new Advancing(
      { redis, keys, holding, shipping: this.#shipping, targetOf, onTime },
      state,
      atWork,
    );
  }

  #nowMs(): number {
    return this.#redisTime.nowMs();
  }

  /** Woken before its time, and not by a new version of the function, which may try the unit at once, once. */
  tooEarly(): boolean {
    const [head] = this.#advancing.units;
    if (!head || this.#advancing.notBefore <= this.#nowMs()) return false;
    return head.lost > 0 || head.triedVersion === this.#settings.version.hash;
  }

  /** The shard is, and its notices wait with its records. */
  get paused(): boolean {
    return this.#pauses.paused;
  }

  /** It is looked at again and again, and goes on when the shard does. */
  async leave(): Promise<TurnEnd> {
    return await this.#release('watch', { kind: 'finished' });
  }

  /** Outputs that the last holder had settled come before anything else. */
  async finishOutputs(): Promise<void> {
    await this.#shipping.finish(this.#taken.state);
  }

  /** The next unit to run, or the turn's end. Settles on the way what needs no run. */
  async pick(): Promise<Ready | TurnEnd> {
    for (let settled = false; ; settled = true) {
      if (settled && (this.#deps.draining() || this.#deps.clock.monoMs() >= this.#endsAt)) return await this.#yield();
      this.#settings = this.#mapping.settings();
      const notice = await this.#noticeAtWork();
      if (notice === 'next') continue;
      if (notice === null) return await this.#idle();
      const { units } = this.#advancing;
      const now = this.#nowMs();
      const records = notice.recordsOf(units[0]!, this.#pauses.ageing);
      const next = beforeAttempt(this.#policy(notice), units, records, now, randomUUID, Math.random);
      if (next.kind === 'settle') {
        await this.#apply(next.decision, notice, null);
        const { notBefore } = next.decision;
        if (notBefore !== null && notBefore > now) return await this.end();
        continue;
      }
      const wait = await this.#mustWait();
      if (wait > 0) return await this.#parkUntil(now + wait);
      const notBefore = notBeforeIfLost(next.unit, now, Math.random());
      const atWork = { ...this.#advancing.atWork, current: notice.member };
      const change = { units: [next.unit, ...units.slice(1)], notBefore, why: '', atWork };
      const begun = await this.#advancing.begin(change, entryOf(notice));
      this.#begun = begun;
      return begun ? { notice, alone: next.alone } : await this.leave();
    }
  }

  /** Ms for which nothing may run; 0: it may. */
  async #mustWait(): Promise<number> {
    const holdOffMs = this.#deps.sandbox.holdOffMs(this.#settings.version);
    if (holdOffMs > 0) {
      this.#deps.observe.throttled(this.#settings.version.name);
      return holdOffMs;
    }
    return (await this.#shipping.waitsFor(this.#settings)) === null ? 0 : OUTPUT_WAIT_MS;
  }

  /** Null: nothing waits. 'next': it ended without a run. */
  async #noticeAtWork(): Promise<CurrentNotice | 'next' | null> {
    const { redis, keys } = this.#deps;
    const { atWork } = this.#advancing;
    const member = atWork.current || (await firstWaiting(redis, keys, this.#mapping.name, this.#shardId));
    if (member === null) return null;
    if (this.#notice?.member === member && atWork.current !== '') return this.#notice;
    const opened = await openNotice({ redis, keys }, this.#settings, member);
    if (opened.kind === 'notice') {
      this.#notice = opened.notice;
      if (atWork.current === '') await this.#begin(opened.notice);
      return opened.notice;
    }
    const gone: Ticket = { state: 'gone', at: this.#nowMs() };
    const ticket = opened.kind === 'gone' ? gone : unreadable(opened);
    this.#log.warn({ notice: member, reason: opened.kind === 'gone' ? 'it is gone' : opened.reason }, 'not redriven');
    await this.#advancing.step({ units: [], notBefore: 0, expiresAt: 0, atWork: NONE }, { member, ticket });
    return 'next';
  }

  async #begin(notice: CurrentNotice): Promise<void> {
    const atWork = { ...NONE, current: notice.member };
    await this.#advancing.step({ units: notice.freshUnits(), notBefore: 0, expiresAt: 0, why: '', atWork });
  }

  #policy(notice: CurrentNotice): UnitPolicy {
    const shard = { shardId: this.#shardId, key: '', parents: [], closed: false };
    const { namesOf } = eventFormat(formatOptions(this.#settings, shard));
    const outputKeyOf = (id: EntryId) => notice.event.partitionKey(notice.indexOf(id));
    const { policy } = this.#settings;
    const age = { ...policy.age, stands: this.#pauses.paused };
    const named = { ...(namesOf && { namesOf }), ...(this.#settings.output && { outputKeyOf }) };
    return { ...policy, age, ...named, ...(this.#hasWindow && { window: this.#windowOf(notice) }) };
  }

  /** Also one that was begun before the mapping had none any more: it has to end. */
  get #hasWindow(): boolean {
    return this.#settings.tumblingMs > 0 || this.#advancing.atWork.window !== null;
  }

  /** The one that is open, or begins with the head. */
  #windowOf(notice: CurrentNotice): WindowPart {
    const from = notice.indexOf(this.#advancing.units[0]!.first);
    return this.#advancing.atWork.window ?? notice.windowFrom(from, this.#settings.tumblingMs);
  }

  #eventOf(notice: CurrentNotice, { first, count, closes }: Unit): Buffer {
    const from = closes ? 0 : notice.indexOf(first);
    const event = notice.event.slice(from, closes ? from : from + count);
    if (notice.closes || !this.#hasWindow) return event;
    const { window } = this.#advancing.atWork;
    const { arn } = this.#settings;
    const facts = { arn, shardId: this.#shardId, state: window?.state ?? NO_STATE, closes };
    return textInWindow(event, { ...facts, window: closes ?? this.#windowOf(notice) });
  }

  async invoke({ notice, alone }: Ready): Promise<Attempted> {
    const { sandbox, log, handlerLog, gate, observe } = this.#deps;
    const unit = this.#advancing.units[0]!;
    if (unit.deliveries > 1) observe.retried(this.#mapping.name);
    const event = this.#eventOf(notice, unit);
    const count = unit.closes ? 0 : unit.count;
    const encoded = { event, ascii: true, columns: null, count, bytes: event.length } as const;
    return await gate.run(alone, () => {
      // Not fenced: nobody may have taken the redrive, and then this turn has to come again.
      if (!this.#lock.held()) throw new Error('the lock ran out before the invocation');
      const { shard } = this.#taken.holding;
      return attempt({ sandbox, log, handlerLog }, this.#settings, shard, unit, encoded, this.#lease);
    });
  }

  /** Writes what became of the unit; the turn's end when that is now, null when it goes on. */
  async conclude({ notice }: Ready, { outcome, invoked }: Attempted): Promise<TurnEnd | null> {
    const { units } = this.#advancing;
    const [ran] = units;
    const decide = () => {
      const records = notice.recordsOf(ran!, this.#pauses.ageing);
      return afterAttempt(this.#policy(notice), units, records, outcome, this.#nowMs(), Math.random, randomUUID);
    };
    let decision = decide();
    if (decision.expired > 0) {
      // Nothing expires while the shard is paused, and it may have been while the unit ran.
      this.#pauses = await readPauses(this.#deps.redis, this.#deps.keys, this.#mapping.name, this.#shardId);
      decision = decide();
    }
    if (invoked) {
      this.#deps.observe.invoked(this.#settings.version.name, invoked, answerOf(outcome, ran!, decision));
    }
    await this.#apply(decision, notice, ran!);
    if (decision.notBefore !== null && decision.notBefore > this.#nowMs()) return await this.end();
    const over = this.#deps.clock.monoMs() >= this.#endsAt;
    return over || this.#deps.draining() ? await this.#yield() : null;
  }

  async #apply(decision: Decision, notice: CurrentNotice, ran: Unit | null): Promise<void> {
    const { hash } = this.#settings.version;
    const { atWork: before, units } = this.#advancing;
    const from = notice.indexOf(units[0]!.first);
    const { window, gaveUp: lost } = windowAfter(before.window, decision, () => this.#windowOf(notice), from);
    const gaveUp = [...before.gaveUp, ...lost];
    for (const { first, count, closes } of decision.giveUps) if (!closes) gaveUp.push(rangeOf(notice, first, count));
    const stack = decision.stack.map((unit) =>
      ran && unit.requestId === ran.requestId ? { ...unit, triedVersion: hash } : unit,
    );
    if (stack.length === 0 && window) stack.push(this.#finalUnit(notice, window));
    const [head] = stack;
    const expiry = head ? expiresAt(this.#settings.policy, head, notice.recordsOf(head, this.#pauses.ageing)) : null;
    const atWork = stack.length > 0 ? { current: notice.member, gaveUp, window } : NONE;
    const change = { units: stack, notBefore: decision.notBefore ?? 0, expiresAt: expiry ?? 0, why: '', atWork };
    const ended = stack.length > 0 ? null : endOf(notice, gaveUp, decision);
    await this.#advancing.step(change, ended, this.#shipped(decision, notice));
    this.#begun = false;
  }

  /** Everything else of the notice has ended. */
  #finalUnit(notice: CurrentNotice, { start, end, part }: WindowPart): Unit {
    const closes = { start, end, part, early: false, at: this.#nowMs() };
    return closingPiece(closes, notice.event.last, randomUUID()).unit;
  }

  #shipped({ outputs }: Decision, notice: CurrentNotice): Shipped | null {
    const { output, mapping } = this.#settings;
    if (!outputs || !output) return null;
    // No other notice has its request id, so that nothing else has these origins.
    const to = output.outbox ? addressOf(output.outbox) : '';
    const origin = `${to}${mapping}/${this.#taken.holding.shard.shardId}/${notice.requestId}/`;
    return { stream: output.stream, outputs, origin };
  }

  /** Nothing of it was written: it is as if it had not run, and it runs again later. */
  async refused(reason: string): Promise<TurnEnd> {
    this.#log.error({ reason }, 'a redrive cannot be written; it waits');
    const [head, ...rest] = this.#advancing.units;
    const notBefore = this.#nowMs() + REFUSED_PAUSE_MS;
    const units = head ? [{ ...head, lost: this.#begun ? Math.max(head.lost - 1, 0) : head.lost }, ...rest] : [];
    await this.#advancing.step({ units, notBefore, why: reason });
    return await this.#parkUntil(notBefore);
  }

  async #idle(): Promise<TurnEnd> {
    // Whatever was left to be moved is moved by now: it goes out of sight.
    await this.#advancing.step({ atWork: NONE });
    return await this.leave();
  }

  /** The head waits for its next attempt, or its expiry. */
  async end(): Promise<TurnEnd> {
    const { notBefore, expiresAt: expiry } = this.#advancing;
    return await this.#parkUntil(expiry > 0 ? Math.min(notBefore, expiry) : notBefore);
  }

  #parkUntil(until: number): Promise<TurnEnd> {
    return this.#release('parked', { kind: 'park', delayMs: Math.max(0, until - this.#nowMs()) });
  }

  #yield(): Promise<TurnEnd> {
    return this.#release('queued', { kind: 'yield' });
  }

  async #release(state: 'watch' | 'parked' | 'queued', end: TurnEnd): Promise<TurnEnd> {
    const { holding } = this.#taken;
    await releaseShard(this.#deps.redis, this.#deps.keys, holding, { ...holding.shard, state });
    return end;
  }
}

function rangeOf(notice: CurrentNotice, first: EntryId, count: number): Range {
  const from = notice.indexOf(first);
  return [from, from + count];
}

/** Null: it is in a topic. */
function entryOf({ place, id }: CurrentNotice): StreamEntry | null {
  return place.kind === 'redis-stream' ? { stream: place.stream, id } : null;
}

/** Gone from a stream with its last record; a topic keeps it, so that it is remembered. What failed again keeps its notice. */
function endOf(notice: CurrentNotice, gaveUp: readonly Range[], decision: Decision) {
  const { member, ticket, event } = notice;
  const { at } = ticket;
  if (gaveUp.length === 0) {
    const remove = entryOf(notice);
    return remove ? { member, ticket: null, remove } : { member, ticket: { state: 'done', at } as const };
  }
  const failed = event.weight * gaveUp.reduce((sum, [from, to]) => sum + to - from, 0);
  const error = decision.giveUps.at(-1)?.error ?? null;
  return { member, ticket: { state: 'failed', at, left: inOrder(gaveUp), failed, error } as const };
}

function unreadable({ reason, ticket }: { readonly reason: string; readonly ticket: Ticket }): Ticket {
  const error = { errorType: 'NoticeUnreadable', errorMessage: `No event can be made of the notice: ${reason}` };
  return { ...ticket, state: 'failed', error };
}
