/**
 * V8's code cache of the scripts we hand to children. Made by us only, in a child that compiles and runs nothing: a cache is machine code to V8,
 * so none is ever taken from a user or from a child that ran user code. Kept by the hash of the script and by what made V8 what it is.
 */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Log } from '../observe/log.ts';
import { writeWhole } from './build.ts';
import type { SandboxChild } from './child-process.ts';
import { COMPILE, packParts } from './protocol.ts';

const EMPTY = Buffer.alloc(0);
const TAG = createHash('sha256')
  .update(`${process.versions.v8} ${process.arch} ${process.platform} 1`)
  .digest('hex')
  .slice(0, 8);

export class CodeCaches {
  readonly #dir: string;
  readonly #log: Log;
  readonly #spawn: () => SandboxChild;
  /** Paths that were made or could not be made by this process: tried once. */
  readonly #tried = new Set<string>();
  #busy: Promise<void> = Promise.resolve();

  constructor(dir: string, log: Log, spawn: () => SandboxChild) {
    this.#dir = dir;
    this.#log = log;
    this.#spawn = spawn;
  }

  /** The cache of each script, empty where there is none yet; those are then made in the background, for the next cold start. */
  async of(scripts: readonly { readonly kind: 'plain' | 'bundle'; readonly text: Buffer }[]): Promise<Buffer[]> {
    const missing: { path: string; kind: 'plain' | 'bundle'; text: Buffer }[] = [];
    const found = await Promise.all(
      scripts.map(async ({ kind, text }) => {
        if (text.length === 0) return EMPTY;
        const path = join(
          this.#dir,
          `${createHash('sha256').update(kind).update(text).digest('hex').slice(0, 24)}-${TAG}.cache`,
        );
        try {
          return await readFile(path);
        } catch {
          // Not made yet: compiled from source this time.
          if (!this.#tried.has(path)) missing.push({ path, kind, text });
          return EMPTY;
        }
      }),
    );
    for (const { path } of missing) this.#tried.add(path);
    // One after the other: making caches is work for later, it must not compete with cold starts.
    if (missing.length > 0) this.#busy = this.#busy.then(() => this.#make(missing));
    return found;
  }

  async #make(
    missing: readonly { readonly path: string; readonly kind: string; readonly text: Buffer }[],
  ): Promise<void> {
    const child = this.#spawn();
    try {
      if (!(await child.ready)) return;
      const kinds = Buffer.from(missing.map(({ kind }) => (kind === 'bundle' ? 1 : 0)));
      const nothing = (): void => undefined;
      const end = await child.run(COMPILE, 0, [packParts([kinds, ...missing.map(({ text }) => text)])], {
        log: nothing,
        fetch: nothing,
        fetchCancel: nothing,
      });
      if (end.kind !== 'compiled' || end.caches.length !== missing.length) return;
      missing.forEach(({ path }, i) => {
        if (end.caches[i]!.length > 0) writeWhole(path, end.caches[i]!);
      });
    } catch (error) {
      this.#log.debug(
        { error: error instanceof Error ? error.message : String(error) },
        'no code cache could be written: cold starts compile from source',
      );
    } finally {
      child.kill('used-up');
    }
  }
}
