/**
 * V8's code cache of the scripts we hand to children. Made by us only, in a child that compiles and runs nothing: a cache is machine code to V8,
 * so none is ever taken from a user or from a child that ran user code. Kept by the hash of the script and by what made V8 what it is.
 */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf } from '../errors.ts';
import type { Log } from '../observe/log.ts';
import { rssOf } from './memory.ts';
import { COMPILE_MEMORY_BYTES_MAX, COMPILE_MS_MAX, MEMORY_WATCH_MS } from '../limits.ts';
import { writeWhole } from './build.ts';
import { NO_PORTS, type SandboxChild } from './child-process.ts';
import { COMPILE, packedParts } from './protocol.ts';
import type { Script } from './scripts.ts';

const TAG = createHash('sha256')
  .update(`${process.versions.v8} ${process.arch} ${process.platform} 2`)
  .digest('hex')
  .slice(0, 8);

export class CodeCaches {
  readonly #dir: string;
  readonly #log: Log;
  readonly #spawn: () => SandboxChild | null;
  /** Paths that were made or could not be made by this process: tried once. */
  readonly #tried = new Set<string>();
  #busy: Promise<void> = Promise.resolve();

  /** `spawn` answers null when nothing is to be started any more. */
  constructor(dir: string, log: Log, spawn: () => SandboxChild | null) {
    this.#dir = dir;
    this.#log = log;
    this.#spawn = spawn;
  }

  /** Puts each script's cache into it where there is one already; the others are made in the background, for the next cold start. */
  async find(scripts: readonly Script[]): Promise<void> {
    const missing: { readonly path: string; readonly script: Script }[] = [];
    await Promise.all(
      scripts.map(async (script) => {
        const { kind, text } = script;
        if (text.length === 0 || script.cache.length > 0) return;
        const name = createHash('sha256').update(kind).update(text).digest('hex').slice(0, 24);
        const path = join(this.#dir, `${name}-${TAG}.cache`);
        try {
          script.cache = await readFile(path);
        } catch {
          // Not made yet: compiled from source this time.
          if (!this.#tried.has(path)) missing.push({ path, script });
        }
      }),
    );
    for (const { path } of missing) this.#tried.add(path);
    // One after the other: making caches is work for later, it must not compete with cold starts.
    if (missing.length > 0) this.#busy = this.#busy.then(() => this.#make(missing));
  }

  async #make(missing: readonly { readonly path: string; readonly script: Script }[]): Promise<void> {
    const child = this.#spawn();
    if (child === null) return;
    // Nothing runs in it, but what it parses is a user's text: neither its time nor its memory is V8's to bound.
    const late = setTimeout(() => child.kill('timeout'), COMPILE_MS_MAX);
    const look = setInterval(() => {
      if (rssOf(child.pid) > COMPILE_MEMORY_BYTES_MAX) child.kill('memory');
    }, MEMORY_WATCH_MS);
    try {
      if (!(await child.ready)) return;
      const kinds = Buffer.from(missing.map(({ script }) => (script.kind === 'bundle' ? 1 : 0)));
      const parts = packedParts([kinds, ...missing.map(({ script }) => script.text)]);
      const end = await child.run(COMPILE, 0, parts, NO_PORTS);
      if (end.kind !== 'compiled' || end.caches.length !== missing.length) return;
      missing.forEach(({ path, script }, i) => {
        const cache = end.caches[i]!;
        if (cache.length === 0) return;
        script.cache = cache;
        writeWhole(path, cache);
      });
    } catch (error) {
      this.#log.debug({ error: messageOf(error) }, 'no code cache could be written: cold starts compile from source');
    } finally {
      clearTimeout(late);
      clearInterval(look);
      child.kill('used-up');
    }
  }
}
