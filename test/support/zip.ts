/** ZIP archives byte by byte, so that tests can write what no tool writes. */
import { crc32, deflateRawSync } from 'node:zlib';

export interface ZipEntry {
  readonly name: string | Buffer;
  readonly data?: string | Buffer;
  readonly stored?: boolean;
  /** What the headers say, where it is not the truth. */
  readonly says?: {
    readonly method?: number;
    readonly crc?: number;
    readonly size?: number;
    readonly compressedSize?: number;
    readonly flags?: number;
    readonly localOffset?: number;
  };
  /** Unix mode with its file type, such as 0o120777. */
  readonly mode?: number;
  /** Sizes and checksum behind the data, as tools write them that stream. */
  readonly streamed?: boolean;
  /** Sizes and offset in the Zip64 extra field. */
  readonly zip64?: boolean;
  /** No bytes of its own: it names those at `says.localOffset`. */
  readonly onlyListed?: boolean;
}

const UTF8 = 0x800;
const DESCRIPTOR = 0x8;

export function zip(entries: readonly ZipEntry[] | Readonly<Record<string, string | Buffer>>, comment = ''): Buffer {
  const list: readonly ZipEntry[] = Array.isArray(entries)
    ? (entries as readonly ZipEntry[])
    : Object.entries(entries as Record<string, string | Buffer>).map(([name, data]) => ({ name, data }));
  const bodies: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const entry of list) {
    const { local, central } = encode(entry, offset);
    if (entry.onlyListed !== true) {
      bodies.push(local);
      offset += local.length;
    }
    directory.push(central);
  }
  const table = Buffer.concat(directory);
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(list.length, 8);
  end.writeUInt16LE(list.length, 10);
  end.writeUInt32LE(table.length, 12);
  end.writeUInt32LE(offset, 16);
  end.writeUInt16LE(Buffer.byteLength(comment), 20);
  return Buffer.concat([...bodies, table, end, Buffer.from(comment)]);
}

function encode(entry: ZipEntry, offset: number): { local: Buffer; central: Buffer } {
  const name = typeof entry.name === 'string' ? Buffer.from(entry.name) : entry.name;
  const data = Buffer.from(entry.data ?? '');
  const stored = entry.stored === true || name.at(-1) === 0x2f;
  const body = stored ? data : deflateRawSync(data);
  const says = entry.says ?? {};
  const flags = says.flags ?? UTF8 | (entry.streamed === true ? DESCRIPTOR : 0);
  const method = says.method ?? (stored ? 0 : 8);
  const crc = says.crc ?? crc32(data);
  const size = says.size ?? data.length;
  const compressed = says.compressedSize ?? body.length;
  const local = Buffer.alloc(30);
  local.writeUInt32LE(0x04034b50, 0);
  local.writeUInt16LE(20, 4);
  local.writeUInt16LE(flags, 6);
  local.writeUInt16LE(method, 8);
  if (entry.streamed !== true) {
    local.writeUInt32LE(crc, 14);
    local.writeUInt32LE(compressed, 18);
    local.writeUInt32LE(Math.min(size, 0xffffffff), 22);
  }
  local.writeUInt16LE(name.length, 26);
  const descriptor = Buffer.alloc(entry.streamed === true ? 16 : 0);
  if (entry.streamed === true) {
    descriptor.writeUInt32LE(0x08074b50, 0);
    descriptor.writeUInt32LE(crc, 4);
    descriptor.writeUInt32LE(compressed, 8);
    descriptor.writeUInt32LE(size, 12);
  }
  const at = says.localOffset ?? offset;
  const extra = entry.zip64 === true ? zip64Field(size, compressed, at) : Buffer.alloc(0);
  const central = Buffer.alloc(46);
  central.writeUInt32LE(0x02014b50, 0);
  central.writeUInt16LE((3 << 8) | 20, 4);
  central.writeUInt16LE(20, 6);
  central.writeUInt16LE(flags, 8);
  central.writeUInt16LE(method, 10);
  central.writeUInt32LE(crc, 16);
  central.writeUInt32LE(entry.zip64 === true ? 0xffffffff : compressed, 20);
  central.writeUInt32LE(entry.zip64 === true ? 0xffffffff : size, 24);
  central.writeUInt16LE(name.length, 28);
  central.writeUInt16LE(extra.length, 30);
  central.writeUInt32LE(((entry.mode ?? 0) << 16) >>> 0, 38);
  central.writeUInt32LE(entry.zip64 === true ? 0xffffffff : at, 42);
  return { local: Buffer.concat([local, name, body, descriptor]), central: Buffer.concat([central, name, extra]) };
}

function zip64Field(size: number, compressed: number, offset: number): Buffer {
  const field = Buffer.alloc(28);
  field.writeUInt16LE(1, 0);
  field.writeUInt16LE(24, 2);
  field.writeBigUInt64LE(BigInt(size), 4);
  field.writeBigUInt64LE(BigInt(compressed), 12);
  field.writeBigUInt64LE(BigInt(offset), 20);
  return field;
}
