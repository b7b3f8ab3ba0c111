/** Every bound on outboxes, with its reason; all others are in limits.ts. Units are in the names. */

/**
 * Messages of one shard that wait to be sent; at the bound the shard waits. Beyond it goes one unit, when the outbox is empty: about
 * 1 KB a record and, with its quotes escaped, up to twice a full event, so 22 MB at most. 100 shards whose topic is away take 1.6 to 3.8 GB.
 */
export const OUTBOX_BYTES_MAX = 16 * 1024 * 1024;
/** Sent in one request: a broker takes 1 MB by default. A larger message goes alone. */
export const OUTBOX_SEND_BYTES = 512 * 1024;
export const OUTBOX_SEND_MESSAGES = 500;
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
/** Pause after a refusal; doubles up to the second. */
export const OUTBOX_RETRY_FIRST_MS = 250;
export const OUTBOX_RETRY_MAX_MS = 10_000;
/** A stop waits so long for what the last settles wrote to be sent; what is left is kept. */
export const OUTBOX_STOP_MS = 2_000;
