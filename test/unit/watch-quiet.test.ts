/** What quiet shards do not cost: trims that could remove nothing, assignments that did not change. */
import { expect, test } from 'vitest';
import { AssignedBefore } from '../../src/watch/assign.ts';
import { canTrim, type TrimmedView } from '../../src/watch/trimming.ts';

const HOUR = 3_600_000;
const NOW = 1_732_370_000_000;
const view = (firstId: string, checkpoint: string): TrimmedView => ({ checkpoint, stream: { length: 1, firstId } });

test.each<[what: string, view: TrimmedView | null, retention: number | 'settled', can: boolean]>([
  ['not looked at yet', null, HOUR, false],
  ['no key', { checkpoint: '5-0', stream: null }, HOUR, false],
  ['an empty stream', { checkpoint: '5-0', stream: { length: 0, firstId: '' } }, 'settled', false],
  ['settled and old', view(`${NOW - HOUR - 1}-0`, `${NOW}-0`), HOUR, true],
  ['the checkpoint itself is the first', view(`${NOW - 2 * HOUR}-3`, `${NOW - 2 * HOUR}-3`), HOUR, true],
  ['settled and kept for its age', view(`${NOW - HOUR}-0`, `${NOW}-0`), HOUR, false],
  ['settled, age does not matter', view(`${NOW}-0`, `${NOW}-0`), 'settled', true],
  ['old and not settled', view(`${NOW - 2 * HOUR}-4`, `${NOW - 2 * HOUR}-3`), HOUR, false],
  ['ids that are no times', view('7-0', '9-0'), HOUR, true],
])('trimming: %s', (_what, seen, retention, can) => expect(canTrim(seen, retention, NOW)).toBe(can));

test('an assignment changes with mappings, their shards and the members', () => {
  let shards = [{}];
  const first = { shards: () => shards };
  const assigned = new AssignedBefore();
  expect(assigned.changes([{ mapping: first, members: ['a', 'b'] }])).toBe(true);
  expect(assigned.changes([{ mapping: first, members: ['a', 'b'] }])).toBe(false);
  expect(assigned.changes([{ mapping: first, members: ['a'] }])).toBe(true);
  const second = { shards: () => shards };
  expect(assigned.changes([{ mapping: second, members: ['a'] }])).toBe(true);
  shards = [{}];
  expect(assigned.changes([{ mapping: second, members: ['a'] }])).toBe(true);
  expect(assigned.changes([])).toBe(true);
  expect(assigned.changes([])).toBe(false);
});
