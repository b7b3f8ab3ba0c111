/** Failures as people read them. Pure. */
import type { Failure, ReadNotice } from '../failure/read-notice.ts';
import { count, firstLine } from './status-words.ts';

const COLUMNS = ['ID', 'TIME', 'MAPPING', 'SHARD', 'CONDITION', 'RECORDS', 'ERROR'] as const;
/** Index of the one column of numbers. */
const RECORDS = COLUMNS.indexOf('RECORDS');

export function formatTable(failures: readonly Failure[]): string {
  if (failures.length === 0) return 'No failures.\n';
  const rows = [COLUMNS, ...failures.map(cellsOf)];
  const widths = COLUMNS.map((_, c) => Math.max(...rows.map((row) => row[c]!.length)));
  const line = (row: readonly string[]) =>
    row.map((cell, c) => (c === RECORDS ? cell.padStart(widths[c]!) : cell.padEnd(widths[c]!))).join('  ');
  return rows.map((row) => `${line(row).trimEnd()}\n`).join('');
}

function cellsOf({ id, time, mapping, shardId, condition, records, error }: Failure): string[] {
  return [id, time, mapping, shardId, condition, String(records), errorText(error)];
}

function errorText(error: Failure['error']): string {
  return error ? firstLine(`${error.errorType}: ${error.errorMessage}`) : '-';
}

/** One notice, with its event as far as it has one. */
export function formatFailure(failure: ReadNotice): string {
  const { id, mapping, shardId, condition, time, records, first, last, requestId, payload, error, notice } = failure;
  const positions = first === last ? first : `${first} to ${last}`;
  const lines = [
    `${id}  ${condition}  ${time}`,
    `mapping ${mapping}, shard ${shardId}: ${records > 0 ? `${count(records, 'record')}, ${positions}` : 'final invocation of a window'}`,
    `request ${requestId}, function version ${String(notice['functionVersion']).slice(0, 12)}`,
    ...(error ? [`${error.errorType}: ${error.errorMessage}`] : []),
    ...(payload === null ? [withoutEvent(failure)] : ['', eventText(payload)]),
  ];
  return lines.map((line) => `${line}\n`).join('');
}

function withoutEvent({ condition, notice }: ReadNotice): string {
  const omitted = notice['payloadOmitted'];
  if (typeof omitted === 'string') return `without its event: ${omitted}`;
  return condition === 'SourceGap' ? 'the source lost these records before they were read' : 'without an event';
}

function eventText(payload: string): string {
  try {
    return JSON.stringify(JSON.parse(payload), null, 2);
  } catch {
    // Not ours then; shown as it is.
    return payload;
  }
}
