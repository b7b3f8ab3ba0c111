/** `millrace status --json` (contract.md), member by member. Times are ISO 8601; positions are sequence numbers. */
import type { SequenceNumber } from '../record.ts';

export type ShardStateName = 'idle' | 'running' | 'waiting' | 'blocked' | 'closed' | 'pending-parent' | 'paused';

export interface BlockedStatus {
  /** Of the unit's first record. */
  readonly sequenceNumber: SequenceNumber;
  readonly partitionKey: string | null;
  readonly since: string;
  readonly attempts: number;
  readonly requestId: string | null;
  readonly recordsInUnit: number;
  readonly lastError: { readonly errorType: string; readonly errorMessage: string };
  readonly nextAttemptAt: string;
  /** Null: never. */
  readonly expiresAt: string | null;
  /** Without the unit itself. */
  readonly recordsBehind: number;
  readonly nextExpiryBehind: string | null;
}

export interface ShardStatus {
  readonly shardId: string;
  readonly state: ShardStateName;
  readonly checkpoint: SequenceNumber | null;
  readonly tail: SequenceNumber | null;
  readonly lag: number;
  readonly iteratorAgeMs: number;
  readonly oldestUnsettledAgeMs: number;
  readonly owner: string | null;
  readonly epoch: string | null;
  readonly settled: {
    readonly succeeded: number;
    readonly expired: number;
    readonly givenUp: number;
    readonly filtered: number;
    readonly lostBySource: number;
    readonly redelivered: number;
  };
  /** Why nothing can be settled although the function may be well, e.g. `failure-stream-full`; absent otherwise. */
  readonly why?: string;
  /** Records that the stream keeps beyond its retention because this mapping has not settled them; absent when none. */
  readonly heldBack?: {
    /** The oldest of them. */
    readonly from: SequenceNumber;
    /** How long it has been over the retention. */
    readonly overdueMs: number;
  };
  /** Of a shard that is filled from another system. */
  readonly spool?: {
    /** Records in Redis. */
    readonly records: number;
    /** Where fetching goes on. */
    readonly next: SequenceNumber;
  };
  /** Notices that are still to be sent to another system; absent when none. */
  readonly outbox?: OutboxStatus;
  /** The same of outputs. */
  readonly unsent?: OutboxStatus;
  /** The open tumbling window; absent when there is none. */
  readonly window?: { readonly start: string; readonly end: string };
  readonly blocked: BlockedStatus | null;
  /** With a `parallelizationFactor` above 1; absent otherwise. */
  readonly lanes?: readonly LaneStatus[];
}

export interface LaneStatus {
  readonly lane: number;
  readonly state: 'idle' | 'running' | 'waiting' | 'blocked' | 'closed' | 'paused';
  readonly blocked: Omit<BlockedStatus, 'recordsBehind' | 'nextExpiryBehind'> | null;
}

export interface OutboxStatus {
  readonly messages: number;
  /** When the oldest was written. */
  readonly since: string;
  /** Why they are not sent; null: no try has failed since one succeeded. */
  readonly lastError: string | null;
}

/** Where what the function returns goes, and how far that place is behind. */
export type OutputStatus = (
  | { readonly type: 'redis-stream'; readonly stream: string }
  /** On another Redis. */
  | { readonly type: 'redis-stream'; readonly connection: string; readonly stream: string }
  | { readonly type: 'kafka-topic'; readonly connection: string; readonly topic: string }
) & {
  /** What the slowest mapping there has not settled; and for a topic or another Redis what is not sent yet, all shards together. */
  readonly unsettled: number;
  /** For a topic or another Redis: of each shard. Null: it waits for nobody (`allowCycle`). */
  readonly maxUnsettled: number | null;
  /** The mapping, the topic, or the stream of another Redis, that is waited for before another attempt begins; null: none. */
  readonly waitsFor: string | null;
};

