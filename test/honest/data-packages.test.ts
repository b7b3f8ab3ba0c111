/** Packages that check, read and count data: examples/handlers, as users write them. */
import { createRequire } from 'node:module';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { sequence, useExamples } from '../support/example-handlers.ts';
import { EXAMPLES } from '../support/example-packages.ts';

const examples = useExamples();
/** The same packages in Node, to write what the handlers read. They are installed when a test runs, not when this file is loaded. */
const required = (name: string): unknown => createRequire(path.join(EXAMPLES, 'package.json'))(name);

describe('zod', () => {
  const GOOD = {
    id: '4f1f4d5e-52b6-4c5e-9b0a-3f0c5a1d2e3f',
    email: 'ada@example.com',
    lines: [{ sku: 'ABC-12', count: 2 }],
    placedAt: '2026-01-02T03:04:05Z',
  };

  test('takes orders that fit the schema, and names the first that does not, with the reason', async () => {
    const { run } = await examples.open('zod.ts');
    const first = await run(GOOD, { ...GOOD, lines: [] }, GOOD);
    expect(first.result).toEqual({ batchItemFailures: [{ itemIdentifier: sequence(1) }] });
    expect(first.logs[0]).toBe(`order ${GOOD.id} of 2026-01-02T03:04:05.000Z`);
    expect(first.logs[1]).toMatch(/Too small: expected array to have >=1 items\s+→ at lines/);
    const again = await run(GOOD);
    expect(again).toMatchObject({ cold: false, result: { batchItemFailures: [] } });
  });
});

describe('lodash', () => {
  test('counts, in a CommonJS handler that answers by callback', async () => {
    const { run } = await examples.open('lodash.cjs');
    const click = (page: string, user: string) => ({ page, user });
    const clicks = [click('/a', 'ada'), click('/b', 'ada'), click('/b', 'bob'), click('/b', 'bob'), click('/c', 'eve')];
    expect((await run(...clicks)).result).toEqual([
      ['/b', 2],
      ['/a', 1],
      ['/c', 1],
    ]);
    expect(await run(...clicks)).toMatchObject({ cold: false });
  });
});

describe('date-fns', () => {
  const FRIDAY_NIGHT = '2026-03-27T23:30:00Z';

  test('formats in UTC, as in Lambda, wherever the daemon runs', async () => {
    const { run } = await examples.open('date-fns.ts');
    expect((await run(FRIDAY_NIGHT)).result).toEqual([
      'Freitag 27 März 2026 23:30 +00:00, fällig in 2 Tagen (2910 min)',
    ]);
  });

  test('formats in the zone that TZ names, summer time included', async () => {
    const { run } = await examples.open('date-fns.ts', { environment: { TZ: 'Europe/Berlin' } });
    // Saturday there already; the night to Sunday is an hour shorter.
    expect((await run(FRIDAY_NIGHT)).result).toEqual([
      'Samstag 28 März 2026 00:30 +01:00, fällig in 2 Tagen (2790 min)',
    ]);
    expect(await run(FRIDAY_NIGHT)).toMatchObject({ cold: false });
  });
});

describe('uuid', () => {
  test('names records the same at every delivery, and makes new ids that differ', async () => {
    const { run } = await examples.open('uuid.ts');
    const once = (await run('a', 'b')).result as { names: string[]; fresh: string[]; versions: number[] };
    const twice = (await run('a', 'b')).result as typeof once;
    expect(once.names).toHaveLength(2);
    expect(twice.names).toEqual(once.names);
    expect(new Set([...once.fresh, ...twice.fresh, ...once.names]).size).toBe(6);
    expect(once.versions).toEqual([4, 7]);
    // By the package itself, in Node.
    const { v5 } = required('uuid') as { v5(name: string, namespace: string): string };
    expect(once.names[0]).toBe(v5(`shardId-000000000000:${sequence(0)}`, '5a1d9b4e-7e0c-4f2b-9b53-4f0d6c1e2a77'));
  });
});

