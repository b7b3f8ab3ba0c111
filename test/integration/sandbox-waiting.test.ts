/** What a child waits in: its pipe, which costs nothing, or where a timer runs beside a request the event loop with its helper threads. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { makeSandbox, resultOf } from '../support/sandbox.ts';

const HEAD = { status: 200, statusText: '', redirected: false, headers: [] } as const;
const SENDS = `(() => {
  const { startFetch } = globalThis.__millrace;
  globalThis.send = (url) => new Promise((resolve, reject) => startFetch({ method: 'GET', url, headers: [], redirect: 'follow' }, null, (error, head) => error ? reject(new Error(error.message)) : resolve(head.url)));
})()`;
/** A timer that never comes: longer than the function has. */
const FAR_MS = 60_000;

/** Names of all threads of all children. */
function threadNames(): string[] {
  const pids = readFileSync(`/proc/self/task/${process.pid}/children`, 'latin1').split(' ').filter(Boolean);
  return pids.flatMap((pid) => {
    try {
      return readdirSync(`/proc/${pid}/task`).map((thread) =>
        readFileSync(`/proc/${pid}/task/${thread}/comm`, 'latin1'),
      );
    } catch {
      return []; // It has just ended.
    }
  });
}

const helpers = (): number => threadNames().filter((name) => name.startsWith('libuv-worker')).length;

test('a request is waited for without a helper thread, also several at once; a timer beside it comes when it is due', async () => {
  // Elsewhere nobody lists threads by name.
  if (process.platform !== 'linux') return;
  const directory = mkdtempSync(path.join(tmpdir(), 'millrace-waiting-'));
  const preludePath = path.join(directory, 'prelude.js');
  writeFileSync(preludePath, SENDS);
  const release = Promise.withResolvers<void>();
  const box = await makeSandbox({
    ...{ spares: 0, preludePath },
    egress: async ({ head: { url } }) => {
      if (url === 'http://releases/') release.resolve();
      if (url === 'http://waits/') await release.promise;
      return { ok: true, head: { ...HEAD, url }, body: Buffer.alloc(0) };
    },
  });
  try {
    const version = box.version(`exports.handler = async (what) => {
      if (what === 'requests') return await Promise.all([send('http://a/'), send('http://b/'), send('http://c/')]);
      if (what === 'timer later') {
        const timer = setTimeout(() => { throw new Error('far too early') }, ${FAR_MS});
        const urls = [await send('http://a/'), await send('http://b/')];
        clearTimeout(timer);
        return urls;
      }
      const first = send('http://waits/');
      await new Promise((resolve) => setTimeout(resolve, 1));
      return [await send('http://releases/'), await first];
    }`);
    const run = async (what: string): Promise<unknown> => resultOf(await box.invoke(version, what));
    expect(await run('requests')).toEqual(['http://a/', 'http://b/', 'http://c/']);
    expect(helpers()).toBe(0);
    expect(await run('timer later')).toEqual(['http://a/', 'http://b/']);
    expect(await run('timer meanwhile')).toEqual(['http://releases/', 'http://waits/']);
    expect(helpers()).toBeGreaterThan(0);
    expect(await run('requests')).toEqual(['http://a/', 'http://b/', 'http://c/']);
  } finally {
    await box.close();
    rmSync(directory, { recursive: true, force: true });
  }
});
