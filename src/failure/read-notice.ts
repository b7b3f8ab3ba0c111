/** A notice as it is read back: what `millrace failures` shows of it, and what a redrive needs of it. Pure. */

/** contract.md, "Acting on a running system". */
export interface Failure {
  /** Of the entry in the failure stream, or `<partition>:<offset>` in a topic. */
  readonly id: string;
  readonly mapping: string;
  readonly shardId: string;
  readonly condition: string;
  /** ISO 8601. */
  readonly time: string;
  readonly records: number;
  readonly error: { readonly errorType: string; readonly errorMessage: string } | null;
}

export interface ReadNotice extends Failure {
  readonly requestId: string;
  /** First and last record; of a SourceGap the first and last missing position; '' of the final invocation of a window, which has no records. */
  readonly first: string;
  readonly last: string;
  /** ms; null: it is not known. */
  readonly firstArrivalMs: number | null;
  /** Its tumbling window; null: none, or it never ran. */
  readonly window: NoticeWindowInfo | null;
  /** The invocation event as JSON text; null when the notice has none. */
  readonly payload: string | null;
  /** As it stands in the destination. */
  readonly notice: Readonly<Record<string, unknown>>;
}

/** Times in ms, the end exclusive. */
export interface NoticeWindowInfo {
  readonly start: number;
  readonly end: number;
  readonly early: boolean;
  readonly final: boolean;
}

/** Null: it is no notice of ours. */
export function readNotice(id: string, text: string): ReadNotice | null {
  const notice = objectOf(() => JSON.parse(text) as unknown);
  const context = objectIn(notice, 'requestContext');
  const batch = finalBatch(notice) ?? kinesisBatch(notice) ?? kafkaBatch(notice);
  const { mapping, timestamp, payload } = notice ?? {};
  if (!notice || !context || !batch || typeof mapping !== 'string') return null;
  const error = objectIn(notice, 'error');
  return {
    ...{ id, mapping, shardId: batch.shardId, condition: String(context['condition']), time: String(timestamp) },
    records: batch.records,
    error: error && { errorType: String(error['errorType']), errorMessage: String(error['errorMessage']) },
    ...{ requestId: String(context['requestId']), first: batch.first, last: batch.last },
    ...{ firstArrivalMs: batch.firstArrivalMs, window: windowInfo(notice) },
    ...{ payload: typeof payload === 'string' ? payload : null, notice },
  };
}

/** Only what a list shows of it. */
export function summaryOf({ id, mapping, shardId, condition, time, records, error }: ReadNotice): Failure {
  return { id, mapping, shardId, condition, time, records, error };
}

type Part = Readonly<Record<string, unknown>>;

interface Batch {
  readonly shardId: string;
  readonly records: number;
  readonly first: string;
  readonly last: string;
  readonly firstArrivalMs: number | null;
}

function windowInfo(notice: Part): NoticeWindowInfo | null {
  const info = objectIn(notice, 'timeWindowInfo');
  const times = objectIn(info, 'window');
  const [start, end] = [msOf(times?.['start']), msOf(times?.['end'])];
  if (!info || start === null || end === null) return null;
  return {
    ...{ start, end, early: info['isWindowTerminatedEarly'] === true },
    final: info['isFinalInvokeForWindow'] === true,
  };
}

function msOf(time: unknown): number | null {
  const ms = typeof time === 'string' ? Date.parse(time) : NaN;
  return Number.isNaN(ms) ? null : ms;
}

/** Of the final invocation of a tumbling window: the notice says nothing of records, and the shard is in its event. */
function finalBatch(notice: Part | null): Batch | null {
  if (objectIn(notice, 'timeWindowInfo')?.['isFinalInvokeForWindow'] !== true) return null;
  const payload = notice?.['payload'];
  const event = typeof payload === 'string' ? objectOf(() => JSON.parse(payload) as unknown) : null;
  const shardId = objectIn(notice, 'KinesisBatchInfo')?.['shardId'] ?? event?.['shardId'];
  const id = typeof shardId === 'string' ? shardId : '';
  return { shardId: id, records: 0, first: '', last: '', firstArrivalMs: null };
}

function kinesisBatch(notice: Part | null): Batch | null {
  const info = objectIn(notice, 'KinesisBatchInfo');
  if (!info) return null;
  return {
    ...{ shardId: String(info['shardId']), records: Number(info['batchSize']) },
    ...{ first: String(info['startSequenceNumber']), last: String(info['endSequenceNumber']) },
    firstArrivalMs: msOf(info['approximateArrivalOfFirstRecord']),
  };
}

function kafkaBatch(notice: Part | null): Batch | null {
  const info = objectIn(notice, 'KafkaBatchInfo');
  const [entry] = Object.entries(objectIn(info, 'recordsInfo') ?? {});
  if (!info || !entry) return null;
  const [shardId, bounds] = entry as [string, Part];
  return {
    ...{ shardId, records: Number(info['batchSize']) },
    ...{ first: String(bounds['firstRecordOffset']), last: String(bounds['lastRecordOffset']) },
    firstArrivalMs: msOf(bounds['firstRecordTimestamp']),
  };
}

function objectIn(part: Part | null, name: string): Part | null {
  return objectOf(() => part?.[name]);
}

function objectOf(make: () => unknown): Part | null {
  try {
    const value = make();
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Part) : null;
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}
