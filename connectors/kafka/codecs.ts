/** Compression codecs that kafkajs does not bring: a batch that cannot be read would end the consumer for good. gzip is built in. */
import { createRequire } from 'node:module';
import { promisify } from 'node:util';
import { zstdCompress, zstdDecompress } from 'node:zlib';
import kafkajs from 'kafkajs';

interface Codec {
  compress(encoder: { readonly buffer: Buffer }): Promise<Buffer>;
  decompress(buffer: Buffer): Promise<Buffer>;
}

// CommonJS packages without types of their own.
const require = createRequire(import.meta.url);
const createSnappy = require('kafkajs-snappy') as () => Codec;
const lz4js = require('lz4js') as { decompress(frame: Uint8Array): Uint8Array };

const zstd: Codec = {
  compress: ({ buffer }) => promisify(zstdCompress)(buffer),
  decompress: (buffer) => promisify(zstdDecompress)(buffer),
};

/** Reading is all we need; what lz4js compresses brokers refuse. */
const lz4: Codec = {
  compress: () => Promise.reject(new Error('lz4 is only read')),
  decompress: (buffer) => Promise.resolve(Buffer.from(lz4js.decompress(buffer))),
};

/** For the whole process, as kafkajs keeps them. */
export function registerCodecs(): void {
  const { CompressionCodecs, CompressionTypes } = kafkajs;
  CompressionCodecs[CompressionTypes.Snappy] = createSnappy;
  CompressionCodecs[CompressionTypes.ZSTD] = () => zstd;
  CompressionCodecs[CompressionTypes.LZ4] = () => lz4;
}