describe('ajv', () => {
  test('compiles its schema to code inside the isolate, coerces, fills in, and says what is wrong', async () => {
    const { run } = await examples.open('ajv.mjs');
    const { result } = await run({ id: '7', weight: 1.5 }, { id: 0, weight: 2, colour: 'red' });
    expect(result).toEqual({
      parcels: [{ id: 7, weight: 1.5, tags: [] }],
      refused: ['parcel must NOT have additional properties, parcel/id must be >= 1'],
    });
    expect(await run({ id: 1, weight: 1 })).toMatchObject({ cold: false });
  });
});

interface AvroType {
  toBuffer(value: unknown): Buffer;
}

describe('avsc', () => {
  const BASE = { type: 'record', name: 'Click' };
  const OLD = [
    { name: 'user', type: 'string' },
    { name: 'at', type: 'long' },
  ];
  const DEVICE = { name: 'device', type: { type: 'enum', name: 'Device', symbols: ['UNKNOWN', 'PHONE', 'DESK'] } };

  function written(number: number, fields: readonly object[], value: object): Buffer {
    const { Type } = required('avsc') as { Type: { forSchema(schema: object): AvroType } };
    return Buffer.concat([Buffer.from([0, number]), Type.forSchema({ ...BASE, fields }).toBuffer(value)]);
  }

  test('reads records of the schema of today and of an older one', async () => {
    const { run } = await examples.open('avsc.ts');
    const at = Date.UTC(2026, 0, 2);
    const { result } = await run(
      written(0, OLD, { user: 'ada', at }),
      written(1, [...OLD, DEVICE], { user: 'zoë', at, device: 'DESK' }),
    );
    expect(result).toEqual([
      { user: 'ada', at, device: 'UNKNOWN' },
      { user: 'zoë', at, device: 'DESK' },
    ]);
    expect(await run(written(0, OLD, { user: 'ada', at }))).toMatchObject({ cold: false });
  });

  test('fails the invocation for a schema that nobody knows, naming the line of the handler', async () => {
    const { attempt } = await examples.open('avsc.ts');
    const { outcome } = await attempt(Buffer.from([0, 9, 1]));
    expect(outcome).toMatchObject({
      kind: 'function-error',
      error: { errorType: 'RangeError', errorMessage: 'no schema has the number 9' },
    });
  });
});

describe('protobufjs', () => {
  test('decodes messages, whose reader it writes with `new Function`', async () => {
    // tag 1 "o-1"; tag 2 { "ABC", 3, 1.5 }; tag 3 { "gift": "yes" }; tag 4 varint 1 800 000 000 000.
    const price = Buffer.alloc(8);
    price.writeDoubleLE(1.5);
    const line = Buffer.concat([Buffer.from([0x0a, 3]), Buffer.from('ABC'), Buffer.from([0x10, 3, 0x19]), price]);
    const note = Buffer.concat([
      Buffer.from([0x0a, 4]),
      Buffer.from('gift'),
      Buffer.from([0x12, 3]),
      Buffer.from('yes'),
    ]);
    const order = Buffer.concat([
      Buffer.concat([Buffer.from([0x0a, 3]), Buffer.from('o-1')]),
      Buffer.concat([Buffer.from([0x12, line.length]), line]),
      Buffer.concat([Buffer.from([0x1a, note.length]), note]),
      Buffer.concat([Buffer.from([0x20]), varint(1_800_000_000_000n)]),
    ]);
    const { run } = await examples.open('protobufjs.ts');
    expect((await run(order)).result).toEqual([
      { id: 'o-1', lines: [{ sku: 'ABC', count: 3, price: 1.5 }], notes: { gift: 'yes' }, placedAtMs: '1800000000000' },
    ]);
    expect(await run(order)).toMatchObject({ cold: false });
  });

  function varint(value: bigint): Buffer {
    const bytes: number[] = [];
    for (let rest = value; ; rest >>= 7n) {
      const low = Number(rest & 0x7fn);
      if (rest < 0x80n) return Buffer.from([...bytes, low]);
      bytes.push(low | 0x80);
    }
  }
});
