/**
 * Notices that code or configuration changed, by looking (twice a second) at sizes and times: works on every file system, containers'
 * mounts included, and needs no watch per directory. node_modules and hidden folders are not looked at.
 */
import { type Dirent, readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { DEV_WATCH_EVERY_MS, DEV_WATCH_FILES_MAX } from '../../limits.ts';

export interface Watched {
  /** Looked at by themselves. */
  readonly files: readonly string[];
  /** Code of functions: a directory is looked at with all below it, a file with those beside it. */
  readonly code: readonly string[];
}

/** Calls `changed` after a look that differs from the one before it and equals the next one: editors write in steps. */
export function watchChanges(watched: () => Watched, changed: () => void): { close(): void } {
  let settled = fingerprint(watched());
  let latest = settled;
  const timer = setInterval(() => {
    const now = fingerprint(watched());
    if (now !== settled && now === latest) {
      settled = now;
      changed();
    }
    latest = now;
  }, DEV_WATCH_EVERY_MS);
  return { close: () => clearInterval(timer) };
}

export function fingerprint(watched: Watched): string {
  const files = new Set(watched.files);
  for (const code of watched.code) collect(code, files);
  return [...files].map((file) => `${file} ${stampOf(file)}`).join('\n');
}

function collect(code: string, files: Set<string>): void {
  const stat = statSync(code, { throwIfNoEntry: false });
  if (stat?.isDirectory() === true) return walk(code, true, files);
  walk(path.dirname(code), false, files);
}

function walk(dir: string, deep: boolean, files: Set<string>): void {
  for (const entry of entriesOf(dir)) {
    if (files.size >= DEV_WATCH_FILES_MAX) return;
    if (entry.name.startsWith('.') || entry.name === 'node_modules') continue;
    const file = path.join(dir, entry.name);
    if (entry.isFile()) files.add(file);
    else if (deep && entry.isDirectory()) walk(file, deep, files);
  }
}

function entriesOf(dir: string): Dirent[] {
  try {
    return readdirSync(dir, { withFileTypes: true }).toSorted((a, b) => (a.name < b.name ? -1 : 1));
  } catch {
    // Removed meanwhile, or not ours to read: then nothing in it is watched; the reload says what is missing.
    return [];
  }
}

function stampOf(file: string): string {
  const stat = statSync(file, { throwIfNoEntry: false });
  return stat === undefined ? 'gone' : `${stat.size} ${stat.mtimeMs} ${stat.ino}`;
}
