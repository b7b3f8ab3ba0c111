/** The metrics of contract.md, as functions: whoever counts something says what happened and knows no metric's name. */
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import { type Box, BOXES } from '../outbox.ts';

export interface SettledCounts {
  readonly succeeded: number;
  readonly expired: number;
  readonly givenUp: number;
  readonly filtered: number;
  readonly lostBySource: number;
}

/** What an attempt came to, as far as it is counted (sandbox/types.ts, InvokeOutcome). */
export interface InvocationFacts {
  readonly kind: 'ok' | 'function-error' | 'infrastructure';
  readonly metric?: 'error' | 'timeout' | 'out_of_memory' | 'killed';
  /** It did not get a process to run in. */
  readonly throttled?: true;
  readonly report?: { readonly durationMs: number; readonly initDurationMs?: number };
}

export type Answer = 'ok' | 'partial' | 'error';

/** Of the shards of one mapping that this daemon watches. */
export interface WatchedFacts {
  readonly lagRecords: number;
  readonly iteratorAgeMs: number;
  readonly blockedShards: number;
  readonly oldestUnsettledMs: number;
}

export interface SandboxFacts {
  readonly function: string;
  readonly rssBytes: number;
  /** Absent for processes in reserve, which are no function's yet. */
  readonly lost?: Readonly<Record<keyof typeof LOST, number>>;
}

export interface Metrics {
  settled(mapping: string, counts: SettledCounts): void;
  /** `answer`: what a function that returned said of its records; `error`: nothing that can be used. */
  invoked(functionName: string, outcome: InvocationFacts, answer?: Answer): void;
  /** An attempt that was put off before it was made, because the function loses its processes too often. */
  throttled(functionName: string): void;
  retried(mapping: string): void;
  takenOver(mapping: string): void;
  fenced(mapping: string): void;
  watched(mapping: string, facts: WatchedFacts): void;
  /** The mapping's shards are watched by others from now on, or it is gone: its gauges end, so that sums over daemons stay right. */
  unwatched(mapping: string): void;
  /** Messages of the mapping's outboxes: acknowledged by where they went, and those that wait for this daemon to send them. */
  sent(mapping: string, box: Box, to: string, count: number): void;
  waiting(mapping: string, box: Box, count: number): void;
  /** Asked at each scrape. */
  sandboxes(read: () => readonly SandboxFacts[]): void;
  /** Makes the counters of these names begin at 0, so that the first increase is seen as one. */
  introduce(names: { readonly mappings: readonly string[]; readonly functions: readonly string[] }): void;
  readonly contentType: string;
  text(): Promise<string>;
}

const OUTCOMES = ['ok', 'partial', 'error', 'timeout', 'out_of_memory', 'killed', 'throttled'] as const;

/** Label of each count, in contract.md's words. */
const SETTLED: readonly (readonly [keyof SettledCounts, string])[] = [
  ['succeeded', 'succeeded'],
  ['expired', 'expired'],
  ['givenUp', 'given_up'],
  ['filtered', 'filtered'],
  ['lostBySource', 'lost_by_source'],
];

/** Label of each way in which a function loses a child (sandbox/types.ts, LossReason). */
const LOST = {
  timeout: 'timeout',
  outOfMemory: 'out_of_memory',
  exit: 'exit',
  protocol: 'protocol',
  startFailed: 'start_failed',
} as const;

/** From a warm isolate's fraction of a millisecond to Lambda's longest timeout. */
const DURATION_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900];

