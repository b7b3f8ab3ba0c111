/**
 * How an event crosses to the function: as a row of values per record, without what all records of its shard have in common. The isolate puts the
 * records together. Of a Kinesis event of small records two thirds are names and constants: copying and parsing them was half of what a warm
 * invocation cost (README, Figures).
 */

export type EventColumns = (KinesisColumns | KafkaColumns) & {
  /** The last value is an object of further members of the event. */
  readonly members?: true;
};

/** Rows: partition key, sequence number, data, arrival in seconds. */
export interface KinesisColumns {
  readonly form: 'kinesis';
  /** `<shard id>:` */
  readonly beforeEventId: string;
  readonly invokeIdentityArn: string;
  readonly awsRegion: string;
  readonly eventSourceARN: string;
}

/** Rows: offset, timestamp, 1 for LOG_APPEND_TIME else 0, key or null for none, value or null, headers. */
export interface KafkaColumns {
  readonly form: 'kafka';
  readonly bootstrapServers: string;
  /** The member of `records`: `<topic>-<partition>`. */
  readonly name: string;
  readonly topic: string;
  readonly partition: number;
}
