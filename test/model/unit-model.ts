/**
 * A plain model of the unit rules, for comparison with the real ones: esm-semantics.md §4.2 as recursion over lists of records, with
 * product.md's expiry and architecture.md's lost deliveries. It shares no code with src/unit, knows no stack and no durable state.
 */
export interface ModelRecord {
  readonly id: string;
  readonly arrival: number;
}

export interface ModelPolicy {
  readonly batchSize: number;
  readonly retries: number;
  readonly strict: boolean;
  readonly age: number;
  readonly bisect: boolean;
}

/** What the function does in one attempt; `takes` is how long. `progress`: that many of its records succeed, the next is reported. */
export interface Move {
  readonly does: 'ok' | 'throw' | 'report' | 'junk' | 'infrastructure' | 'kill';
  readonly progress: number;
  readonly takes: number;
}

export interface ModelRun {
  readonly attempts: { at: number; ids: string[]; unit: number; alone: boolean }[];
  readonly ends: { id: string; how: 'succeeded' | 'RecordAgeExceeded' | 'RetryAttemptsExhausted' }[];
  readonly notices: { how: string; ids: string[]; unit: number; count: number }[];
  now: number;
}

interface Group {
  list: ModelRecord[];
  readonly unit: number;
  failed: number;
  delivered: number;
  lost: number;
}

const ALONE_AFTER = 3;
const wait = (n: number): number => Math.min(200 * 2 ** (n - 1), 60_000);

export function runModel(policy: ModelPolicy, all: ModelRecord[], moves: (n: number) => Move, start: number): ModelRun {
  const run: ModelRun = { attempts: [], ends: [], notices: [], now: start };
  let units = 0;
  const group = (list: ModelRecord[], lost = 0): Group => ({
    list,
    unit: units++,
    failed: 0,
    delivered: 0,
    lost: Math.min(lost, ALONE_AFTER),
  });
  const old = (record: ModelRecord): boolean => policy.age !== -1 && run.now - record.arrival >= policy.age;

  const end = (g: Group, n: number, how: ModelRun['ends'][number]['how']): void => {
    const gone = g.list.slice(0, n);
    g.list = g.list.slice(n);
    for (const { id } of gone) run.ends.push({ id, how });
    if (how === 'succeeded' || n === 0) return;
    const count = how === 'RecordAgeExceeded' ? Math.max(g.failed, 1) : g.failed;
    run.notices.push({ how, ids: gone.map((record) => record.id), unit: g.unit, count });
  };

  const expire = (g: Group): void => {
    let n = 0;
    if (policy.strict) while (n < g.list.length && old(g.list[n]!)) n++;
    else if (g.list.length === 1 && g.failed > 0 && old(g.list[0]!)) n = 1;
    end(g, n, 'RecordAgeExceeded');
  };

  const pause = (g: Group, ms: number): void => {
    expire(g);
    const front = g.list[0];
    if (!front) return;
    const sure = policy.age !== -1 && (policy.strict || (g.list.length === 1 && g.failed > 0));
    run.now = Math.max(run.now, sure ? Math.min(run.now + ms, front.arrival + policy.age) : run.now + ms);
  };

  const inParts = (g: Group, sizes: number[]): void => {
    let from = 0;
    const parts = sizes.filter((size) => size > 0).map((size) => group(g.list.slice(from, (from += size)), g.lost));
    g.list = [];
    parts.forEach(resolve);
  };

  /** The whole group failed. Afterwards it is empty, or has waited for its next attempt. */
  const fails = (g: Group): void => {
    g.failed++;
    const n = g.list.length;
    if (policy.bisect && n > 1) return inParts(g, [Math.floor(n / 2), n - Math.floor(n / 2)]);
    if (policy.retries !== -1 && g.failed > policy.retries) return end(g, n, 'RetryAttemptsExhausted');
    let lastOld = 0;
    g.list.forEach((record, index) => (lastOld = old(record) ? index + 1 : lastOld));
    if (!policy.strict && n > 1 && lastOld > 0) return inParts(g, [...Array<number>(lastOld).fill(1), n - lastOld]);
    pause(g, wait(g.failed));
  };

  function resolve(g: Group): void {
    while (g.list.length > 0) {
      if (g.lost > ALONE_AFTER) {
        g.lost = ALONE_AFTER;
        fails(g);
        continue;
      }
      expire(g);
      const overdueLater = policy.strict ? g.list.findIndex(old) : -1;
      if (overdueLater > 0) {
        const later = group(g.list.slice(overdueLater), g.lost);
        g.list = g.list.slice(0, overdueLater);
        resolve(g);
        resolve(later);
        return;
      }
      if (g.list.length > 0) attempt(g);
    }
  }

  function attempt(g: Group): void {
    const move = moves(run.attempts.length);
    run.attempts.push({ at: run.now, ids: g.list.map((r) => r.id), unit: g.unit, alone: g.lost >= ALONE_AFTER });
    g.delivered++;
    run.now += move.takes;
    if (move.does === 'kill') g.lost++;
    else if (move.does === 'infrastructure') pause(g, wait(g.delivered - g.failed));
    else {
      g.lost = 0;
      const done =
        move.does === 'ok' ? g.list.length : move.does === 'report' ? Math.min(move.progress, g.list.length - 1) : 0;
      if (done === 0) return fails(g);
      end(g, done, 'succeeded');
      if (g.list.length > 0) inParts(g, [g.list.length]);
    }
  }

  for (let from = 0; from < all.length; from += policy.batchSize)
    resolve(group(all.slice(from, from + policy.batchSize)));
  return run;
}
