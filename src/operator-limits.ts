/** Every bound on what operators do to a running system, with its reason; all others are in limits.ts. */

/** Acts and changes of configuration: some a day, about 300 bytes each, so years of them in 3 MB. The oldest go first. */
export const AUDIT_ENTRIES_MAX = 10_000;
/** One text of an entry: a detail is a sentence, a name is at most 64 characters. */
export const AUDIT_TEXT_CHARS_MAX = 500;
/** Entries per read of the log. */
export const AUDIT_READ_ENTRIES = 500;
