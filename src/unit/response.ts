/** Partial batch responses in all their odd forms (esm-semantics.md §1.9), without parsing more of the result than they need. */
import { RESPONSE_IDENTIFIER_LENGTH_MAX, RESPONSE_ITEMS_MAX } from '../limits.ts';
import { type EntryId, toSequenceNumber } from '../record.ts';
import { findMember, listItems, type Span, stringAt, wholeValue } from './json-scan.ts';

export type BatchResponse =
  | { readonly kind: 'success' }
  /** At least one identifier, as written; whether they are in the batch is not checked here. */
  | { readonly kind: 'partial'; readonly identifiers: readonly string[] }
  | { readonly kind: 'malformed'; readonly reason: string };

const SUCCESS: BatchResponse = { kind: 'success' };
const malformed = (reason: string): BatchResponse => ({ kind: 'malformed', reason });

/**
 * `text` is the handler's return value as JSON text ('' and 'null' for none). What is not an object, or an object without
 * `batchItemFailures`, says nothing about items and is success; a present but unusable list fails the whole unit.
 */
export function parseResponse(text: string): BatchResponse {
  const whole = wholeValue(text);
  if (!whole) return text.trim() === '' ? SUCCESS : malformed('the response is not JSON');
  if (text[whole.start] !== '{') return SUCCESS;
  const list = findMember(text, whole, 'batchItemFailures');
  if (list === undefined) return malformed('the response is not JSON');
  if (list === null || text.slice(list.start, Math.min(list.end, list.start + 5)) === 'null') return SUCCESS;
  if (text[list.start] !== '[') return malformed('batchItemFailures is not a list');
  const items = listItems(text, list, RESPONSE_ITEMS_MAX);
  if (!items) return malformed(`batchItemFailures is not a list of at most ${RESPONSE_ITEMS_MAX} items`);
  if (items.length === 0) return SUCCESS;
  const identifiers: string[] = [];
  for (const item of items) {
    const identifier = identifierOf(text, item);
    if (!identifier) return malformed('an item of batchItemFailures has no itemIdentifier, or one that is not a text');
    identifiers.push(identifier);
  }
  return { kind: 'partial', identifiers };
}

function identifierOf(text: string, item: Span): string | undefined {
  if (text[item.start] !== '{') return undefined;
  const value = findMember(text, item, 'itemIdentifier');
  return value ? identifierAt(text, value) : undefined;
}

/** What an `itemIdentifier` says; undefined when it is neither a text nor Kafka's form. */
export function identifierAt(text: string, value: Span): string | undefined {
  if (value.end - value.start > RESPONSE_IDENTIFIER_LENGTH_MAX) return undefined;
  return text[value.start] === '{' ? partitionAndOffset(text, value) : stringAt(text, value);
}

/** Kafka's form, `{"partition":"topic-0","offset":123}`, as one text. */
function partitionAndOffset(text: string, value: Span): string | undefined {
  const partition = findMember(text, value, 'partition');
  const offset = findMember(text, value, 'offset');
  if (!partition || !offset) return undefined;
  const number = text[offset.start] === '"' ? stringAt(text, offset) : text.slice(offset.start, offset.end);
  const name = stringAt(text, partition);
  return name && number && /^\d+$/.test(number) ? `${name}@${number}` : undefined;
}

/** Index of each record by all of its names. */
export function indexOfNames(
  records: readonly { readonly id: EntryId }[],
  namesOf: (id: EntryId) => readonly string[],
): ReadonlyMap<string, number> {
  const indexOf = new Map<string, number>();
  records.forEach(({ id }, index) => {
    for (const name of namesOf(id)) indexOf.set(name, index);
  });
  return indexOf;
}

/** A record's sequence number, or its entry id, exactly as the event or Redis writes it. */
export function entryNames(id: EntryId): readonly string[] {
  return [toSequenceNumber(id), id];
}

/**
 * Index of the lowest record that the identifiers name; undefined when one of them names no record of the batch.
 */
export function lowestNamed(
  identifiers: readonly string[],
  records: readonly { readonly id: EntryId }[],
  namesOf: (id: EntryId) => readonly string[] = entryNames,
): number | undefined {
  const indexOf = indexOfNames(records, namesOf);
  let lowest = records.length;
  for (const identifier of identifiers) {
    const index = indexOf.get(identifier);
    if (index === undefined) return undefined;
    lowest = Math.min(lowest, index);
  }
  return lowest;
}