/** The consumer group of a Kafka source, as one of its members last saw it (every 10 s). */
export interface GroupStatus {
  readonly groupId: string;
  readonly members: readonly {
    readonly clientId: string;
    readonly host: string;
    readonly partitions: readonly number[];
  }[];
}

/** What of a redrive failed again and is tried again. */
export interface RedriveBlocked {
  /** Id of the notice that the unit is of. */
  readonly notice: string;
  readonly sequenceNumber: SequenceNumber;
  /** Null: it did not fail, what became of it cannot be written (`why`). */
  readonly since: string | null;
  readonly attempts: number;
  readonly requestId: string;
  readonly recordsInUnit: number;
  readonly lastError: { readonly errorType: string; readonly errorMessage: string } | null;
  readonly nextAttemptAt: string;
  /** Null: never, or it is paused. */
  readonly expiresAt: string | null;
}

/** Notices of one shard that run again. */
export interface RedriveStatus {
  readonly shardId: string;
  readonly state: 'running' | 'waiting' | 'blocked' | 'paused';
  /** That have not succeeded and were not given up again yet, the one at work among them. */
  readonly notices: number;
  /** Why nothing can be settled although the function may be well; absent otherwise. */
  readonly why?: string;
  readonly blocked: RedriveBlocked | null;
}

export interface SourceProblem {
  readonly daemon: string;
  readonly reason: string;
}

export interface MappingStatus {
  readonly name: string;
  readonly function: string;
  readonly functionVersion: string;
  readonly source: Readonly<Record<string, unknown>>;
  /** Absent where the mapping has none. */
  readonly output?: OutputStatus;
  /** Of a Kafka source, once it is known. */
  readonly group?: GroupStatus;
  /** Why daemons cannot read the source right now; absent when all of them can. */
  readonly sourceProblems?: readonly SourceProblem[];
  /** Absent when nothing is being redriven. */
  readonly redrives?: readonly RedriveStatus[];
  readonly state: 'Enabled' | 'Disabled' | 'Draining';
  readonly lastProcessingResult: string;
  readonly shards: readonly ShardStatus[];
}

/** Child processes that a function lost, by why (sandbox/types.ts, LossReason). */
export interface LostChildren {
  readonly timeout: number;
  readonly outOfMemory: number;
  readonly exit: number;
  readonly protocol: number;
  readonly startFailed: number;
}

interface LossDetail {
  readonly reason: keyof LostChildren;
  readonly errorType: string;
  readonly errorMessage: string;
  /** Null for a direct invocation. */
  readonly mapping: string | null;
  readonly shardId: string | null;
}

interface FunctionFigures {
  readonly name: string;
  readonly version: string;
  readonly children: number;
  readonly rssBytes: number;
  readonly coldStarts: number;
  readonly lost: LostChildren;
  /** Pause between two starts of a child while the function is slowed, else 0. */
  readonly delayMs: number;
}

/** What one daemon writes of one function with its heartbeat. */
export interface FunctionShare extends FunctionFigures {
  readonly lastLoss: (LossDetail & { readonly agoMs: number }) | null;
  readonly slowedForMs: number;
}

/** Summed over the daemons that are alive; each counts since its start. */
export interface FunctionStatus extends FunctionFigures {
  readonly lastLoss: (LossDetail & { readonly time: string }) | null;
  /** When the next child may be started; null while it is not slowed. */
  readonly slowedUntil: string | null;
}

export interface DaemonStatus {
  readonly id: string;
  readonly host: string;
  readonly pid: number;
  readonly roles: readonly string[];
  readonly since: string;
  readonly lastSeen: string;
  readonly version: string;
  /** Mappings of which this daemon holds another configuration than the one in force (`config-conflict`); absent when none. */
  readonly conflicts?: readonly string[];
}

export interface Status {
  readonly formatVersion: 1;
  readonly time: string;
  readonly mappings: readonly MappingStatus[];
  readonly functions: readonly FunctionStatus[];
  readonly daemons: readonly DaemonStatus[];
}
