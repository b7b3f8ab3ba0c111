/** node:string_decoder: text from chunks that may cut a character. */
import { codecOf } from '../codecs.ts';
import { utf8IncompleteTail } from '../utf8.ts';

export class StringDecoder {
  readonly encoding: string;
  #kept = new Uint8Array(0);

  constructor(encoding?: unknown) {
    this.encoding = codecOf(encoding).name;
  }
  #tail(bytes: Uint8Array): number {
    switch (this.encoding) {
      case 'utf8':
        return utf8IncompleteTail(bytes, bytes.length);
      case 'utf16le': {
        const odd = bytes.length % 2;
        const high = bytes[bytes.length - 1 - odd] ?? 0;
        return odd + (bytes.length - odd >= 2 && high >= 0xd8 && high <= 0xdb ? 2 : 0);
      }
      case 'base64':
      case 'base64url':
        return bytes.length % 3;
      default:
        return 0;
    }
  }
  write(chunk: Uint8Array | string): string {
    if (typeof chunk === 'string') return chunk;
    let bytes: Uint8Array = chunk;
    if (this.#kept.length > 0) {
      bytes = new Uint8Array(this.#kept.length + chunk.length);
      bytes.set(this.#kept);
      bytes.set(chunk, this.#kept.length);
    }
    const end = bytes.length - this.#tail(bytes);
    this.#kept = bytes.slice(end) as Uint8Array<ArrayBuffer>;
    return codecOf(this.encoding).slice(bytes, 0, end);
  }
  end(chunk?: Uint8Array | string): string {
    const text = chunk === undefined ? '' : this.write(chunk);
    const rest = codecOf(this.encoding).slice(this.#kept, 0, this.#kept.length);
    this.#kept = new Uint8Array(0);
    return text + rest;
  }
  get lastNeed(): number {
    return this.#kept.length;
  }
}
