/** Blob and File, as immutable bytes. */
import { nowMs } from '../host.ts';
import { utf8Decode, utf8Encode } from '../utf8.ts';
import { byteStream } from './web-streams.ts';

function bytesOf(part: unknown): Uint8Array {
  if (part instanceof Blob) return blobBytes(part);
  if (part instanceof ArrayBuffer) return new Uint8Array(part.slice(0));
  if (ArrayBuffer.isView(part)) return new Uint8Array(part.buffer, part.byteOffset, part.byteLength).slice();
  return utf8Encode(String(part));
}

export class Blob {
  readonly type: string;
  readonly #bytes: Uint8Array<ArrayBuffer>;

  constructor(parts: Iterable<unknown> = [], options: { type?: string } = {}) {
    const pieces = Array.from(parts, bytesOf);
    this.#bytes = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
    let at = 0;
    for (const piece of pieces) {
      this.#bytes.set(piece, at);
      at += piece.length;
    }
    this.type = String(options.type ?? '').toLowerCase();
  }
  static bytesOf(blob: Blob): Uint8Array<ArrayBuffer> {
    return blob.#bytes;
  }
  get size(): number {
    return this.#bytes.length;
  }
  slice(start?: number, end?: number, type = ''): Blob {
    return new Blob([this.#bytes.slice(start, end)], { type });
  }
  async arrayBuffer(): Promise<ArrayBuffer> {
    return this.#bytes.slice().buffer;
  }
  async bytes(): Promise<Uint8Array> {
    return this.#bytes.slice();
  }
  async text(): Promise<string> {
    return utf8Decode(this.#bytes, 0, this.#bytes.length);
  }
  stream(): ReadableStream {
    return byteStream(this.#bytes);
  }
  get [Symbol.toStringTag](): string {
    return 'Blob';
  }
}

export const blobBytes = Blob.bytesOf;
Reflect.deleteProperty(Blob, 'bytesOf');

export class File extends Blob {
  readonly name: string;
  readonly lastModified: number;
  constructor(parts: Iterable<unknown>, name: string, options: { type?: string; lastModified?: number } = {}) {
    super(parts, options);
    this.name = String(name);
    this.lastModified = options.lastModified ?? nowMs();
  }
  override get [Symbol.toStringTag](): string {
    return 'File';
  }
}
