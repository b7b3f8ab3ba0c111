/** What the connector asks of a Kafka client: as little as it can, so that another client can take kafkajs' place (kafkajs.ts). */

export interface KafkaConnection {
  readonly brokers: readonly string[];
  readonly clientId: string;
  /** Paths of PEM files; true: the system's certificates; false: no encryption. */
  readonly ssl:
    boolean | { readonly ca?: string; readonly cert?: string; readonly key?: string; readonly passphrase?: string };
  readonly sasl?: {
    readonly mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512';
    readonly username: string;
    readonly password: string;
  };
}

export interface KafkaMessage {
  readonly offset: number;
  /** As Kafka has it, ms; -1: none. */
  readonly timestamp: string;
  readonly logAppendTime: boolean;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  /** In order of their first occurrence; one name may have several values. */
  readonly headers: readonly (readonly [name: string, value: Buffer | null])[];
}

export interface FetchedBatch {
  readonly partition: number;
  /** The offset that was asked for; null: not known. */
  readonly from: number | null;
  readonly messages: readonly KafkaMessage[];
  /** Where the next fetch begins. */
  readonly next: number;
  readonly end: number;
  readonly bytes: number;
}

export interface PartitionEnds {
  readonly low: number;
  readonly high: number;
}

export interface Committed {
  readonly offset: number;
  readonly metadata: string;
}

export interface CommitEntry extends Committed {
  readonly partition: number;
}

/** What the brokers say of a topic. */
export interface TopicFacts {
  /** Changes when the topic is made anew; null: not known. */
  readonly id: string | null;
  readonly mayRead: boolean;
  readonly mayWrite: boolean;
}

/** Of the consumer group, as its coordinator has it. */
export interface MemberFacts {
  readonly clientId: string;
  readonly host: string;
  /** Of the topic, ascending. */
  readonly partitions: readonly number[];
}

export interface GroupEvents {
  /** The member has these partitions and no others; none of them is fetched until it is begun. Called again after each rebalance. */
  assigned(partitions: readonly number[]): void;
  /** Takes the batch and comes back soon: all partitions of the broker wait for it. */
  batch(batch: FetchedBatch): Promise<void>;
  /** The client was at an offset that the log does not have, and went elsewhere by itself. */
  outOfRange(partition: number): void;
  /** The member is gone for good and has to be made anew. */
  ended(error: unknown): void;
}

export interface GroupMember {
  begin(partition: number, offset: number): void;
  pause(partition: number): void;
  resume(partition: number): void;
  /** Rejected by the broker when the partitions belong to another member meanwhile. */
  commit(entries: readonly CommitEntry[]): Promise<void>;
  leave(): Promise<void>;
}

export interface GroupOptions {
  readonly groupId: string;
  readonly topic: string;
  readonly readUncommitted: boolean;
  readonly events: GroupEvents;
}

export interface KafkaClient {
  /** Null: there is no such topic. */
  partitions(topic: string): Promise<readonly number[] | null>;
  /** Refused: the login may not even know whether there is one. Null: not known right now. */
  facts(topic: string): Promise<TopicFacts | 'missing' | 'refused' | null>;
  /** Asked without becoming a member. */
  mayJoin(groupId: string): Promise<boolean>;
  ends(topic: string): Promise<ReadonlyMap<number, PartitionEnds>>;
  /** First offset at or after the time; a partition without one has its end. */
  offsetsAt(topic: string, timestampMs: number): Promise<ReadonlyMap<number, number>>;
  /** Partitions without a committed offset are absent. */
  committed(groupId: string, topic: string): Promise<ReadonlyMap<number, Committed>>;
  members(groupId: string, topic: string): Promise<readonly MemberFacts[]>;
  join(options: GroupOptions): Promise<GroupMember>;
  close(): Promise<void>;
}
