/** The bounds of `millrace failures` (failure/, commands/failures*), each with its reason. Units are in the names. */

/** Notices read at once: each may hold an event of 6 MB, twice as long as JSON text. */
export const FAILURES_PAGE = 20;
/** A topic that is read once: longer than the rebalance of a new group and a request that is made again. */
export const KAFKA_READ_STALL_MS = 30_000;
