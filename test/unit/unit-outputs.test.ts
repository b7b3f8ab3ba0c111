/** What of an answer's `output` is appended, and the sentence for each way in which it cannot be used. */
import { describe, expect, test } from 'vitest';
import { EVENT_BYTES_MAX, OUTPUT_HEADERS_BYTES_MAX, OUTPUTS_MAX } from '../../src/limits.ts';
import { toSequenceNumber } from '../../src/record.ts';
import { readOutputs } from '../../src/unit/outputs.ts';
import { entryNames } from '../../src/unit/response.ts';

const IDS = ['1700000000000-0', '1700000000000-1', '1700000000001-0'];
const NAMES = IDS.map(toSequenceNumber);
const OF = {
  records: IDS.map((id) => ({ id })),
  ...{ settled: 3, namesOf: entryNames, partitionKeyOf: (id: string) => (id === IDS[2] ? null : `key of ${id}`) },
};

const read = (output: unknown, settled = 3) => readOutputs(JSON.stringify({ output }), { ...OF, settled });
const reason = (output: unknown, settled = 3) => {
  const list = read(output, settled);
  return list.kind === 'malformed' ? list.reason : list;
};

describe('entries', () => {
  test('nothing, null, and an answer that is no object are no outputs', () => {
    for (const text of ['', 'null', '5', '[1]', '{}', '{"output":null}', '{"output":[]}'])
      expect(readOutputs(text, OF)).toEqual({ kind: 'ok', outputs: [] });
  });

  test('a key is its own or that of its record; a record without one gives its sequence number', () => {
    const list = read([
      { data: 1, partitionKey: 'mine', itemIdentifier: NAMES[0] },
      { data: 2, itemIdentifier: NAMES[1] },
      { data: 3, itemIdentifier: IDS[2] },
      { data: 4, partitionKey: '' },
    ]);
    expect(list).toEqual({
      kind: 'ok',
      outputs: [
        { partitionKey: 'mine', data: '1', headers: '', origin: `${NAMES[0]}/0` },
        { partitionKey: `key of ${IDS[1]}`, data: '2', headers: '', origin: `${NAMES[1]}/0` },
        { partitionKey: NAMES[2], data: '3', headers: '', origin: `${NAMES[2]}/0` },
        { partitionKey: '', data: '4', headers: '', origin: `${NAMES[2]}/1` },
      ],
    });
  });

  test('data is any JSON, a text as it is; bytes by base64', () => {
    const data = [{ a: [1, '}'] }, 'a "text"\n', null, true, 1.5];
    const list = read([
      ...data.map((d) => ({ partitionKey: 'k', data: d })),
      ...['AAAA', '/wA=', '/w=='].map((dataBase64) => ({ partitionKey: 'k', dataBase64 })),
    ]);
    const outputs = list.kind === 'ok' ? list.outputs.map((o) => o.data) : [];
    const bytes = [[0, 0, 0], [0xff, 0], [0xff]].map((list) => Buffer.from(list));
    expect(outputs).toEqual(['{"a":[1,"}"]}', 'a "text"\n', 'null', 'true', '1.5', ...bytes]);
  });

  test('headers as they are written, as many as are allowed; none of them is none', () => {
    const long = { a: 'x'.repeat(OUTPUT_HEADERS_BYTES_MAX - '{"a":""}'.length) };
    const list = read([{ a: 'b', c: '' }, {}, null, long].map((headers) => ({ partitionKey: 'k', data: 1, headers })));
    const headers = list.kind === 'ok' ? list.outputs.map((output) => output.headers) : [];
    expect(headers).toEqual(['{"a":"b","c":""}', '', '', JSON.stringify(long)]);
    const longer = { a: `${long.a}x` };
    expect(reason([{ partitionKey: 'k', data: 1, headers: longer }])).toBe(
      `its entry 1 has headers of more than ${OUTPUT_HEADERS_BYTES_MAX} bytes`,
    );
  });

  test('key, data and headers count, to the byte', () => {
    const sized = (data: number) => [{ partitionKey: 'ä', data: 'x'.repeat(data), headers: { a: 'b' } }];
    const room = EVENT_BYTES_MAX - Buffer.byteLength('ä{"a":"b"}');
    expect(read(sized(room)).kind).toBe('ok');
    expect(reason(sized(room + 1))).toBe(`its entries have more than ${EVENT_BYTES_MAX} bytes`);
  });

  test('with a partial success only those of what was settled, counted without gaps', () => {
    const entries = [2, 0, 1, 0].map((i) => ({ data: i, itemIdentifier: NAMES[i] }));
    const list = read(entries, 1);
    expect(list.kind === 'ok' && list.outputs.map((o) => o.origin)).toEqual([`${NAMES[0]}/0`, `${NAMES[0]}/1`]);
  });

  test('as many as are allowed', () => {
    const list = read(Array.from({ length: OUTPUTS_MAX }, (_, i) => ({ partitionKey: 'k', data: i })));
    expect(list.kind === 'ok' && list.outputs.length).toBe(OUTPUTS_MAX);
  });
});

