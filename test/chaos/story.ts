/** Writes small histories for the checker's own tests, as the recorder would have, on a clock that the test moves. */
import type { EndState, NoticeEnd } from '../support/end-state.ts';
import type { AttemptLine, FaultLine, HistoryLine, Unstamped } from '../support/history.ts';

/** Arrival of record n is T0 + n ms; the recorder's monotonic clock began at T0. */
export const T0 = 1_700_000_000_000;
export const SHARD = 'm/shardId-000000000000';

export const position = (n: number): string => `${T0 + n}${'0'.repeat(20)}`;

interface Who {
  readonly id?: string;
  readonly attempt?: number;
  readonly epoch?: number;
  readonly shard?: string;
}

export class Story {
  t = 0;
  readonly lines: HistoryLine[] = [];
  readonly notices: NoticeEnd[] = [];
  #checkpoint = new Map<string, string>();
  #accepted = new Map<string, number>();
  #expired = 0;
  #givenUp = 0;
  #faults = 0;

  /** Each line takes 10 ms unless the test moves the clock. */
  put(line: Unstamped): this {
    this.t += 10;
    this.lines.push({ pid: null, ...line, tMono: this.t, tWall: T0 + this.t, run: 'test' } as HistoryLine);
    return this;
  }

  wait(ms: number): this {
    this.t += ms;
    return this;
  }

  accepted(from: number, to: number, shard = SHARD): this {
    this.#accepted.set(shard, (this.#accepted.get(shard) ?? 0) + to - from + 1);
    return this.put({ kind: 'accepted', shard, positions: range(from, to) });
  }

  attempt(kind: AttemptLine['kind'], from: number, to: number, who: Who = {}): this {
    const { id = 'A', attempt = 1, epoch = 1, shard = SHARD } = who;
    return this.put({ kind, shard, positions: range(from, to), requestId: id, attempt, epoch: String(epoch) });
  }

  refused(from: number, to: number, epoch: number): this {
    const common = { shard: SHARD, positions: range(from, to), requestId: 'A', attempt: 1, epoch: String(epoch) };
    return this.put({ kind: 'refused', was: 'effect', ...common });
  }

  /** The whole way of a unit: start, success, checkpoint. */
  unit(from: number, to: number, who: Who = {}): this {
    return this.attempt('start', from, to, who).attempt('success', from, to, who).checkpoint(to, who.shard);
  }

  checkpoint(n: number, shard = SHARD): this {
    this.#checkpoint.set(shard, position(n));
    return this.put({ kind: 'checkpoint', shard, position: position(n) });
  }

  ack(n: number, what: 'group' | 'trim' = 'group'): this {
    return this.put({ kind: 'ack', shard: SHARD, position: position(n), what });
  }

  notice(condition: string, from: number, to: number, id = 'A', invokeCount = 1): this {
    this.t += 10;
    if (condition === 'RecordAgeExceeded') this.#expired += to - from + 1;
    else if (condition !== 'SourceGap') this.#givenUp += to - from + 1;
    else this.#accepted.set(SHARD, this.#accepted.get(SHARD)! - (to - from + 1));
    this.notices.push({
      shard: SHARD,
      id: `${T0 + this.t}-0`,
      notice: {
        requestContext: { requestId: id, condition, approximateInvokeCount: invokeCount },
        KinesisBatchInfo: {
          startSequenceNumber: position(from),
          endSequenceNumber: position(to),
          batchSize: to - from + 1,
        },
      },
    });
    return this;
  }

  fault(options: Partial<FaultLine> = {}, healsAfterMs = 100): this {
    const line = { kind: 'fault', fault: 'SIGKILL', id: `f${++this.#faults}`, shards: '*', ...options } as const;
    this.put({ ...line, phase: 'begin' });
    this.t += healsAfterMs;
    return this.put({ ...line, phase: 'healed' });
  }

  end(change: Partial<EndState> = {}): EndState {
    const shards = [...this.#accepted].map(([shard, count]) => ({
      shard,
      checkpoint: this.#checkpoint.get(shard) ?? null,
      groupMarker: this.#checkpoint.get(shard) ?? null,
      unitsPending: 0,
      settled: { succeeded: count - this.#expired - this.#givenUp, expired: this.#expired, givenUp: this.#givenUp },
    }));
    return { shards, notices: this.notices, failedJobs: 0, drained: true, ...change };
  }
}

export function range(from: number, to: number): string[] {
  return Array.from({ length: to - from + 1 }, (_, index) => position(from + index));
}
