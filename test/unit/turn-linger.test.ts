/** A drained turn waits for the next record only where records come quickly, within its quantum, and while nobody wants its slot. */
import { expect, test } from 'vitest';
import { LINGER_LOOK_MS, LINGER_MS } from '../../src/limits.ts';
import { Linger } from '../../src/turn/linger.ts';
import type { Clock } from '../../src/time.ts';

function setUp(over: { endsAt?: number } = {}) {
  const at = { ms: 1_000, spare: true, draining: false };
  const clock: Clock = {
    wallMs: () => at.ms,
    monoMs: () => at.ms,
    sleep: (ms) => {
      at.ms += ms;
      return Promise.resolve();
    },
  };
  const spare = () => at.spare;
  const draining = () => at.draining;
  return { at, linger: new Linger({ clock, spare, draining, endsAt: over.endsAt ?? 10_000 }) };
}

async function looks(linger: Linger): Promise<number> {
  let count = 0;
  while (await linger.again()) count++;
  return count;
}

test('as long as records that follow each other quickly would take', async () => {
  const { linger, at } = setUp();
  linger.unit(10);
  expect(await looks(linger)).toBe(Math.ceil(LINGER_MS / LINGER_LOOK_MS));
  // A backlog's records arrived before the last settle.
  linger.unit(-5_000);
  expect(await looks(linger)).toBeGreaterThan(0);
  expect(at.ms).toBeLessThan(1_000 + 2 * LINGER_MS + 2 * LINGER_LOOK_MS);
});

test('not before a unit, nor after one that came late', async () => {
  const { linger } = setUp();
  expect(await looks(linger)).toBe(0);
  linger.unit(10);
  linger.unit(LINGER_MS);
  expect(await looks(linger)).toBe(0);
});

test('not beyond the quantum, nor when a slot is wanted, nor while draining', async () => {
  const { linger } = setUp({ endsAt: 1_004 });
  linger.unit(0);
  expect(await looks(linger)).toBe(2);
  const busy = setUp();
  busy.linger.unit(0);
  busy.at.spare = false;
  expect(await busy.linger.again()).toBe(false);
  const stopping = setUp();
  stopping.linger.unit(0);
  stopping.at.draining = true;
  expect(await stopping.linger.again()).toBe(false);
});
