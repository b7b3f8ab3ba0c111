/**
 * The memory cap that V8 does not know: resident size, read from outside, of every child. Most are looked at every MEMORY_WATCH_MS; those on
 * their way to their cap more often, because what fits between two looks is what a child can overshoot.
 */
import { CHILD_OVERHEAD_MB, MEMORY_NEAR_SHARE, MEMORY_WATCH_NEAR_MS } from '../limits.ts';
import type { SandboxChild } from './child-process.ts';
import { rssOf } from './memory.ts';

const MB = 1024 * 1024;

export class MemoryWatch {
  /** With the cap of each in bytes. */
  readonly #near = new Map<SandboxChild, number>();
  #timer: NodeJS.Timeout | undefined;

  /** Reads the child's memory and ends it when it is over its cap. */
  look(child: SandboxChild, memorySizeMb: number): void {
    this.#look(child, (memorySizeMb + CHILD_OVERHEAD_MB) * MB);
  }

  close(): void {
    clearInterval(this.#timer);
    this.#near.clear();
  }

  #look(child: SandboxChild, cap: number): void {
    const bytes = child.alive ? rssOf(child.pid) : 0;
    child.rssReadMono = performance.now();
    if (bytes > 0) child.rssBytes = bytes;
    if (bytes > child.peakRssBytes) child.peakRssBytes = bytes;
    if (bytes > cap) child.kill('memory');
    if (bytes > cap || !child.busy || bytes < cap * MEMORY_NEAR_SHARE) this.#near.delete(child);
    else this.#near.set(child, cap);
    if (this.#near.size > 0) this.#timer ??= setInterval(() => this.#lookAtNear(), MEMORY_WATCH_NEAR_MS).unref();
  }

  #lookAtNear(): void {
    for (const [child, cap] of [...this.#near]) this.#look(child, cap);
    if (this.#near.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}
