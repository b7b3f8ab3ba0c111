/** Bundles and their code caches, kept in memory: the next cold start of the same code reads, hashes and looks for nothing. */
import { readFile } from 'node:fs/promises';
import { BUNDLES_KEPT_BYTES_MAX } from '../limits.ts';
import type { CodeCaches } from './code-cache.ts';
import { BUNDLE_CLOSING, BUNDLE_OPENING } from './protocol.ts';
import { type Script, scriptOf } from './scripts.ts';

const OPENING = Buffer.from(BUNDLE_OPENING);
const CLOSING = Buffer.from(BUNDLE_CLOSING);

export class Bundles {
  readonly #caches: CodeCaches;
  readonly #bytesMax: number;
  /** By path (a bundle's file is named by its content), least recently used first. */
  readonly #kept = new Map<string, Script>();

  constructor(caches: CodeCaches, bytesMax = BUNDLES_KEPT_BYTES_MAX) {
    this.#caches = caches;
    this.#bytesMax = bytesMax;
  }

  /** Rejects when the file cannot be read. */
  async of(path: string): Promise<Script> {
    const known = this.#kept.get(path);
    if (known !== undefined) {
      this.#kept.delete(path);
      this.#kept.set(path, known);
      return known;
    }
    const script = scriptOf('bundle', Buffer.concat([OPENING, await readFile(path), CLOSING]));
    await this.#caches.find([script]);
    this.#kept.set(path, script);
    this.#evict(path);
    return script;
  }

  /** Bytes that are held, for those who count. */
  get bytes(): number {
    let sum = 0;
    for (const { text, cache } of this.#kept.values()) sum += text.length + cache.length;
    return sum;
  }

  #evict(newest: string): void {
    for (const path of this.#kept.keys()) {
      if (this.bytes <= this.#bytesMax || path === newest) return;
      this.#kept.delete(path);
    }
  }
}
