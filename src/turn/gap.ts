/** Records that the source lost before they were read (contract.md, "gap"; P2: nothing is skipped silently). Pure. */
import { AFTER_ALL, BEFORE_ALL, compareIds, type EntryId, nextId, previousId } from '../record.ts';

export interface StreamNow {
  readonly exists: boolean;
  readonly length: number;
  readonly entriesAdded: number;
  readonly firstId: EntryId | null;
  readonly lastGeneratedId: EntryId;
}

export interface Position {
  /** Everything up to it is settled or in hand. */
  readonly after: EntryId;
  /** Entries ever added up to it. */
  readonly entriesRead: number;
  /** The stream's end when it was last looked at. */
  readonly seenAdded: number;
  readonly seenLast: EntryId | '';
}

export interface Gap {
  readonly first: EntryId;
  readonly last: EntryId;
  readonly lost: number;
  /** Where reading goes on. */
  readonly checkpoint: EntryId;
  readonly entriesRead: number;
  /** The stream was deleted or made anew: its ids begin again, and so does the shard's generation. */
  readonly newGeneration: boolean;
}

export function findGap(at: Position, stream: StreamNow): Gap | null {
  if (!stream.exists) {
    // A key that never existed is waited for; one that had unsettled records when it was last seen was deleted with them.
    return at.seenAdded > at.entriesRead ? recreated(at, stream) : null;
  }
  if (compareIds(stream.lastGeneratedId, at.after) < 0 || stream.entriesAdded < at.entriesRead) {
    return recreated(at, stream);
  }
  const untouched = stream.firstId !== null && compareIds(stream.firstId, at.after) <= 0;
  const lost = stream.entriesAdded - at.entriesRead - stream.length;
  // All of its records lie behind the position, and yet more than were added since: the counts are those of another stream.
  if (stream.firstId !== null && !untouched && lost < 0) return recreated(at, stream);
  if (untouched || lost <= 0) return null;
  const last = stream.firstId !== null ? previousId(stream.firstId) : lastMissing(at, stream);
  return {
    first: nextId(at.after),
    last,
    lost,
    checkpoint: last,
    entriesRead: at.entriesRead + lost,
    newGeneration: false,
  };
}

/** The whole stream is gone; the last id that was given out, unless the shard is sealed, whose last id is none. */
function lastMissing(at: Position, stream: StreamNow): EntryId {
  if (stream.lastGeneratedId !== AFTER_ALL) return stream.lastGeneratedId;
  return at.seenLast !== '' && compareIds(at.seenLast, at.after) > 0 ? at.seenLast : nextId(at.after);
}

function recreated(at: Position, stream: StreamNow): Gap {
  const upTo = at.seenLast !== '' && compareIds(at.seenLast, at.after) > 0 ? at.seenLast : null;
  const before = stream.firstId !== null ? previousId(stream.firstId) : at.after;
  return {
    first: nextId(at.after),
    last: upTo ?? (compareIds(before, at.after) > 0 ? before : nextId(at.after)),
    lost: Math.max(0, at.seenAdded - at.entriesRead),
    checkpoint: BEFORE_ALL,
    entriesRead: 0,
    newGeneration: true,
  };
}
