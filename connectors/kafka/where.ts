/** Where a partition is read from when a poller takes it over: Redis' state, the group's committed offset and the log's own ends. Pure. */
import type { SpoolLoss, SpoolRestart, SpoolView } from '../../src/spool.ts';
import type { Committed, PartitionEnds } from './client.ts';

/** Begins the metadata of every commit of ours. */
export const OURS = 'millrace:';

export function isOurs(committed: Committed): boolean {
  return committed.metadata.startsWith(OURS);
}

export type Where =
  | { readonly kind: 'fetch'; readonly from: number }
  /** The log begins behind where fetching stands. */
  | { readonly kind: 'lost'; readonly next: number; readonly loss: SpoolLoss }
  /** `doubt`: the next moment may tell another story, so that it has to last; said meanwhile. */
  | { readonly kind: 'restart'; readonly doubt: string | null; readonly why: string; readonly restart: SpoolRestart };

export interface Partition {
  readonly view: SpoolView;
  readonly committed: Committed | undefined;
  readonly ends: PartitionEnds;
  /** Id of the topic that was read until now, and of the one that bears its name; '' where it is not known. */
  readonly origin: string;
  readonly topicId: string;
}

/** What the group's offset is set to: the first unsettled record, and past everything when there is none (contract.md, "Kafka"). */
export function commitOf(view: SpoolView): Committed {
  const offset = view.unsettled > 0 ? view.settledTo : view.next;
  return { offset, metadata: `${OURS}${view.generation}:${view.settledTo - 1}` };
}

export function whereToFetch(partition: Partition): Where {
  const { view, committed, ends, origin, topicId } = partition;
  if (topicId !== '' && origin !== '' && topicId !== origin) return anew(partition);
  if (ends.high < view.next) return topicId === '' ? anew(partition) : cut(partition);
  const set = committed && !isOurs(committed) ? committed.offset : null;
  if (set !== null && set !== commitOf(view).offset) return reset(view, set, origin);
  if (ends.low <= view.next) return { kind: 'fetch', from: view.next };
  const loss = { condition: 'SourceGap', first: view.next, last: ends.low - 1 } as const;
  return { kind: 'lost', next: ends.low, loss };
}

/**
 * What is spooled is settled first; what was there and never fetched is lost; then the new log is read from its beginning. A broker that
 * is behind may still tell of the topic that was there before, after another has told of the new one: it has to last.
 */
function anew({ view, ends, topicId }: Partition): Where {
  return {
    kind: 'restart',
    doubt: 'the topic seems to be another; it is looked at again',
    why: 'the topic was made anew: it is read from its beginning, as a new generation',
    restart: {
      next: ends.low,
      origin: topicId,
      dropUnsettled: false,
      loss: neverFetched(view),
      operator: null,
      redelivered: 0,
    },
  };
}

/**
 * The same topic ends earlier than it did (an unclean election): what comes from there on is new under old offsets. A broker that has
 * just become the leader may say so too, until it has heard how far the log reaches (KIP-207).
 */
function cut({ view, ends, origin }: Partition): Where {
  return {
    kind: 'restart',
    doubt: 'the log ends before what was fetched; it is looked at again',
    why: 'the log was cut: it is read on from its end, as a new generation',
    restart: {
      next: ends.high,
      origin,
      dropUnsettled: false,
      loss: neverFetched(view),
      operator: null,
      redelivered: 0,
    },
  };
}

/** What was seen of the log and is not there any more. */
export function neverFetched({ next, end }: Pick<SpoolView, 'next' | 'end'>): SpoolLoss | null {
  return end > next ? { condition: 'SourceGap', first: next, last: end - 1 } : null;
}

/** An offset that is not ours was set by somebody: back is a rewind, forth is a skip with its notice. */
function reset(view: SpoolView, to: number, origin: string): Where {
  const skipped = to > view.settledTo;
  const why = `the group's offset was set to ${to} by somebody else: ${skipped ? 'what lies before is skipped' : 'reading goes on there'}`;
  return {
    kind: 'restart',
    doubt: null,
    why,
    restart: {
      next: to,
      origin,
      operator: why,
      dropUnsettled: true,
      loss: skipped ? { condition: 'SkippedByOperator', first: view.settledTo, last: to - 1 } : null,
      redelivered: skipped ? 0 : view.settledTo - to,
    },
  };
}