describe('sentences', () => {
  const good = { partitionKey: 'k', data: 1 };
  test.each([
    ['it is not a list', { a: 1 }],
    ['it is not a list', 'text'],
    [`it is not a list of at most ${OUTPUTS_MAX} entries`, Array.from({ length: OUTPUTS_MAX + 1 }, () => good)],
    ['its entry 2 is not an object', [good, [1]]],
    ['its entry 1 is not an object', ['a']],
    ['its entry 2 has neither a partitionKey nor an itemIdentifier', [good, { data: 1 }]],
    ['its entry 1 has a partitionKey that is not a text', [{ partitionKey: 5, data: 1 }]],
    ['its entry 1 has an itemIdentifier that is not a text', [{ itemIdentifier: 5, data: 1 }]],
    ['its entry 1 has the itemIdentifier "12", which names no record', [{ itemIdentifier: '12', data: 1 }]],
    ['its entry 1 has neither data nor dataBase64', [{ partitionKey: 'k' }]],
    ['its entry 1 has both data and dataBase64', [{ ...good, dataBase64: 'AAAA' }]],
    ['its entry 1 has a dataBase64 that is not base64', [{ partitionKey: 'k', dataBase64: 'a' }]],
    ['its entry 1 has headers that are not an object', [{ ...good, headers: ['a'] }]],
    ['its entry 1 has a header that is not a text', [{ ...good, headers: { a: 1 } }]],
    ['its entry 1 has a header that is not a text', [{ ...good, headers: { a: 'b', c: 1 } }]],
  ])('%s', (sentence, output) => {
    expect(reason(output)).toBe(sentence);
  });

  test('a long itemIdentifier is shown in part', () => {
    const shown = (length: number) => reason([{ itemIdentifier: '1'.repeat(length), data: 1 }]);
    const sentence = (text: string) => `its entry 1 has the itemIdentifier "${text}", which names no record`;
    expect(shown(80)).toBe(sentence('1'.repeat(80)));
    expect(shown(81)).toBe(sentence(`${'1'.repeat(80)}…`));
  });

  test('text that is no JSON, should it ever come', () => {
    const sentenceOf = (text: string) => readOutputs(text, OF);
    expect(sentenceOf('{output:[]}')).toEqual({ kind: 'malformed', reason: 'the answer is not JSON' });
    expect(sentenceOf('{"output":[{"partitionKey":"k","data":"\\x"}]}')).toEqual({
      kind: 'malformed',
      reason: 'its entry 1 has data that is not JSON',
    });
  });

  test('an error of our own is none of the answer', () => {
    const namesOf = (): never => {
      throw new RangeError('ours');
    };
    expect(() => readOutputs(JSON.stringify({ output: [good] }), { ...OF, namesOf })).toThrow('ours');
  });

  test.each(['!AAA', 'AAA!', 'A===', '=AAA', 'AA==AA==', 'A=AA', 5])('%s is not base64', (dataBase64) => {
    expect(reason([{ partitionKey: 'k', dataBase64 }])).toBe('its entry 1 has a dataBase64 that is not base64');
  });

  test('an entry that belongs to no record, when not every record succeeded', () => {
    expect(reason([{ data: 1, itemIdentifier: NAMES[0] }, good], 2)).toBe(
      'its entry 2 has no itemIdentifier, and not every record succeeded',
    );
  });

  test('keys of the records count: ten thousand times a large one is too much', () => {
    const large = { ...OF, partitionKeyOf: () => 'k'.repeat(1_000) };
    const text = JSON.stringify({
      output: Array.from({ length: OUTPUTS_MAX }, () => ({ data: 1, itemIdentifier: NAMES[0] })),
    });
    const sentence = `its entries have more than ${EVENT_BYTES_MAX} bytes`;
    expect(readOutputs(text, large)).toEqual({ kind: 'malformed', reason: sentence });
  });
});
