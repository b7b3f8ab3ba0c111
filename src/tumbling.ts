/**
 * Tumbling windows: periods of a fixed length, aligned to multiples of it, over which a function carries state from invocation to invocation
 * (esm-semantics.md §1.10). A shard has at most one open; it is kept in the shard's state and written by the settle.
 */

/** AWS's bound on the state, as JSON text in UTF-8; beyond it the window ends early. */
export const WINDOW_STATE_BYTES_MAX = 1024 * 1024;
/** Of an event, kept free for the state and the other members of its window: records have what is left of the 6 MB. */
export const WINDOW_MEMBERS_BYTES = WINDOW_STATE_BYTES_MAX + 4 * 1024;
/** A record that claims to be further ahead of Redis' clock than this counts as having come now: one wrong clock must not hold a window open for hours. */
export const WINDOW_AHEAD_MS = 1_000;
/** A window without further records ends so long after its end where records come by way of a feed: those of its last moments are on their way. */
export const WINDOW_FEED_MS = 5_000;
/** A window whose end has come waits so long for another look while its feed is behind the source. */
export const WINDOW_LOOK_AGAIN_MS = 1_000;

/** Times in ms, the end exclusive. */
export interface WindowPart {
  readonly start: number;
  readonly end: number;
  /** How often the period was begun anew because it had ended early. */
  readonly part: number;
}

export interface Window extends WindowPart {
  readonly open: boolean;
  /** Ended before its time. */
  readonly early: boolean;
}

/** What ends a window: its final invocation, a unit without records. */
export interface Closing extends WindowPart {
  readonly early: boolean;
  /** When it was due: its age counts from here. */
  readonly at: number;
}

/** Where outputs of a final invocation come from (contract.md, "Outputs and pipelines"). */
export function windowName({ start, part }: WindowPart): string {
  return part === 0 ? `w${start}` : `w${start}.${part}`;
}
