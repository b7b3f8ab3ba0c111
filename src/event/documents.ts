/** Records whose data is itself JSON for the function: one event of them, as text; and what is said of data that is none. */
import { asciiOnly } from '../ascii-json.ts';
import { NOT_KEPT, NOT_TEXT, type PartText } from '../pattern.ts';
import type { EncodedEvent } from './kinesis.ts';

/** No event can be made of this record; the message is for the notice. */
export class RecordRefused extends Error {}
/** The record is larger than any event. */
export class RecordNotKept extends Error {}

/** @throws RecordRefused, RecordNotKept */
export function parseData(text: PartText): unknown {
  if (text === null) throw new RecordRefused('The record has no data (a tombstone)');
  if (text === NOT_TEXT) throw new RecordRefused('The data of this record is no JSON: it is not UTF-8');
  if (text === NOT_KEPT) throw new RecordNotKept();
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    throw new RecordRefused(`The data of this record is no JSON: ${(error as Error).message}`);
  }
}

export interface DocumentEvent {
  readonly opening: string;
  readonly closing: string;
  /** Record i as its share of the event, '' when it has none. @throws RecordRefused, RecordNotKept */
  readonly share: (i: number) => string;
  /** Length of a record that was not kept. */
  readonly lengthOf: (i: number) => number;
}

/** The records [from, to), as many as fit and can be read: the first that cannot be read begins another event. */
export function encodeDocuments(
  { opening, closing, share, lengthOf }: DocumentEvent,
  from: number,
  to: number,
  maxBytes: number,
): EncodedEvent {
  let text = opening;
  let count = 0;
  let missed = 0;
  let refusal: string | undefined;
  for (let i = from; i < to; i++) {
    let own: string;
    try {
      own = asciiOnly(share(i));
    } catch (error) {
      missed = opening.length + lengthOf(i) + closing.length;
      refusal = refusalOf(error);
      break;
    }
    const comma = own !== '' && text.length > opening.length ? 1 : 0;
    if (text.length + comma + own.length + closing.length > maxBytes) {
      missed = opening.length + own.length + closing.length;
      break;
    }
    text += comma === 1 ? `,${own}` : own;
    count++;
  }
  text += closing;
  const first = count === 0 && to > from;
  return {
    event: Buffer.from(text, 'latin1'),
    ascii: true,
    columns: null,
    count,
    bytes: first ? missed : text.length,
    ...(first && refusal !== undefined && { refusal }),
  };
}

function refusalOf(error: unknown): string | undefined {
  if (error instanceof RecordRefused) return error.message;
  if (error instanceof RecordNotKept) return undefined;
  // JSON.stringify on what is nested deeper than the stack allows.
  if (error instanceof RangeError) return 'The data of this record is nested too deeply';
  throw error;
}

/** What a filter sees of a record that is made by `make`. */
export function documentsOr(make: () => readonly unknown[]): readonly unknown[] | typeof NOT_KEPT {
  try {
    return make();
  } catch (error) {
    if (error instanceof RecordNotKept) return NOT_KEPT;
    if (error instanceof RecordRefused) return [];
    throw error;
  }
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
