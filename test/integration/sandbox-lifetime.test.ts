import { spawn } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { childrenOf } from '../support/children.ts';
import { errorOf, isRunning, makeSandbox, resultOf, type TestSandbox } from '../support/sandbox.ts';

const ECHO = 'exports.handler = async (e) => e';
const SPIN = 'exports.handler = async () => { console.log("spinning"); for (;;); }';

async function until(condition: () => boolean, ms: number): Promise<boolean> {
  const end = performance.now() + ms;
  while (!condition()) {
    if (performance.now() > end) return false;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  return true;
}

async function withSandbox<T>(
  options: Parameters<typeof makeSandbox>[0],
  run: (box: TestSandbox) => Promise<T>,
): Promise<T> {
  const box = await makeSandbox(options);
  try {
    return await run(box);
  } finally {
    await box.close();
  }
}

const newOnes = (before: readonly number[]): number[] => childrenOf(process.pid).filter((pid) => !before.includes(pid));

describe('children', () => {
  test('have no environment', () =>
    withSandbox({ spares: 0 }, async (box) => {
      const before = childrenOf(process.pid);
      await box.once(ECHO);
      const [pid] = newOnes(before);
      if (process.platform !== 'linux') return;
      expect(readFileSync(`/proc/${pid}/environ`, 'utf8')).toBe('');
    }));

  test('close ends all of them; what is in flight is the infrastructure’s', async () => {
    const before = childrenOf(process.pid);
    const box = await makeSandbox();
    await box.once(ECHO);
    const late = box.version(ECHO);
    const spinning = box.once(SPIN, {}, { timeoutMs: 60_000 });
    expect(await until(() => newOnes(before).length >= 2, 5_000)).toBe(true);
    await new Promise((resolve) => setTimeout(resolve, 300));
    await box.close();
    expect((await spinning).outcome).toEqual({ kind: 'infrastructure', reason: 'the sandbox is closing' });
    expect(newOnes(before)).toEqual([]);
    expect((await box.invoke(late)).outcome.kind).toBe('infrastructure');
  });

  test('one that somebody kills in mid-flight counts as the function’s: Runtime.ExitError, signal: killed', () =>
    withSandbox({ spares: 0 }, async (box) => {
      const before = childrenOf(process.pid);
      const version = box.version(SPIN, { timeoutMs: 20_000 });
      const running = box.invoke(version);
      expect(await until(() => newOnes(before).length === 1, 5_000)).toBe(true);
      await new Promise((resolve) => setTimeout(resolve, 500));
      process.kill(newOnes(before)[0]!, 'SIGKILL');
      const { metric, error } = errorOf(await running);
      expect(metric).toBe('killed');
      expect(error.errorType).toBe('Runtime.ExitError');
      expect(error.errorMessage).toMatch(/^RequestId: \S+ Error: Runtime exited with error: signal: killed$/);
      expect(box.sandbox.stats()).toMatchObject([{ lost: { exit: 1 }, lastLoss: { reason: 'exit' } }]);
    }));

  test('those that somebody kills in mid-flight slow nobody down; what a function does itself slows it', () =>
    withSandbox({ spares: 0, lossesAtOnce: 1 }, async (box) => {
      const before = childrenOf(process.pid);
      const waits = box.version('exports.handler = () => new Promise((r) => setTimeout(r, 9000))', {
        timeoutMs: 20_000,
      });
      for (let i = 0; i < 2; i++) {
        const running = box.invoke(waits);
        expect(await until(() => newOnes(before).length === 1, 5_000)).toBe(true);
        await new Promise((resolve) => setTimeout(resolve, 1_000));
        process.kill(newOnes(before)[0]!, 'SIGKILL');
        expect(errorOf(await running).metric).toBe('killed');
        expect(box.sandbox.holdOffMs(waits)).toBe(0);
      }
      const spins = box.version(SPIN, { timeoutMs: 100 });
      expect(errorOf(await box.invoke(spins)).metric).toBe('timeout');
      expect(box.sandbox.holdOffMs(spins)).toBeGreaterThan(0);
    }));

  test('an idle one that is killed is replaced without a word', () =>
    withSandbox({ spares: 0 }, async (box) => {
      const before = childrenOf(process.pid);
      const version = box.version(ECHO);
      await box.invoke(version);
      const [pid] = newOnes(before);
      process.kill(pid!, 'SIGKILL');
      expect(await until(() => !isRunning(pid!), 2_000)).toBe(true);
      expect(resultOf(await box.invoke(version, 3))).toBe(3);
    }));

  test('die within a second when their daemon is killed, spinning or idle', async () => {
    const script = fileURLToPath(new URL('../support/sandbox-parent.ts', import.meta.url));
    const parent = spawn(process.execPath, [script], { stdio: ['ignore', 'pipe', 'inherit'] });
    const [chunk] = (await once(parent.stdout, 'data')) as [Buffer];
    const directory = chunk.toString().trim().split(' ')[1]!;
    // The spinning one, and the spare.
    expect(await until(() => childrenOf(parent.pid!).length === 2, 5_000)).toBe(true);
    const children = childrenOf(parent.pid!);
    parent.kill('SIGKILL');
    const dead = await until(() => children.every((pid) => !isRunning(pid)), 1_000);
    rmSync(directory, { recursive: true, force: true });
    expect(dead).toBe(true);
  });
});

describe('the pool', () => {
  test('evicts the least recently used idle child when it is full', () =>
    withSandbox({ childrenMax: 2, childrenPerFunction: 2, spares: 0 }, async (box) => {
      const count = 'let n = 0; exports.handler = async () => ++n';
      const [a, b, c] = [box.version(count), box.version(count), box.version(count)];
      await box.invoke(a);
      await box.invoke(b);
      expect(resultOf(await box.invoke(a))).toBe(2);
      await box.invoke(c);
      expect(resultOf(await box.invoke(a))).toBe(3);
      expect(resultOf(await box.invoke(b))).toBe(1);
      expect(box.sandbox.stats().reduce((sum, one) => sum + one.children, 0)).toBe(2);
    }));

  test('waits when all children are busy, and leaves room for other functions', () =>
    withSandbox({ childrenMax: 2, childrenPerFunction: 1, spares: 0 }, async (box) => {
      const spin = box.version(SPIN, { timeoutMs: 800 });
      const spinning = [box.invoke(spin), box.invoke(spin), box.invoke(spin)];
      const quick = box.version(ECHO);
      const started = performance.now();
      expect(resultOf(await box.invoke(quick, 1))).toBe(1);
      for (let i = 0; i < 20; i++) await box.invoke(quick, i);
      expect(performance.now() - started).toBeLessThan(1_500);
      for (const one of await Promise.all(spinning)) expect(errorOf(one).metric).toBe('timeout');
    }));

  test('bounds children by the memory they are promised, but one always fits', () =>
    withSandbox({ memoryMb: 300, spares: 0 }, async (box) => {
      await box.once(ECHO, {}, { memorySizeMb: 64 });
      await box.once(ECHO, {}, { memorySizeMb: 64 });
      await box.once(ECHO, {}, { memorySizeMb: 64 });
      expect(box.sandbox.stats().reduce((sum, one) => sum + one.children, 0)).toBe(2);
      expect(resultOf(await box.once(ECHO, 1, { memorySizeMb: 1024 }))).toBe(1);
      expect(box.sandbox.stats().reduce((sum, one) => sum + one.children, 0)).toBe(1);
    }));

  test('counts cold starts and children per function', () =>
    withSandbox({ spares: 0 }, async (box) => {
      const version = box.version(ECHO);
      await Promise.all([box.invoke(version), box.invoke(version)]);
      await box.invoke(version);
      const [stats] = box.sandbox.stats();
      expect(stats).toMatchObject({ function: version.name, children: 2, coldStarts: 2 });
      expect(stats!.rssBytes).toBeGreaterThan(20_000_000);
    }));

  test('a bundle that is gone is the infrastructure’s failure', () =>
    withSandbox({}, async (box) => {
      const { outcome } = await box.once(ECHO, {}, { bundlePath: `${box.directory}/none.js` });
      expect(outcome).toMatchObject({ kind: 'infrastructure' });
    }));
});
