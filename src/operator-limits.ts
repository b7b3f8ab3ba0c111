/** Every bound on what operators do to a running system, with its reason; all others are in limits.ts. */

/** Acts and changes of configuration: some a day, about 300 bytes each, so years of them in 3 MB. The oldest go first. */
export const AUDIT_ENTRIES_MAX = 10_000;
/** One text of an entry: a detail is a sentence, a name is at most 64 characters. */
export const AUDIT_TEXT_CHARS_MAX = 500;
/** Entries per read of the log. */
export const AUDIT_READ_ENTRIES = 500;

/**
 * Past pauses that a shard remembers for the age of its records. Beyond it the two oldest become one, so that the time between them does
 * not count either: records live longer, never shorter.
 */
export const PAUSES_KEPT_MAX = 100;
/** Shards per script that pauses them or lets them run: well below a millisecond of the server's time. */
export const SHARDS_PAUSED_AT_ONCE = 250;
/** Shards whose turns are asked for in one go. */
export const SHARDS_TOLD_AT_ONCE = 250;
/** Shards per script that rewinds them: about 10 µs of the server's time each. */
export const SHARDS_REWOUND_AT_ONCE = 250;
/** A rewind is planned anew when records were removed meanwhile; after so many times it says so. */
export const REWIND_TRIES_MAX = 20;
/** Records that one `mapping skip` takes: they are read once to be named and once to be written into notices, a second or two of work. */
export const SKIP_RECORDS_MAX = 100_000;
/** Turns that may take the shard from a skip at work, one after the other, before it says so. */
export const SKIP_TRIES_MAX = 100;
