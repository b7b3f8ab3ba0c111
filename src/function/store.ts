/** The bundle cache: files named by the hash of their content, so that an entry that exists is complete and right. */
import { createHash, randomBytes } from 'node:crypto';
import { mkdir, rename, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Script } from './bundle.ts';

export interface StoredScript {
  readonly sha256: string;
  readonly bundlePath: string;
  readonly sourceMapPath: string;
}

export async function storeScript(script: Script, cacheDir: string): Promise<StoredScript> {
  const sha256 = createHash('sha256').update(script.code).update('\0').update(script.sourceMap).digest('hex');
  const dir = path.join(cacheDir, 'functions');
  const bundlePath = path.join(dir, `${sha256}.js`);
  const sourceMapPath = `${bundlePath}.map`;
  await mkdir(dir, { recursive: true });
  // The map first: a bundle that is there has its map.
  await writeOnce(sourceMapPath, script.sourceMap);
  await writeOnce(bundlePath, script.code);
  return { sha256, bundlePath, sourceMapPath };
}

async function writeOnce(file: string, text: string): Promise<void> {
  const there = await stat(file).catch(() => null);
  if (there !== null && there.size === Buffer.byteLength(text)) return;
  const temporary = `${file}.${process.pid}.${randomBytes(4).toString('hex')}.tmp`;
  await writeFile(temporary, text);
  await rename(temporary, file);
}
