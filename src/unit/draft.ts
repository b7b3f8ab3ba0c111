/** A decision in the making. Steps of the rules write into it in order; `finish` makes it the plain data that settle takes. */
import type { Output } from '../output.ts';
import type { EntryId } from '../record.ts';
import type { Closing } from '../tumbling.ts';
import type { Piece } from './pieces.ts';
import type { Decision, GiveUp, Unit } from './types.ts';

export interface Draft {
  checkpoint: EntryId | null;
  succeeded: number;
  expired: number;
  givenUp: number;
  filtered: number;
  giveUps: GiveUp[];
  outputs: readonly Output[];
  window: Decision['window'];
  /** The head ends this window. */
  closes: Closing | undefined;
  /** What is left of the head, head first; `rest` is the stack behind it. */
  pieces: Piece[];
  rest: readonly Unit[];
  notBefore: number | null;
  lastProcessingResult: Decision['lastProcessingResult'];
  failed: boolean;
}

export function startDraft(pieces: Piece[], rest: readonly Unit[]): Draft {
  return {
    checkpoint: null,
    succeeded: 0,
    expired: 0,
    givenUp: 0,
    filtered: 0,
    giveUps: [],
    outputs: [],
    window: undefined,
    closes: pieces[0]?.unit.closes,
    pieces,
    rest,
    notBefore: null,
    lastProcessingResult: null,
    failed: false,
  };
}

export function finish(draft: Draft): Decision {
  if (draft.closes) withoutRecords(draft, draft.closes);
  return {
    checkpoint: draft.checkpoint,
    succeeded: draft.succeeded,
    expired: draft.expired,
    givenUp: draft.givenUp,
    filtered: draft.filtered,
    giveUps: draft.giveUps,
    ...(draft.outputs.length > 0 && { outputs: draft.outputs }),
    ...(draft.window !== undefined && { window: draft.window }),
    stack: [...draft.pieces.map((piece) => piece.unit), ...draft.rest],
    // A wait belongs to what is left of the head; when that is settled, what comes next is due at once.
    notBefore: draft.pieces.length > 0 ? draft.notBefore : null,
    lastProcessingResult: draft.lastProcessingResult,
    failed: draft.failed,
  };
}

/** What a final invocation stands for is no record: nothing is counted, and the checkpoint stays. */
function withoutRecords(draft: Draft, closes: Closing): void {
  draft.checkpoint = null;
  draft.succeeded = 0;
  draft.expired = 0;
  draft.givenUp = 0;
  draft.giveUps = draft.giveUps.map((giveUp) => ({ ...giveUp, count: 0, closes }));
  if (draft.pieces.length === 0) draft.window = 'closed';
}
