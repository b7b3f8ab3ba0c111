/** A batch as the lean reader gives it, made from plain entries: for tests of what is built on batches. */
import type { RecordBatch } from '../../src/event/records.ts';

type Bytes = string | Buffer;

export interface TestEntry {
  readonly id: string;
  readonly fields: readonly (readonly [name: Bytes, value: Bytes])[];
}

/** `dropped` names values whose payload was not kept: their place is a negative start and their length. */
export function rawBatch(entries: readonly TestEntry[], dropped: readonly Bytes[] = []): RecordBatch {
  const chunks: Buffer[] = [];
  const spans: number[] = [];
  let size = 0;
  const add = (value: Bytes) => {
    const bytes = Buffer.from(value);
    if (dropped.includes(value)) {
      spans.push(-0x80000000, bytes.length);
      return;
    }
    chunks.push(Buffer.from('$\r\n'), bytes, Buffer.from('\r\n'));
    spans.push(size + 3, bytes.length);
    size += bytes.length + 5;
  };
  const at: number[] = [];
  for (const entry of entries) {
    add(entry.id);
    at.push(spans.length / 2);
    for (const [name, value] of entry.fields) {
      add(name);
      add(value);
    }
  }
  return {
    buffer: Buffer.concat(chunks),
    count: entries.length,
    ids: entries.map((entry) => entry.id),
    at: Uint32Array.from(at),
    pairs: Uint32Array.from(entries.map((entry) => entry.fields.length)),
    spans: Int32Array.from(spans),
  };
}
