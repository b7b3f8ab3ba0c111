/** Every bound on Kafka and the spools that are filled from it, with its reason; all others are in limits.ts. Units are in the names. */

// --- spools (shard/spool.ts, connectors/kafka) -----------------------------------------------------------------
/** Unsettled records of one spool: several turns' worth of the largest batch; what is beyond waits in Kafka. */
export const SPOOL_RECORDS_MAX = 20_000;
/** As Redis counts the memory of its stream. 1,000 partitions at their bound are 16 GB, which maxmemory must then allow. */
export const SPOOL_BYTES_MAX = 16 * 1024 * 1024;
/** Records and bytes of one append: some milliseconds of the server's time. */
export const APPEND_RECORDS = 1_000;
export const APPEND_BYTES = 512 * 1024;
/** Of one entry of a spool: what a look at a single record of it reads besides. */
export const SPOOL_BLOCK_RECORDS = 100;
export const SPOOL_BLOCK_BYTES = 64 * 1024;

// --- Kafka (connectors/kafka) -----------------------------------------------------------------------------------
/** A fetch waits so long for records: seek, resume and leaving the group wait for it, too (5 s each with a wait of 5 s). */
export const KAFKA_FETCH_WAIT_MS = 300;
/** Bytes of one partition in one fetch; a larger record comes all the same. */
export const KAFKA_FETCH_BYTES = 1024 * 1024;
/** Fetched and not yet appended, per partition: the next fetch travels while Redis takes this one; then the partition pauses. */
export const KAFKA_QUEUED_BYTES = 2 * 1024 * 1024;
/** Without a heartbeat for so long the group gives a member's partitions to others: a killed poller's are read again after it. */
export const KAFKA_SESSION_MS = 6_000;
/** A rebalance is heard of with the next heartbeat, and all partitions wait for the last member that hears of it. */
export const KAFKA_HEARTBEAT_MS = 500;
/** Fetching waits so long for the answer to a heartbeat: usually it is there in a few ms, and while a broker is away it may take 5 s. */
export const KAFKA_HEARTBEAT_WAIT_MS = 300;
/** The group waits so long for a member to join again before it goes on without it. */
export const KAFKA_REBALANCE_MS = 10_000;
/** New partitions and a topic that was made anew are noticed within this. */
export const KAFKA_METADATA_MS = 10_000;
/**
 * A log that ends before what was fetched has to do so for this long to count as cut: a new leader knows its end within a second or two. So
 * has another id of the topic: longer than KAFKA_METADATA_MS, so that it was told twice.
 */
export const KAFKA_CUT_MS = 15_000;
/** The committed offset follows the checkpoint this often (contract.md: at most 1 s behind). */
export const KAFKA_COMMIT_MS = 500;
/** A full spool is asked for room this often. */
export const KAFKA_ROOM_MS = 50;
/** Pause before a consumer that ended in an error is made anew, and before a broker that is away is asked again. */
export const KAFKA_RETRY_MS = 1_000;
/** Leaving the group, and telling it what is settled; a broker that is away must not hold up a stop. */
export const KAFKA_LEAVE_MS = 2_000;
export const KAFKA_CONNECT_MS = 5_000;
export const KAFKA_REQUEST_MS = 10_000;
