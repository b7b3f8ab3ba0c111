/**
 * A `.zip` as Lambda takes it → a directory in the cache, named by the archive's SHA-256. It is written under another name and renamed
 * when it is whole: an entry of the cache that is there is complete, and two daemons may unpack the same archive at once.
 */
import { createHash, randomBytes } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdir, readFile, readdir, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { crc32 } from 'node:zlib';
import { UNPACKED_KEPT_MS, UNPACK_ABANDONED_MS, UNPACK_AT_ONCE } from '../../limits.ts';
import { type ArchiveContents, type ArchiveEntry, readContents } from './entries.ts';
import { ArchiveFault } from './fault.ts';

const MB = 1024 * 1024;

export interface ArchiveLimits {
  readonly maximumZippedSizeInMB: number;
  readonly maximumUnzippedSizeInMB: number;
}

/** In this process; other processes are met at the rename. */
const underWay = new Map<string, Promise<void>>();

/**
 * Answers the directory with the archive's files. Checked anew at each call, because limits differ from function to function.
 *
 * @throws ArchiveFault
 */
export async function unpackArchive(file: string, limits: ArchiveLimits, cacheDir: string): Promise<string> {
  const bytes = await readBounded(file, limits.maximumZippedSizeInMB);
  const contents = await readContents(bytes, limits.maximumUnzippedSizeInMB);
  const cache = path.join(cacheDir, 'unpacked');
  const home = path.join(cache, createHash('sha256').update(bytes).digest('hex'));
  await (underWay.get(home) ?? begin(home, contents));
  return path.join(home, 'task');
}

async function begin(home: string, contents: ArchiveContents): Promise<void> {
  const work = ensure(home, contents);
  underWay.set(home, work);
  try {
    await work;
  } finally {
    underWay.delete(home);
  }
}

async function ensure(home: string, contents: ArchiveContents): Promise<void> {
  if (await isThere(home)) {
    // Says that it is still used (removeOld).
    const now = new Date();
    await utimes(home, now, now);
    return;
  }
  const cache = path.dirname(home);
  await mkdir(cache, { recursive: true });
  await removeOld(cache);
  const temporary = `${home}.${process.pid}.${randomBytes(4).toString('hex')}.tmp`;
  try {
    await mkdir(path.join(temporary, 'task'), { recursive: true });
    // Without one of its own, the package.json of a project around the cache would say what its .js files are.
    await writeFile(path.join(temporary, 'package.json'), '{}');
    await writeEntries(contents, path.join(temporary, 'task'));
    await rename(temporary, home);
  } catch (error) {
    await rm(temporary, { recursive: true, force: true });
    // Another daemon was first: an entry that is there is complete.
    const { code } = error as NodeJS.ErrnoException;
    if ((code === 'ENOTEMPTY' || code === 'EEXIST') && (await isThere(home))) return;
    throw error;
  }
}

async function readBounded(file: string, maxMb: number): Promise<Buffer> {
  const tooLarge = (size: number): ArchiveFault =>
    new ArchiveFault('too-large', `the archive has ${(size / MB).toFixed(1)} MB; at most ${maxMb} MB are taken`, {
      hint: 'leave out what the function does not need, or raise maximumZippedSizeInMB',
    });
  const { size } = await stat(file);
  if (size > maxMb * MB) throw tooLarge(size);
  const bytes = await readFile(file);
  if (bytes.length > maxMb * MB) throw tooLarge(bytes.length);
  return bytes;
}

async function writeEntries({ zip, entries }: ArchiveContents, root: string): Promise<void> {
  const directories = new Set(entries.map((entry) => (entry.directory ? entry.path : path.posix.dirname(entry.path))));
  for (const directory of directories) await mkdir(path.join(root, directory), { recursive: true });
  const files = entries.filter((entry) => !entry.directory);
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let entry = files[next++]; entry !== undefined; entry = files[next++]) await writeEntry(zip, entry, root);
  };
  // All of them have ended before anything is cleared away after a fault.
  const ends = await Promise.allSettled(Array.from({ length: UNPACK_AT_ONCE }, worker));
  const failed = ends.find((end) => end.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
}

async function writeEntry(zip: ArchiveContents['zip'], entry: ArchiveEntry, root: string): Promise<void> {
  const { raw, name } = entry;
  const damaged = (message: string): ArchiveFault => new ArchiveFault('damaged', message, { entry: name });
  let size = 0;
  let sum = 0;
  try {
    await pipeline(
      await zip.openReadStreamPromise(raw),
      async function* (chunks: AsyncIterable<Buffer>) {
        for await (const chunk of chunks) {
          size += chunk.length;
          // What keeps an entry that lies about its size from filling the disk.
          if (size > raw.uncompressedSize) throw damaged('is larger than its header says');
          sum = crc32(chunk, sum);
          yield chunk;
        }
      },
      // Never through or over something that is there.
      createWriteStream(path.join(root, entry.path), { flags: 'wx', mode: 0o644 }),
    );
  } catch (error) {
    if (error instanceof ArchiveFault) throw error;
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST')
      throw new ArchiveFault('refused', 'has a name that this file system does not tell from another one', {
        entry: name,
      });
    if (code?.startsWith('Z_') === true) throw damaged(`cannot be decompressed: ${message}`);
    throw error;
  }
  if (size < raw.uncompressedSize) throw damaged('is smaller than its header says');
  if (sum !== raw.crc32) throw damaged('does not match its checksum');
}

/** What a killed process left half-way, and what no function has used for a while: it is only read when code is bundled. */
async function removeOld(cache: string): Promise<void> {
  for (const name of await readdir(cache)) {
    const found = await stat(path.join(cache, name)).catch(() => null);
    const age = found === null ? 0 : Date.now() - found.mtimeMs;
    if (age > (name.endsWith('.tmp') ? UNPACK_ABANDONED_MS : UNPACKED_KEPT_MS))
      await rm(path.join(cache, name), { recursive: true, force: true });
  }
}

async function isThere(directory: string): Promise<boolean> {
  return (await stat(directory).catch(() => null)) !== null;
}
