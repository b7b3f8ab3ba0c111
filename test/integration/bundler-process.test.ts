/** The bundler's own process does not stay when everything is built. */
import { execFileSync } from 'node:child_process';
import { expect, test, vi } from 'vitest';
import { bundle } from '../../src/esbuild.ts';

function bundlers(): number {
  const text = execFileSync('ps', ['-A', '-o', 'ppid=,args='], { encoding: 'utf8' });
  return text.split('\n').filter((line) => line.trim().startsWith(`${process.pid} `) && line.includes('esbuild'))
    .length;
}

const request = { entry: 'export const x = 1', root: '/', format: 'esm', plugins: [] } as const;

test('it ends after the last build and comes back for the next one', async () => {
  for (let round = 0; round < 2; round++) {
    const built = await Promise.all([bundle(request), bundle(request)]);
    expect(built.map((one) => one.ok)).toEqual([true, true]);
    expect(bundlers()).toBe(1);
    await vi.waitUntil(() => bundlers() === 0, { timeout: 10_000, interval: 100 });
  }
});
