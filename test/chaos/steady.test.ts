/** What a soak takes for rising. */
import { describe, expect, it } from 'vitest';
import { checkSteady, type Point, trendOf } from './soak/steady.ts';

const BOUND = { name: 'RSS', unit: 'MB', share: 0.05, least: 0 };
const SAW_MS = 200_000;
/** One a second. */
const during = (minutes: number, value: (atMs: number) => number): Point[] =>
  Array.from({ length: minutes * 60 }, (_, second) => ({ atMs: second * 1_000, value: value(second * 1_000) }));
/** Garbage of up to 50 MB, collected every 200 s. */
const garbage = (atMs: number): number => (50 * (atMs % SAW_MS)) / SAW_MS;
const messages = (points: readonly Point[]): string[] => checkSteady('it', points, BOUND).map(({ message }) => message);

describe('what is held', () => {
  it('is steady, however much garbage comes and goes', () => {
    expect(messages(during(60, (atMs) => 150 + garbage(atMs)))).toEqual([]);
  });

  it('may rise at the beginning', () => {
    expect(messages(during(60, (atMs) => Math.min(200, 100 + atMs / 5_000)))).toEqual([]);
  });

  it('rises when 40 bytes of each of 100 records a second stay', () => {
    const leak = (atMs: number): number => (40 * 100 * (atMs / 1_000)) / 1e6;
    const [message] = messages(during(60, (atMs) => 150 + garbage(atMs) + leak(atMs)));
    expect(message).toMatch(/^RSS of it rose from 15\d\.\d to 16\d\.\d MB in 35 minutes$/);
  });

  it('is not judged before there is a line', () => {
    const steep = (atMs: number): number => 100 + atMs / 1_000;
    expect(trendOf(during(20, steep))).toBeNull();
    expect(messages(during(20, steep))).toEqual([]);
    expect(messages(during(30, steep))).toHaveLength(1);
  });

  it('is what it mostly is, where it starts anew now and then', () => {
    // In the first half only.
    const anew = (atMs: number): number => (atMs % 200_000 === 0 && atMs < 1_800_000 ? 1.6 : 2.7);
    const leak = (atMs: number): number => anew(atMs) + (0.3 * atMs) / 3_600_000;
    const judged = (value: (atMs: number) => number) =>
      checkSteady('it', during(60, value), { ...BOUND, middle: true });
    expect(messages(during(60, anew))).toHaveLength(1);
    expect(judged(anew)).toEqual([]);
    expect(judged(leak)).toHaveLength(1);
  });

  it('may rise by the least that the bound allows', () => {
    const three = during(60, (atMs) => (atMs < 1_800_000 ? 30 : 32));
    expect(checkSteady('it', three, { ...BOUND, share: 0, least: 3 })).toEqual([]);
    expect(checkSteady('it', three, { ...BOUND, share: 0, least: 1 })).toHaveLength(1);
  });
});
