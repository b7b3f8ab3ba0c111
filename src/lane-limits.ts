/** Bounds of lanes (lanes.ts). */

/** Records that a lane may be ahead of the one that is furthest behind: what a poison key holds back of trimming, and of a spool, ends somewhere. */
export const LANE_AHEAD_RECORDS_MAX = 100_000;

/** Reads of a shard that lanes have in common: they are about a read or two apart while none of them is blocked. */
export const LANE_READS_KEPT = 4;

/** A lane that has nothing to do looks again so often while another one is at work. */
export const LANE_LOOK_MS = 10;
