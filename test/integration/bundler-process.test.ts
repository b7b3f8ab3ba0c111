/** The bundler's own process does not stay when everything is built. */
import { execFileSync } from 'node:child_process';
import { expect, test, vi } from 'vitest';
import { type BundlePlugin, bundle } from '../../src/esbuild.ts';

function bundlerPids(): number[] {
  const text = execFileSync('ps', ['-A', '-o', 'pid=,ppid=,stat=,args='], { encoding: 'utf8' });
  return text.split('\n').flatMap((line) => {
    const [pid, parent, state, ...args] = line.trim().split(/\s+/);
    const ours =
      parent === String(process.pid) && state?.startsWith('Z') === false && args.join(' ').includes('esbuild');
    return ours ? [Number(pid)] : [];
  });
}

const bundlers = (): number => bundlerPids().length;

const request = { entry: 'export const x = 1', root: '/', format: 'esm', plugins: [] } as const;

/** What very deep nesting does to it, without the gigabyte that it takes first. */
const deadly: BundlePlugin = {
  name: 'deadly',
  setup(build) {
    build.onLoad({ filter: /deadly/ }, () => {
      for (const pid of bundlerPids()) process.kill(pid, 'SIGKILL');
      return { contents: '' };
    });
  },
};

test('code that ends it is told so; what was built beside it is built, and so is what comes later', async () => {
  const bad = { ...request, entry: "import '/deadly.js'", plugins: [resolves(), deadly] };
  const slow = { ...request, entry: "import '/slow.js'; export const x = 1", plugins: [resolves(), waits()] };
  const results = await Promise.all([bundle(slow), bundle(bad), bundle(slow), bundle(bad), bundle(request)]);
  expect(results.map((one) => one.ok)).toEqual([true, false, true, false, true]);
  expect(results[1]).toMatchObject({ problems: [{ text: expect.stringContaining('it ends the bundler') as string }] });
  expect((await bundle(request)).ok).toBe(true);
});

/** Every path is taken for a file. */
function resolves(): BundlePlugin {
  return {
    name: 'resolves',
    setup: (build) => build.onResolve({ filter: /^\// }, ({ path }) => ({ path, namespace: 'test' })),
  };
}

function waits(): BundlePlugin {
  return {
    name: 'waits',
    setup: (build) =>
      build.onLoad({ filter: /slow/, namespace: 'test' }, async () => {
        await new Promise((done) => setTimeout(done, 300));
        return { contents: '' };
      }),
  };
}

test('it ends after the last build and comes back for the next one', async () => {
  for (let round = 0; round < 2; round++) {
    const built = await Promise.all([bundle(request), bundle(request)]);
    expect(built.map((one) => one.ok)).toEqual([true, true]);
    expect(bundlers()).toBe(1);
    await vi.waitUntil(() => bundlers() === 0, { timeout: 10_000, interval: 100 });
  }
});
