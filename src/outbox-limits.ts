/** Every bound on outboxes, with its reason; all others are in limits.ts. Units are in the names. */

/**
 * Messages of one shard that wait to be sent; at the bound the shard waits. Beyond it goes one unit, when the outbox is empty: about
 * 1 KB a record and, with its quotes escaped, up to twice a full event, so 22 MB at most. 100 shards whose topic is away take 1.6 to 3.8 GB.
 */
export const OUTBOX_BYTES_MAX = 16 * 1024 * 1024;
/** Sent in one request: a broker takes 1 MB by default. A larger message goes alone. */
export const OUTBOX_SEND_BYTES = 512 * 1024;
/** A transaction for outputs takes 30 ms whatever is in it: 13,000 entries a second with 500, 34,000 with 2,000. */
export const OUTBOX_SEND_ENTRIES = { notices: 500, outputs: 2_000 } as const;
/** How often pollers look for messages; a look costs a microsecond of the server a shard, so with more shards more seldom. */
export const OUTBOX_LOOK_MS = 250;
export const OUTBOX_LOOK_MS_PER_SHARD = 0.1;
/** Outboxes of mappings that have no Kafka destination (any more) are looked at this often. */
export const OUTBOX_LEFT_LOOK_MS = 10_000;
export const OUTBOX_SHARDS_PER_CALL = 250;
/** Outboxes that one poller sends from at a time: each holds one read of messages. */
export const OUTBOX_SENDS_AT_ONCE = 8;
/** One poller sends a shard's messages, for so long without renewing it: a killed one's are sent by others after it. */
export const OUTBOX_LEASE_MS = 5_000;
/** Who sent a shard's outputs last has its transaction's producer open, and may go on for so long before others do. */
export const OUTBOX_LINGER_MS = 1_000;
/** Ways into a place that are open for one shard are closed when nothing went through them for so long. */
export const OUTBOX_IDLE_MS = 60_000;
/** Pause after a refusal; doubles up to the second. */
export const OUTBOX_RETRY_FIRST_MS = 250;
export const OUTBOX_RETRY_MAX_MS = 10_000;
/** A stop waits so long for what the last settles wrote to be sent; what is left is kept. */
export const OUTBOX_STOP_MS = 2_000;
/** A Redis that takes outputs and says nothing for so long is taken for gone. */
export const OUTPUT_ANSWER_MS = 10_000;
/** A transaction whose sender died is aborted by the next one, or after this: readers of what is committed wait for it. */
export const OUTBOX_TRANSACTION_MS = 20_000;
/** The broker ends a transaction some milliseconds after it has said so, and takes no other of that sender until then. */
export const OUTBOX_UNSTABLE_MS = 3;
