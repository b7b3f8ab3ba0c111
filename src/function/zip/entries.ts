/**
 * The table of contents of an archive, judged before anything is unpacked: every entry has a safe name of its own, is a plain file or
 * directory in a form that we read, shares no bytes with another, and all together stay below the limits.
 */
import { type Entry, type ZipFile, fromBufferPromise, getFileNameLowLevel } from 'yauzl';
import { ZIP_ENTRIES_MAX } from '../../limits.ts';
import { TakenNames, readEntryName } from './entry-name.ts';
import { ArchiveFault } from './fault.ts';

const MB = 1024 * 1024;
const ENCRYPTED = 0x1;
const STORED = 0;
const DEFLATED = 8;
/** Unix file types, in the upper half of the external attributes. */
const TYPE_MASK = 0o170000;
const TYPES: Readonly<Record<number, string>> = {
  0o120000: 'is a symbolic link',
  0o010000: 'is a named pipe',
  0o140000: 'is a socket',
  0o020000: 'is a device',
  0o060000: 'is a device',
};
const TYPE_FILE = 0o100000;
const TYPE_DIRECTORY = 0o040000;

export interface ArchiveEntry {
  readonly path: string;
  readonly directory: boolean;
  /** As the archive has it, for messages. */
  readonly name: string;
  readonly raw: Entry;
}

export interface ArchiveContents {
  readonly zip: ZipFile;
  readonly entries: readonly ArchiveEntry[];
}

/** @throws ArchiveFault */
export async function readContents(bytes: Buffer, unzippedMaxMb: number): Promise<ArchiveContents> {
  const zip = await open(bytes);
  if (zip.entryCount === 0) throw new ArchiveFault('damaged', 'the archive is empty');
  if (zip.entryCount > ZIP_ENTRIES_MAX) {
    throw new ArchiveFault(
      'too-large',
      `the archive has ${zip.entryCount} entries; at most ${ZIP_ENTRIES_MAX} are taken`,
    );
  }
  const names = new TakenNames();
  const entries: ArchiveEntry[] = [];
  let unzipped = 0;
  for await (const raw of entriesOf(zip)) {
    const entry = judge(raw, names);
    unzipped += raw.uncompressedSize;
    // Sizes may lie; unpacking holds every entry to its own, so that this sum is the bound.
    if (!(unzipped <= unzippedMaxMb * MB)) {
      const hint = 'leave out what the function does not need, or raise maximumUnzippedSizeInMB';
      throw new ArchiveFault('too-large', `the archive unpacks to more than ${unzippedMaxMb} MB`, { hint });
    }
    entries.push(entry);
  }
  await refuseOverlaps(zip, entries);
  return { zip, entries };
}

async function open(bytes: Buffer): Promise<ZipFile> {
  try {
    // Names are judged here, sizes while unpacking: the library's own checks do not name the entry.
    return await fromBufferPromise(bytes, { decodeStrings: false, validateEntrySizes: false });
  } catch (error) {
    const begins = bytes.subarray(0, 4).toString('latin1');
    if (!['PK\x03\x04', 'PK\x05\x06'].includes(begins)) throw new ArchiveFault('damaged', 'this is no zip archive');
    throw new ArchiveFault('damaged', `the archive is damaged or cut off: ${(error as Error).message}`);
  }
}

async function* entriesOf(zip: ZipFile): AsyncGenerator<Entry> {
  let read = 0;
  try {
    for await (const entry of zip.eachEntry()) {
      read++;
      yield entry;
    }
  } catch (error) {
    if (error instanceof ArchiveFault) throw error;
    throw new ArchiveFault(
      'damaged',
      `entry ${read + 1} of the archive's directory cannot be read: ${(error as Error).message}`,
    );
  }
}

function judge(raw: Entry, names: TakenNames): ArchiveEntry {
  // Typed as text, but with `decodeStrings` off these are bytes.
  const name = getFileNameLowLevel(raw.generalPurposeBitFlag, raw.fileNameRaw, raw.extraFields, true);
  const refuse = (message: string): ArchiveFault => new ArchiveFault('refused', message, { entry: name });
  const found = readEntryName(name);
  if (typeof found === 'string') throw refuse(found);
  const type = (raw.externalFileAttributes >>> 16) & TYPE_MASK;
  const special = TYPES[type];
  if (special !== undefined) throw refuse(`${special}; files and directories are taken`);
  if (![0, TYPE_FILE, TYPE_DIRECTORY].includes(type)) throw refuse('is neither a file nor a directory');
  if (type === TYPE_DIRECTORY && !found.directory) throw refuse('is a directory, but has the name of a file');
  if ((raw.generalPurposeBitFlag & ENCRYPTED) !== 0) throw refuse('is encrypted');
  if (raw.compressionMethod !== STORED && raw.compressionMethod !== DEFLATED)
    throw refuse(`is compressed by method ${raw.compressionMethod}; stored (0) and deflated (8) are read`);
  const damaged = (message: string): ArchiveFault => new ArchiveFault('damaged', message, { entry: name });
  if (found.directory && raw.uncompressedSize !== 0) throw damaged('is a directory with content');
  if (raw.compressionMethod === STORED && raw.compressedSize !== raw.uncompressedSize)
    throw damaged('is stored, but has two sizes');
  const clash = names.take(found);
  if (clash !== undefined) throw refuse(clash);
  return { ...found, name, raw };
}

/** Entries that share bytes make small archives unpack to much; no honest tool writes them. */
async function refuseOverlaps(zip: ZipFile, entries: readonly ArchiveEntry[]): Promise<void> {
  const ranges: { readonly from: number; readonly to: number; readonly name: string }[] = [];
  for (const { raw, name } of entries) {
    const from = raw.relativeOffsetOfLocalHeader;
    try {
      const { fileDataStart } = await zip.readLocalFileHeaderPromise(raw, { minimal: true });
      ranges.push({ from, to: fileDataStart + raw.compressedSize, name });
    } catch (error) {
      throw new ArchiveFault('damaged', `cannot be read: ${(error as Error).message}`, { entry: name });
    }
  }
  ranges.sort((a, b) => a.from - b.from);
  for (const [index, { from, name }] of ranges.entries()) {
    const before = ranges[index - 1];
    if (before !== undefined && before.to > from)
      throw new ArchiveFault('refused', `shares bytes with ${JSON.stringify(before.name.slice(0, 200))}`, {
        entry: name,
      });
  }
}
