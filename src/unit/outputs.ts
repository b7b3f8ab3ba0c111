/** The `output` of a handler's answer (contract.md, "Outputs and pipelines"): every entry checked, and what of it may be appended. */
import { EVENT_BYTES_MAX, OUTPUT_HEADERS_BYTES_MAX, OUTPUTS_MAX } from '../limits.ts';
import type { Output } from '../output.ts';
import type { EntryId } from '../record.ts';
import { findMember, findMembers, listItems, type Span, stringAt, wholeValue } from './json-scan.ts';
import { identifierAt, indexOfNames } from './response.ts';

export type OutputList =
  | { readonly kind: 'ok'; readonly outputs: readonly Output[] }
  /** Completes "The function's output cannot be used: …". */
  | { readonly kind: 'malformed'; readonly reason: string };

export interface OutputRecords {
  readonly records: readonly { readonly id: EntryId }[];
  /** How many of them succeeded, the first ones. */
  readonly settled: number;
  readonly namesOf: (id: EntryId) => readonly string[];
  /** Null: it has none. */
  readonly partitionKeyOf: (id: EntryId) => string | null;
}

const NONE: OutputList = { kind: 'ok', outputs: [] };
const MEMBERS = ['partitionKey', 'data', 'dataBase64', 'headers', 'itemIdentifier'] as const;
const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;

class Malformed extends Error {}

/** `text` is the handler's return value as JSON text. Without an `output` there is none. */
export function readOutputs(text: string, of: OutputRecords): OutputList {
  const whole = wholeValue(text);
  if (!whole || text[whole.start] !== '{') return NONE;
  const list = findMember(text, whole, 'output');
  if (list === undefined) return malformed('the answer is not JSON');
  if (list === null || isNull(text, list)) return NONE;
  if (text[list.start] !== '[') return malformed('it is not a list');
  const items = listItems(text, list, OUTPUTS_MAX);
  if (!items) return malformed(`it is not a list of at most ${OUTPUTS_MAX} entries`);
  try {
    return { kind: 'ok', outputs: readEntries(text, items, of) };
  } catch (error) {
    if (error instanceof Malformed) return malformed(error.message);
    throw error;
  }
}

function malformed(reason: string): OutputList {
  return { kind: 'malformed', reason };
}

function readEntries(text: string, items: readonly Span[], of: OutputRecords): Output[] {
  const { records, settled, namesOf } = of;
  const indexOf = indexOfNames(records, namesOf);
  const outputs: Output[] = [];
  const counts = new Map<string, number>();
  let bytes = 0;
  items.forEach((item, i) => {
    const wrong = (what: string): Malformed => new Malformed(`its entry ${i + 1} ${what}`);
    const entry = readEntry(text, item, wrong);
    const index = entry.identifier === null ? null : indexOf.get(entry.identifier);
    if (index === undefined) throw wrong(`has the itemIdentifier ${quoted(entry.identifier!)}, which names no record`);
    if (index === null && settled < records.length)
      throw wrong('has no itemIdentifier, and not every record succeeded');
    if (index === null && entry.partitionKey === null) throw wrong('has neither a partitionKey nor an itemIdentifier');
    const { id } = records[index ?? records.length - 1]!;
    const name = namesOf(id)[0]!;
    const partitionKey = entry.partitionKey ?? of.partitionKeyOf(id) ?? name;
    bytes += Buffer.byteLength(partitionKey) + Buffer.byteLength(entry.data) + Buffer.byteLength(entry.headers);
    if (bytes > EVENT_BYTES_MAX) throw new Malformed(`its entries have more than ${EVENT_BYTES_MAX} bytes`);
    if (index !== null && index >= settled) return;
    const n = counts.get(name) ?? 0;
    counts.set(name, n + 1);
    outputs.push({ partitionKey, data: entry.data, headers: entry.headers, origin: `${name}/${n}` });
  });
  return outputs;
}

interface Entry {
  readonly partitionKey: string | null;
  readonly data: string | Buffer;
  readonly headers: string;
  readonly identifier: string | null;
}

function readEntry(text: string, item: Span, wrong: (what: string) => Malformed): Entry {
  const found = text[item.start] === '{' ? findMembers(text, item, MEMBERS) : undefined;
  if (!found) throw wrong('is not an object');
  const [key, data, base64, headers, identifier] = found as (Span | null)[];
  const given = (value: Span | null | undefined): Span | null => (value && !isNull(text, value) ? value : null);
  const keySpan = given(key);
  const partitionKey = keySpan === null ? null : stringAt(text, keySpan);
  if (partitionKey === undefined) throw wrong('has a partitionKey that is not a text');
  const named = given(identifier);
  const name = named === null ? null : identifierAt(text, named);
  if (name === undefined) throw wrong('has an itemIdentifier that is not a text');
  return {
    ...{ partitionKey, identifier: name },
    data: readData(text, data ?? null, given(base64), wrong),
    headers: readHeaders(text, given(headers), wrong),
  };
}

function readData(
  text: string,
  data: Span | null,
  base64: Span | null,
  wrong: (what: string) => Malformed,
): string | Buffer {
  if (data !== null && base64 !== null) throw wrong('has both data and dataBase64');
  if (base64 !== null) {
    const encoded = stringAt(text, base64);
    if (encoded === undefined || encoded.length % 4 !== 0 || !BASE64.test(encoded))
      throw wrong('has a dataBase64 that is not base64');
    return Buffer.from(encoded, 'base64');
  }
  if (data === null) throw wrong('has neither data nor dataBase64');
  if (text[data.start] !== '"') return text.slice(data.start, data.end);
  const value = stringAt(text, data);
  if (value === undefined) throw wrong('has data that is not JSON');
  return value;
}

function readHeaders(text: string, span: Span | null, wrong: (what: string) => Malformed): string {
  if (span === null) return '';
  if (text[span.start] !== '{') throw wrong('has headers that are not an object');
  const written = text.slice(span.start, span.end);
  if (written.length > OUTPUT_HEADERS_BYTES_MAX)
    throw wrong(`has headers of more than ${OUTPUT_HEADERS_BYTES_MAX} bytes`);
  const values: unknown[] = Object.values(JSON.parse(written) as object);
  if (!values.every((value) => typeof value === 'string')) throw wrong('has a header that is not a text');
  return values.length === 0 ? '' : written;
}

function isNull(text: string, { start, end }: Span): boolean {
  return end - start === 4 && text.startsWith('null', start);
}

function quoted(identifier: string): string {
  return JSON.stringify(identifier.length > 80 ? `${identifier.slice(0, 80)}…` : identifier);
}
