/** TextEncoderStream, TextDecoderStream, CompressionStream, DecompressionStream: transforms of the platform. */
import { hooks } from '../host.ts';
import type { ZlibFormat } from '../hooks.ts';
import { TextDecoder, TextEncoder } from '../text-encoding.ts';
import { webStreams } from './web-streams.ts';

interface Step {
  transform(chunk: unknown, put: (chunk: unknown) => void): void;
  flush(put: (chunk: unknown) => void): void;
}

abstract class Piped {
  readonly readable: ReadableStream;
  readonly writable: WritableStream;
  constructor(step: Step) {
    const { TransformStream: Class } = webStreams();
    const pipe = new Class<unknown, unknown>({
      transform: (chunk, controller) => step.transform(chunk, (made) => controller.enqueue(made)),
      flush: (controller) => step.flush((made) => controller.enqueue(made)),
    });
    this.readable = pipe.readable as unknown as ReadableStream;
    this.writable = pipe.writable as unknown as WritableStream;
  }
}

export class TextEncoderStream extends Piped {
  constructor() {
    const encoder = new TextEncoder();
    let high = '';
    super({
      transform(chunk, put) {
        let text = high + String(chunk);
        // Half of a pair waits for the other half.
        high = /[\ud800-\udbff]$/.exec(text)?.[0] ?? '';
        text = text.slice(0, text.length - high.length);
        if (text !== '') put(encoder.encode(text));
      },
      flush(put) {
        if (high !== '') put(encoder.encode(high));
      },
    });
  }
  get encoding(): string {
    return 'utf-8';
  }
}

export class TextDecoderStream extends Piped {
  readonly #decoder: TextDecoder;
  constructor(label?: string, options: { fatal?: boolean; ignoreBOM?: boolean } = {}) {
    const decoder = new TextDecoder(label, options);
    super({
      transform(chunk, put) {
        const text = decoder.decode(chunk, { stream: true });
        if (text !== '') put(text);
      },
      flush(put) {
        const text = decoder.decode();
        if (text !== '') put(text);
      },
    });
    this.#decoder = decoder;
  }
  get encoding(): string {
    return this.#decoder.encoding;
  }
  get fatal(): boolean {
    return this.#decoder.fatal;
  }
  get ignoreBOM(): boolean {
    return this.#decoder.ignoreBOM;
  }
}

/** As node:zlib's streams: collected, and coded as a whole at the end. */
function coded(formats: Readonly<Record<string, ZlibFormat>>, format: unknown): Step {
  const name = String(format);
  const coder = Object.hasOwn(formats, name) ? formats[name] : undefined;
  if (coder === undefined) throw new TypeError(`Unsupported compression format: '${name}'`);
  const chunks: Uint8Array[] = [];
  let total = 0;
  return {
    transform(chunk) {
      if (!(chunk instanceof ArrayBuffer) && !ArrayBuffer.isView(chunk))
        throw new TypeError('The chunk must be an instance of ArrayBuffer or ArrayBufferView.');
      const bytes =
        chunk instanceof ArrayBuffer
          ? new Uint8Array(chunk)
          : new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength);
      chunks.push(bytes.slice());
      total += bytes.length;
    },
    flush(put) {
      const whole = new Uint8Array(total);
      let at = 0;
      for (const chunk of chunks) {
        whole.set(chunk, at);
        at += chunk.length;
      }
      const { bytes, failure } = hooks.zlib(coder, '{}', whole);
      if (bytes === null) throw Object.assign(new TypeError(failure.message), { code: failure.code });
      put(bytes);
    },
  };
}

const COMPRESS = { gzip: 'gzip', deflate: 'deflate', 'deflate-raw': 'deflateRaw', brotli: 'brotliCompress' } as const;
const DECOMPRESS = {
  gzip: 'gunzip',
  deflate: 'inflate',
  'deflate-raw': 'inflateRaw',
  brotli: 'brotliDecompress',
} as const;

export class CompressionStream extends Piped {
  constructor(format: unknown) {
    super(coded(COMPRESS, format));
  }
}

export class DecompressionStream extends Piped {
  constructor(format: unknown) {
    super(coded(DECOMPRESS, format));
  }
}
