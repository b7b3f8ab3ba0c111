/** Which records of a fetch belong to transactions that were aborted, as Kafka's own consumer tells them apart (KIP-98). Pure. */

export interface FetchedRecord {
  /** Decimal. */
  readonly offset: string;
  readonly key: Buffer | null;
  /** A marker of the end of a transaction. kafkajs hands out no record of which this is true. */
  isControlRecord: boolean;
  readonly batchContext?: { readonly producerId: string; readonly inTransaction: boolean };
}

export interface AbortedTransaction {
  readonly producerId: string;
  readonly firstOffset: string;
}

/** Type 0 in version 0: an abort. */
const ABORT_MARKER = Buffer.from([0, 0, 0, 0]);

/**
 * Of a partition's records, in their order. `aborted`: as the broker lists them, which is in the order of their ends; where transactions
 * overlap, that is not the order in which they began.
 */
export function abortedRecords<R extends FetchedRecord>(
  records: readonly R[],
  aborted: readonly AbortedTransaction[],
): R[] {
  const beginnings = aborted
    .map(({ producerId, firstOffset }) => ({ producerId, from: BigInt(firstOffset) }))
    .sort((a, b) => (a.from < b.from ? -1 : a.from > b.from ? 1 : 0));
  const found: R[] = [];
  const open = new Set<string>();
  let next = 0;
  for (const record of records) {
    // A fetch may begin in the middle of several.
    for (; next < beginnings.length && beginnings[next]!.from <= BigInt(record.offset); next++)
      open.add(beginnings[next]!.producerId);
    const { producerId, inTransaction } = record.batchContext ?? { producerId: '', inTransaction: false };
    if (record.isControlRecord) {
      if (record.key?.equals(ABORT_MARKER)) open.delete(producerId);
    } else if (inTransaction && open.has(producerId)) found.push(record);
  }
  return found;
}
