/** The checker's own test for lanes: histories that it must stand, and such that it must reject. */
import { expect, test } from 'vitest';
import { checkHistory } from './checker.ts';
import { position, Story } from './story.ts';

/** Even and odd positions are two keys, of two lanes. */
const keyOf = (_: string, at: string) => String((Number(at.slice(0, 13)) - Number(position(0).slice(0, 13))) % 2);
const check = (story: Story) =>
  checkHistory(story.lines, story.end(), { liveness: { leaseMs: 5_000 }, lanes: { factor: 2, batchSize: 1, keyOf } });
const only = (story: Story) => [...new Set(check(story).violations.map(({ invariant }) => invariant))];
const one = (id: string, attempt = 1, epoch = 1) => ({ id, attempt, epoch });

test('a lane that is ahead of another one is in order', () => {
  const story = new Story().accepted(1, 4);
  story.attempt('start', 1, 1, one('A')).attempt('start', 2, 2, one('B')).attempt('success', 2, 2, one('B'));
  story.attempt('start', 4, 4, one('C')).attempt('success', 4, 4, one('C'));
  story.attempt('success', 1, 1, one('A')).checkpoint(2).attempt('start', 3, 3, one('D'));
  story.attempt('success', 3, 3, one('D')).checkpoint(4);
  expect(check(story).violations).toEqual([]);
});

test('a later record of a key before an earlier one is settled', () => {
  const story = new Story().accepted(1, 3);
  story.attempt('start', 1, 1, one('A')).attempt('start', 3, 3, one('B')).attempt('success', 3, 3, one('B'));
  story.attempt('success', 1, 1, one('A')).unit(2, 2, one('C')).checkpoint(3);
  expect(only(story)).toContain('I2');
});

test('more attempts at once than there are lanes', () => {
  const story = new Story().accepted(1, 3);
  for (const n of [1, 2, 3]) story.attempt('start', n, n, one(`${n}`));
  for (const n of [1, 2, 3]) story.attempt('success', n, n, one(`${n}`));
  story.checkpoint(3);
  expect(check(story).violations.map(({ message }) => message)).toContain('3 attempts at once, with 2 lanes');
});

test('the checkpoint beyond a record that another lane has not settled', () => {
  const story = new Story().accepted(1, 2);
  story.attempt('start', 1, 1, one('A')).attempt('start', 2, 2, one('B')).attempt('success', 2, 2, one('B'));
  story.checkpoint(2).attempt('success', 1, 1, one('A'));
  expect(only(story)).toEqual(['I5']);
});

test('what was settled above the checkpoint runs again after a kill', () => {
  const story = new Story().accepted(1, 6).attempt('start', 1, 1, one('A'));
  for (const n of [2, 4, 6]) story.attempt('start', n, n, one(`${n}`)).attempt('success', n, n, one(`${n}`));
  story
    .fault()
    .attempt('start', 1, 1, one('A', 2, 2))
    .attempt('success', 1, 1, one('A', 2, 2));
  for (const n of [2, 4, 6])
    story.attempt('start', n, n, one(`${n}b`, 1, 2)).attempt('success', n, n, one(`${n}b`, 1, 2));
  for (const n of [3, 5]) story.attempt('start', n, n, one(`${n}`, 1, 2)).attempt('success', n, n, one(`${n}`, 1, 2));
  story.checkpoint(6);
  expect(only(story)).toContain('I4');
});
