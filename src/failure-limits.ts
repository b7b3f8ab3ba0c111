/** The bounds of `millrace failures` (failure/, commands/failures*), each with its reason. Units are in the names. */

/** Notices read at once: each may hold an event of 6 MB, twice as long as JSON text. */
export const FAILURES_PAGE = 20;
/** A topic that is read once: longer than the rebalance of a new group and a request that is made again. */
export const KAFKA_READ_STALL_MS = 30_000;
/** How often pollers look whether notices are to be redriven: a command's notices begin to run within this. */
export const REDRIVE_LOOK_MS = 1_000;
/** Notices that one script puts into a redrive: each is a few hundred bytes of Lua's work. */
export const REDRIVE_ENQUEUE_NOTICES = 500;
/** Texts of notices from another system that one script takes: as large as a frame of the largest one. */
export const REDRIVE_ENQUEUE_BYTES = 16 * 1024 * 1024;
/** And so many of them wait in Redis for one command. */
export const REDRIVE_TEXT_BYTES = 64 * 1024 * 1024;
/** How often the command looks how far its notices are. */
export const REDRIVE_FOLLOW_MS = 250;
/** Names in one question for tickets. */
export const REDRIVE_TICKETS = 1_000;
/** A head whose next attempt is further off has failed about six times since its redrive: it is reported, and not waited for. */
export const REDRIVE_PATIENCE_MS = 5_000;
/** So long a daemon that serves the mapping is waited for: one that is being started comes within this. */
export const REDRIVE_NOBODY_MS = 10_000;
/** What is known of a notice that is gone is kept for so long, so that a command that is at work hears of it; covers clocks that differ. */
export const REDRIVE_TICKET_KEPT_MS = 10 * 60 * 1000;
