/** The checker of outputs against small pipelines, good and bad. */
import { expect, test } from 'vitest';
import { checkOutputs } from './check-outputs.ts';

const SPEC = { mapping: 'm', expected: (name: string) => (name === '3' ? 2 : 1) };
const INPUTS = [
  { shardId: 'a', sequenceNumbers: ['1', '3'] },
  { shardId: 'b', sequenceNumbers: ['2', '4'] },
];
const entries = (...origins: string[]) => origins.map((origin) => ({ origin: `m/${origin}`, data: '' }));
const check = (...outputs: string[][]) =>
  checkOutputs(
    SPEC,
    INPUTS,
    outputs.map((list) => entries(...list)),
  ).map(({ kind, what }) => `${kind} ${what}`);

test('each once, in the order of its shard, is good; between shards there is no order', () => {
  expect(check(['b/1/2/0', 'a/1/1/0', 'b/1/4/0'], ['a/1/3/0', 'a/1/3/1'])).toEqual([]);
});

test('what is missing is lost, what is there again doubled, what nobody returned strays', () => {
  expect(check(['a/1/1/0', 'a/1/3/0', 'b/1/2/0', 'a/1/1/0', 'b/1/9/0', 'b/2/4/0'])).toEqual([
    ...['doubled m/a/1/1/0', 'order m/a/1/1/0 in target 0'],
    ...['stray m/b/1/9/0 in target 0', 'stray m/b/2/4/0 in target 0', 'lost m/a/1/3/1', 'lost m/b/1/4/0'],
  ]);
});

test('entries of one record in another order', () => {
  expect(check(['a/1/1/0', 'a/1/3/1', 'a/1/3/0', 'b/1/2/0', 'b/1/4/0'])).toEqual(['order m/a/1/3/0 in target 0']);
});