export function createMetrics(): Metrics {
  const registry = new Registry();
  let readSandboxes: () => readonly SandboxFacts[] = () => [];
  const { settled, invocations, duration, coldStarts, ...of } = declare(registry, () => readSandboxes());
  // Looking up a label's series costs more than counting in it.
  const settledBy = remembered((mapping, outcome) => settled.labels({ mapping, outcome }));
  const endedAs = remembered((name, outcome) => invocations.labels({ function: name, outcome }));
  const lasted = remembered((name) => duration.labels({ function: name }));
  const gauges = [of.lag, of.iteratorAge, of.blocked, of.oldest];
  const perMapping = [of.takeovers, of.fenced, of.retries];

  return {
    settled(mapping, counts) {
      for (const [name, outcome] of SETTLED) if (counts[name] > 0) settledBy(mapping, outcome).inc(counts[name]);
    },
    invoked(functionName, outcome, answer = 'ok') {
      // An attempt that ended with its process and not by the function's doing was killed, too.
      const label = outcome.kind === 'ok' ? answer : (outcome.metric ?? (outcome.throttled ? 'throttled' : 'killed'));
      endedAs(functionName, label).inc();
      if (!outcome.report) return;
      lasted(functionName, '').observe(outcome.report.durationMs / 1_000);
      if (outcome.report.initDurationMs !== undefined) coldStarts.inc({ function: functionName });
    },
    throttled: (functionName) => invocations.inc({ function: functionName, outcome: 'throttled' }),
    retried: (mapping) => of.retries.inc({ mapping }),
    takenOver: (mapping) => of.takeovers.inc({ mapping }),
    fenced: (mapping) => of.fenced.inc({ mapping }),
    watched(mapping, facts) {
      of.lag.set({ mapping }, facts.lagRecords);
      of.iteratorAge.set({ mapping }, facts.iteratorAgeMs / 1_000);
      of.blocked.set({ mapping }, facts.blockedShards);
      of.oldest.set({ mapping }, facts.oldestUnsettledMs / 1_000);
    },
    unwatched(mapping) {
      for (const one of gauges) one.remove({ mapping });
      for (const box of BOXES) of.waiting.remove({ mapping, box });
    },
    sent: (mapping, box, target, count) => of.sent.inc({ mapping, box, target }, count),
    waiting: (mapping, box, count) => of.waiting.set({ mapping, box }, count),
    sandboxes(read) {
      readSandboxes = read;
    },
    introduce({ mappings, functions }) {
      for (const mapping of mappings) {
        for (const [, outcome] of SETTLED) settled.inc({ mapping, outcome }, 0);
        for (const one of perMapping) one.inc({ mapping }, 0);
      }
      for (const name of functions) {
        for (const outcome of OUTCOMES) invocations.inc({ function: name, outcome }, 0);
        coldStarts.inc({ function: name }, 0);
      }
    },
    contentType: registry.contentType,
    text: () => registry.metrics(),
  };
}

function remembered<T>(find: (name: string, detail: string) => T): (name: string, detail: string) => T {
  const found = new Map<string, Map<string, T>>();
  return (name, detail) => {
    let ofName = found.get(name);
    if (!ofName) found.set(name, (ofName = new Map()));
    let one = ofName.get(detail);
    if (!one) ofName.set(detail, (one = find(name, detail)));
    return one;
  };
}

/** Every metric, registered. */
function declare(registry: Registry, readSandboxes: () => readonly SandboxFacts[]) {
  const counter = (name: string, help: string, labelNames: string[]) =>
    new Counter({ name: `millrace_${name}`, help, labelNames, registers: [registry] });
  const gauge = (name: string, help: string, labelNames: string[]) =>
    new Gauge({ name: `millrace_${name}`, help, labelNames, registers: [registry] });

  const settled = counter('records_settled_total', 'Records settled, by what became of them.', ['mapping', 'outcome']);
  const invocations = counter('invocations_total', 'Invocations, by what they came to.', ['function', 'outcome']);
  const duration = new Histogram({
    name: 'millrace_invocation_duration_seconds',
    help: 'Time that the function ran.',
    labelNames: ['function'],
    buckets: DURATION_BUCKETS,
    registers: [registry],
  });
  const coldStarts = counter('cold_starts_total', 'Invocations that had to start an isolate first.', ['function']);
  new Gauge({
    name: 'millrace_sandbox_rss_bytes',
    help: 'Resident memory of the child processes of the function.',
    labelNames: ['function'],
    registers: [registry],
    collect() {
      this.reset();
      for (const facts of readSandboxes()) this.inc({ function: facts.function }, facts.rssBytes);
    },
  });
  new Counter({
    name: 'millrace_children_lost_total',
    help: 'Child processes that the function lost, by why.',
    labelNames: ['function', 'reason'],
    registers: [registry],
    collect() {
      this.reset();
      for (const facts of readSandboxes())
        for (const [reason, label] of Object.entries(LOST))
          if (facts.lost)
            this.inc({ function: facts.function, reason: label }, facts.lost[reason as keyof typeof LOST]);
    },
  });
  const lag = gauge('lag_records', 'Records not settled yet.', ['mapping']);
  const iteratorAge = gauge('iterator_age_seconds', 'Age of the last record of the batch in hand.', ['mapping']);
  const blocked = gauge('blocked_shards', 'Shards whose head failed and is not settled yet.', ['mapping']);
  const oldest = gauge('oldest_unsettled_seconds', 'Age of the oldest record that is not settled.', ['mapping']);
  const takeovers = counter('takeovers_total', 'Shards taken over from a daemon that was lost.', ['mapping']);
  const fenced = counter('fenced_total', 'Turns that lost their shard to another.', ['mapping']);
  const retries = counter('retries_total', 'Deliveries of a unit after its first.', ['mapping']);
  const sent = counter('outbox_sent_total', 'Messages of outboxes acknowledged.', ['mapping', 'box', 'target']);
  const waiting = gauge('outbox_messages', 'Messages that this daemon has still to send.', ['mapping', 'box']);
  return {
    sent,
    waiting,
    settled,
    invocations,
    duration,
    coldStarts,
    lag,
    iteratorAge,
    blocked,
    oldest,
    takeovers,
    fenced,
    retries,
  };
}
