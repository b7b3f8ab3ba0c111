/** Which fetched records were of aborted transactions, against a log of which every end is known. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type AbortedTransaction, abortedRecords, type FetchedRecord } from '../../connectors/kafka/aborted.ts';

type Act = { readonly who: number; readonly what: 'send' | 'commit' | 'abort' | 'plain' };
type Entry = FetchedRecord & { readonly transaction: number | null };

const MARKER = { commit: Buffer.from([0, 0, 0, 1]), abort: Buffer.from([0, 0, 0, 0]) };

/** Each producer begins a transaction with its first send after an end. What is open in the end is not readable: it is aborted. */
function logOf(acts: readonly Act[], producers: number) {
  const entries: Entry[] = [];
  const aborted: (AbortedTransaction & { readonly last: number })[] = [];
  const fates = new Map<number, 'commit' | 'abort'>();
  const open = new Map<number, { readonly transaction: number; readonly first: number }>();
  const put = (who: number, transaction: number | null, marker: 'commit' | 'abort' | null) => {
    // Every other record has a key that looks like a marker's.
    const key = marker ? MARKER[marker] : entries.length % 2 === 0 ? MARKER.abort : null;
    const batchContext = { producerId: String(who), inTransaction: transaction !== null };
    const offset = String(entries.length);
    entries.push({ offset, key, isControlRecord: marker !== null, batchContext, transaction });
  };
  const end = (who: number, fate: 'commit' | 'abort') => {
    const at = open.get(who);
    if (!at) return;
    open.delete(who);
    fates.set(at.transaction, fate);
    if (fate === 'abort')
      aborted.push({ producerId: String(who), firstOffset: String(at.first), last: entries.length });
    put(who, at.transaction, fate);
  };
  let begun = 0;
  for (const { who, what } of acts) {
    if (what === 'plain') put(who, null, null);
    else if (what !== 'send') end(who, what);
    else {
      if (!open.has(who)) open.set(who, { transaction: begun++, first: entries.length });
      put(who, open.get(who)!.transaction, null);
    }
  }
  for (let who = 0; who < producers; who++) end(who, 'abort');
  return { entries, aborted, fates };
}

test('those of aborted transactions and no others, wherever the fetch begins and ends', () => {
  const act = fc.record({
    who: fc.nat({ max: 3 }),
    what: fc.constantFrom<Act['what']>('send', 'send', 'send', 'commit', 'abort', 'plain'),
  });
  fc.assert(
    fc.property(fc.array(act, { maxLength: 60 }), fc.nat(), fc.nat(), (acts, a, b) => {
      const { entries, aborted, fates } = logOf(acts, 4);
      const from = a % (entries.length + 1);
      const fetched = entries.slice(from, from + (b % (entries.length + 1)));
      // As a broker lists them: all that reach into what was fetched, in the order of their ends.
      const to = from + fetched.length;
      const listed = aborted.filter(({ firstOffset, last }) => last >= from && Number(firstOffset) < to);
      const wanted = fetched.filter(
        ({ transaction, isControlRecord }) =>
          transaction !== null && !isControlRecord && fates.get(transaction) === 'abort',
      );
      expect(abortedRecords(fetched, listed)).toEqual(wanted);
    }),
    { numRuns: 2_000 },
  );
});
