/** The durable state at the end of a run, as plain data, and its place in the history. */
import { BEFORE_ALL, parsePosition, previousId, toSequenceNumber } from '../../src/record.ts';
import type { HistoryLine, NoticeLine, PositionLine } from './history.ts';

export interface ShardEnd {
  /** `<mapping>/<shardId>`. */
  readonly shard: string;
  /** Entry id or sequence number; null: nothing settled. */
  readonly checkpoint: string | null;
  /** last-delivered-id of the mapping's group, from XINFO GROUPS; null: no group. */
  readonly groupMarker: string | null;
  /** First entry that the stream still has: all before it is trimmed. Leave it out where the test trims by hand. */
  readonly firstEntry?: string | null;
  readonly unitsPending: number;
  /** How many records run, or ran, again after rewinds. */
  readonly redelivered?: number;
  /** Absent: not to be compared. */
  readonly settled?: { readonly succeeded: number; readonly expired: number; readonly givenUp: number };
}

export interface NoticeEnd {
  readonly shard: string;
  /** Entry id in the failure stream: Redis TIME of the settle that wrote it. */
  readonly id: string;
  /** The entry's field `notice`, parsed. */
  readonly notice: {
    readonly requestContext: {
      readonly requestId: string;
      readonly condition: string;
      readonly approximateInvokeCount: number;
    };
    readonly KinesisBatchInfo: {
      readonly startSequenceNumber: string;
      readonly endSequenceNumber: string;
      readonly batchSize: number;
    };
  };
}

export interface EndState {
  readonly shards: readonly ShardEnd[];
  readonly notices: readonly NoticeEnd[];
  /** Jobs in BullMQ's `failed` set, over all mappings. */
  readonly failedJobs: number;
  /** True when the test waited until everything was settled: then nothing may be left. */
  readonly drained: boolean;
}

/** Sequence number of an entry id or sequence number. */
export function positionOf(text: string): string {
  const id = parsePosition(text);
  if (id === undefined) throw new Error(`no position: ${text}`);
  return toSequenceNumber(id);
}

/**
 * The history with the end state put into it: notices at the moment of their settle (Redis TIME, on the recorder's monotonic clock),
 * checkpoints and group markers at the end. The result is in the order of time.
 */
export function withEndState(history: readonly HistoryLine[], end: EndState): HistoryLine[] {
  const last = history.at(-1);
  const run = last?.run ?? 'run';
  // Both clocks are stamped together on every line, so any line gives the offset; the last one bounds drift at the end.
  const offset = last ? last.tWall - last.tMono : 0;
  const notices = end.notices.map(({ shard, id, notice }): NoticeLine => {
    const tWall = Number(id.slice(0, id.indexOf('-')));
    const { requestId, condition, approximateInvokeCount } = notice.requestContext;
    const { startSequenceNumber, endSequenceNumber, batchSize } = notice.KinesisBatchInfo;
    return {
      ...{ tMono: tWall - offset, tWall, run, pid: null, shard, condition, requestId },
      kind: condition === 'SourceGap' ? 'gap' : 'notice',
      first: startSequenceNumber,
      last: endSequenceNumber,
      count: batchSize,
      invokeCount: approximateInvokeCount,
    };
  });
  // The last settle may come behind all that was recorded; what is read after it is no earlier.
  const tMono = Math.max(last ? last.tMono : 0, ...notices.map((notice) => notice.tMono));
  const now = { tMono, tWall: tMono + offset, run, pid: null };
  const positions = end.shards.flatMap(({ shard, checkpoint, groupMarker, firstEntry }): PositionLine[] => {
    const line = (
      kind: 'checkpoint' | 'ack',
      text: string | null | undefined,
      what?: 'group' | 'trim',
    ): PositionLine[] => (text ? [{ ...now, kind, shard, position: positionOf(text), ...(what && { what }) }] : []);
    const trim = firstEntry ? previousId(firstEntry) : null;
    return [
      ...line('ack', groupMarker === BEFORE_ALL ? null : groupMarker, 'group'),
      ...line('ack', trim === BEFORE_ALL ? null : trim, 'trim'),
      ...line('checkpoint', checkpoint),
    ];
  });
  return [...history, ...notices, ...positions].sort((a, b) => a.tMono - b.tMono);
}
