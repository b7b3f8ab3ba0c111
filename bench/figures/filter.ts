/**
 * A filter alone: records a second through five rules on one core, from the bytes of a read to the decision. No Redis and no sandbox takes
 * part: this is what a filter costs a turn. Beside it: only reading the same data as JSON.
 */
import type { RecordBatch } from '../../src/event/records.ts';
import { eventFormat } from '../../src/event/format.ts';
import { recordFilter } from '../../src/filter/filter.ts';
import { readPattern } from '../../src/mapping/pattern/read-pattern.ts';
import type { Options } from '../support/options.ts';
import { type Figure, load, type Row } from '../support/report.ts';

const RECORDS = 1_000;
const MS = 1_000;
const QUICK_MS = 100;

/** Of five kinds of operators, the cheap and the dear ones; three records in ten pass one of them. */
const RULES = [
  { data: { type: ['refund'], amount: [{ numeric: ['>', 100] }] } },
  { data: { type: [{ 'anything-but': ['order', 'refund'] }] } },
  { data: { customer: { country: ['CH', 'LI'], level: [{ prefix: 'gold' }] } } },
  { data: { path: [{ wildcard: '/shop/*/express' }] } },
  { data: { address: [{ cidr: '10.1.0.0/16' }], coupon: [{ exists: true }] } },
];

function record(i: number): string {
  return JSON.stringify({
    ...{ id: 1_000_000 + i, type: i % 10 === 0 ? 'refund' : 'order', amount: 50 + (i % 90) },
    customer: { country: ['DE', 'FR', 'CH', 'IT'][i % 4], level: i % 3 === 0 ? 'gold-2' : 'basic' },
    ...{ path: `/shop/${i % 7}/${i % 11 === 0 ? 'express' : 'normal'}`, address: `10.${i % 5}.0.${i % 250}` },
    ...(i % 6 === 0 && { coupon: 'SPRING' }),
    placedAt: '2026-11-20T08:30:11.512Z',
    note: 'leave it at the door',
  });
}

function batchOf(texts: readonly string[]): RecordBatch {
  const bytes = texts.map((text) => Buffer.from(text));
  const name = Buffer.from('data');
  const spans: number[] = [];
  let size = name.length;
  for (const one of bytes) {
    spans.push(0, name.length, size, one.length);
    size += one.length;
  }
  return {
    ...{ buffer: Buffer.concat([name, ...bytes]), count: texts.length, ids: texts.map((_, i) => `1732370000000-${i}`) },
    at: Uint32Array.from(texts, (_, i) => 2 * i),
    pairs: new Uint32Array(texts.length).fill(1),
    spans: Int32Array.from(spans),
  };
}

/** How many records a second, and how many of a batch passed. */
function rate(ms: number, passes: (i: number) => boolean): { perSecond: number; passed: number } {
  const began = process.cpuUsage();
  const end = performance.now() + ms;
  let records = 0;
  let passed = 0;
  while (performance.now() < end) {
    passed = 0;
    for (let i = 0; i < RECORDS; i++) if (passes(i)) passed++;
    records += RECORDS;
  }
  const used = process.cpuUsage(began);
  return { perSecond: records / ((used.user + used.system) / 1e6), passed };
}

export function filterRate(options: Options): Promise<Figure> {
  const before = load();
  const texts = Array.from({ length: RECORDS }, (_, i) => record(i));
  const batch = batchOf(texts);
  const shard = { shardId: 'shardId-000000000000', arn: 'arn:millrace:redis:::stream/s', streamName: 's' };
  const format = eventFormat({ ...shard, format: 'kinesis', spooled: false, bootstrapServers: '', single: false });
  const filter = recordFilter(
    RULES.map(readPattern),
    format.view(() => 0),
  );
  const bytes = texts.map((text) => Buffer.from(text));
  const ms = options.quick === true ? QUICK_MS : MS;
  const own: number[] = [];
  const bare: number[] = [];
  let passed = 0;
  for (let n = -1; n < options.repeats; n++) {
    const filtered = rate(ms, (i) => filter(batch, i));
    const parsed = rate(ms, (i) => JSON.parse(bytes[i]!.toString('utf8')) === null);
    // The first lap is for the compiler.
    if (n < 0) continue;
    own.push(filtered.perSecond);
    bare.push(parsed.perSecond);
    passed = filtered.passed;
  }
  const average = Math.round(texts.reduce((sum, text) => sum + text.length, 0) / RECORDS);
  const rows: Row[] = [
    { name: 'five rules', unit: 'records per second of CPU', values: own, aim: '≥ 500,000' },
    { name: 'only JSON.parse of the same bytes', unit: 'records per second of CPU', values: bare },
  ];
  return Promise.resolve({
    ...{ id: 'filter', title: 'a filter of five rules on one core', rows },
    notes: [`${RECORDS} records of about ${average} bytes, of which ${passed} pass`],
    load: [before, load()],
  });
}
