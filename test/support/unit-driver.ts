/** Drives the unit rules over one shard in memory, as executor and settle would: for the rules' own tests. */
import { BEFORE_ALL, compareIds, type EntryId } from '../../src/record.ts';
import { afterAttempt } from '../../src/unit/after-attempt.ts';
import { beforeAttempt } from '../../src/unit/before-attempt.ts';
import { expireNow } from '../../src/unit/expiry.ts';
import { startUnit } from '../../src/unit/pieces.ts';
import type { AttemptOutcome, Decision, GiveUp, RecordTime, Unit, UnitPolicy } from '../../src/unit/types.ts';

export const AWS: UnitPolicy = {
  batchSize: 100,
  maximumRetryAttempts: -1,
  age: { kind: 'strict', ageMs: null },
  bisectBatchOnFunctionError: false,
  reportBatchItemFailures: false,
};

export interface Attempt {
  readonly at: number;
  readonly records: readonly EntryId[];
  readonly requestId: string;
  readonly alone: boolean;
}

export type Verdict = AttemptOutcome | { readonly kind: 'daemon-killed' };

export class UnitDriver {
  policy: UnitPolicy;
  records: RecordTime[];
  readonly attempts: Attempt[] = [];
  readonly giveUps: GiveUp[] = [];
  readonly decisions: Decision[] = [];
  checkpoint: EntryId = BEFORE_ALL;
  stack: readonly Unit[] = [];
  notBefore: number | null = null;
  now: number;
  random = (): number => 0;
  #ids = 0;

  constructor(policy: Partial<UnitPolicy>, records: RecordTime[], now = 0) {
    this.policy = { ...AWS, ...policy };
    this.records = records;
    this.now = now;
  }

  /** A, B, C … then id26, id27 … */
  readonly newId = (): string => {
    const n = this.#ids++;
    return n < 26 ? String.fromCharCode(65 + n) : `id${n}`;
  };

  get unsettled(): RecordTime[] {
    return this.records.filter((record) => compareIds(record.id, this.checkpoint) > 0);
  }

  headRecords(): RecordTime[] {
    const head = this.stack[0];
    if (!head) return [];
    return this.records.filter((r) => compareIds(r.id, head.first) >= 0 && compareIds(r.id, head.last) <= 0);
  }

  /** One pass: settles what must be, runs one attempt, settles its outcome. False: nothing is left. */
  step(handler: (attempt: Attempt) => Verdict): boolean {
    for (;;) {
      if (this.stack.length === 0) {
        const batch = this.unsettled.slice(0, this.policy.batchSize);
        if (batch.length === 0) return false;
        this.stack = [startUnit(batch, this.newId())];
      }
      const records = this.headRecords();
      const next = beforeAttempt(this.policy, this.stack, records, this.now, this.newId, this.random);
      if (next.kind === 'settle') {
        this.apply(next.decision);
        if (this.notBefore !== null && this.notBefore > this.now) this.now = this.notBefore;
        continue;
      }
      this.stack = [next.unit, ...this.stack.slice(1)];
      const ids = records.map((record) => record.id);
      const attempt = { at: this.now, records: ids, requestId: next.unit.requestId, alone: next.alone };
      this.attempts.push(attempt);
      const verdict = handler(attempt);
      if (verdict.kind === 'daemon-killed') return true;
      this.apply(afterAttempt(this.policy, this.stack, records, verdict, this.now, this.random, this.newId));
      return true;
    }
  }

  /** Until everything is settled or `limit` attempts were made; waits out every back-off. */
  run(handler: (attempt: Attempt) => Verdict, limit = 1000): this {
    for (let n = 0; n < limit; n++) {
      if (this.notBefore !== null && this.notBefore > this.now) this.now = this.notBefore;
      if (!this.step(handler)) return this;
    }
    return this;
  }

  expire(): Decision | null {
    const records = this.stack.length > 0 ? this.headRecords() : this.unsettled.slice(0, this.policy.batchSize);
    const decision = expireNow(this.policy, this.stack, records, this.now, this.newId);
    if (decision) this.apply(decision);
    return decision;
  }

  apply(decision: Decision): void {
    this.decisions.push(decision);
    this.giveUps.push(...decision.giveUps);
    if (decision.checkpoint !== null) this.checkpoint = decision.checkpoint;
    // Through JSON, as the shard's hash keeps it: nothing may depend on what a crash would lose.
    this.stack = JSON.parse(JSON.stringify(decision.stack)) as Unit[];
    this.notBefore = decision.notBefore;
  }

  /** `1 2 3|A` per attempt, with the ms parts of the ids. */
  trace(): string[] {
    return this.attempts.map((a) => `${a.records.map((id) => id.split('-')[0]).join(' ')}|${a.requestId}`);
  }

  notices(): string[] {
    return this.giveUps.map(
      (g) => `${g.condition} ${g.first}..${g.last} n=${g.count} ${g.requestId} x${g.invokeCount}`,
    );
  }
}

/** Records 1-0, 2-0, … with the given arrivals (ms). */
export function recordsAt(...arrivals: number[]): RecordTime[] {
  return arrivals.map((arrivalMs, index) => ({ id: `${index + 1}-0`, arrivalMs }));
}

export function recordsOf(count: number): RecordTime[] {
  return recordsAt(...Array.from({ length: count }, () => 0));
}

export const OK: AttemptOutcome = { kind: 'returned', result: 'null' };
export const THROWN: AttemptOutcome = { kind: 'failed', errorType: 'Error', errorMessage: 'boom' };

export function reports(...identifiers: unknown[]): AttemptOutcome {
  const batchItemFailures = identifiers.map((itemIdentifier) => ({ itemIdentifier }));
  return { kind: 'returned', result: JSON.stringify({ batchItemFailures }) };
}
