/** NDJSON, as `stream put` reads it: bytes → lines → records. No input or output of its own. */
import { isUtf8 } from 'node:buffer';
import { messageOf, MillraceError } from '../errors.ts';
import { PARTITION_KEY_CHARS_MAX, PUT_RECORD_BYTES_MAX } from '../limits.ts';

const LF = 10;
const BOM = Buffer.from([0xef, 0xbb, 0xbf]);

/** Cuts chunks into lines; keeps no more of an unfinished line than a record may have. */
export class LineSplitter {
  /** Of the line that the next call to `push` or `end` completes first, from 1. */
  lineNumber = 1;
  #rest: Buffer[] = [];
  #restBytes = 0;

  /** The lines that this chunk completes, without their line feeds. */
  push(chunk: Buffer): Buffer[] {
    const lines: Buffer[] = [];
    let from = 0;
    for (let at = chunk.indexOf(LF); at !== -1; at = chunk.indexOf(LF, from)) {
      const line = chunk.subarray(from, at);
      lines.push(this.#restBytes === 0 ? line : this.#join(line));
      from = at + 1;
    }
    if (from < chunk.length) {
      this.#rest.push(chunk.subarray(from));
      this.#restBytes += chunk.length - from;
    }
    if (this.#restBytes > PUT_RECORD_BYTES_MAX) throw tooLong(this.lineNumber + lines.length);
    return lines;
  }

  /** What follows the last line feed. */
  end(): Buffer[] {
    return this.#restBytes === 0 ? [] : [this.#join(Buffer.alloc(0))];
  }

  #join(last: Buffer): Buffer {
    const line = Buffer.concat([...this.#rest, last]);
    this.#rest = [];
    this.#restBytes = 0;
    return line;
  }
}

export interface LineRecord {
  /** null: the line has no key of its own. */
  readonly partitionKey: string | null;
  /** The line as it is: its UTF-8 bytes are the record's data. */
  readonly data: string;
}

/** null for a blank line. Throws `record-invalid` with what is wrong; `keyField` names the member that is the partition key. */
export function parseLine(line: Buffer, lineNumber: number, keyField: string | undefined): LineRecord | null {
  if (line.length > PUT_RECORD_BYTES_MAX) throw tooLong(lineNumber);
  if (!isUtf8(line)) throw invalid(lineNumber, 'is not UTF-8 text', 'records are JSON, and JSON is UTF-8');
  let text = (lineNumber === 1 && line.subarray(0, 3).equals(BOM) ? line.subarray(3) : line).toString('utf8');
  if (text.endsWith('\r')) text = text.slice(0, -1);
  if (text.trim() === '') return null;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    const why = messageOf(error);
    throw invalid(lineNumber, `is not JSON: ${why}`, 'each line is one JSON value: the data of one record');
  }
  return { partitionKey: keyField === undefined ? null : keyOf(value, lineNumber, keyField), data: text };
}

function keyOf(value: unknown, lineNumber: number, field: string): string {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw invalid(
      lineNumber,
      `is no JSON object, so that it has no "${field}"`,
      'leave --partition-key out, or correct the line',
    );
  }
  const key: unknown = Object.hasOwn(value, field) ? (value as Record<string, unknown>)[field] : undefined;
  if (key === undefined || key === null) {
    throw invalid(lineNumber, `has no "${field}", which is to be the partition key`, 'every record needs one');
  }
  if (typeof key === 'object')
    throw invalid(lineNumber, `has a "${field}" that is no text or number`, 'a partition key is text');
  const text = String(key);
  if (text === '' || text.length > PARTITION_KEY_CHARS_MAX) {
    throw invalid(
      lineNumber,
      `has a "${field}" of ${text.length} characters`,
      `a partition key has 1 to ${PARTITION_KEY_CHARS_MAX}`,
    );
  }
  return text;
}

function tooLong(lineNumber: number): MillraceError {
  return invalid(
    lineNumber,
    `is longer than ${PUT_RECORD_BYTES_MAX / 1024 / 1024} MB`,
    'is the input NDJSON, one record per line?',
  );
}

function invalid(lineNumber: number, what: string, hint: string): MillraceError {
  return new MillraceError('record-invalid', `line ${lineNumber} ${what}`, { hint });
}
