/** Compression codecs that kafkajs does not bring: a batch that cannot be read would end the consumer for good. gzip is built in. */
import { promisify } from 'node:util';
import { zstdCompress, zstdDecompress } from 'node:zlib';
import { type Codec, kafkajs, lz4js, snappy } from './library.ts';

const zstd: Codec = {
  compress: ({ buffer }) => promisify(zstdCompress)(buffer),
  decompress: (buffer) => promisify(zstdDecompress)(buffer),
};

/** Reading is all we need; what lz4js compresses brokers refuse. */
const lz4: Codec = {
  compress: () => Promise.reject(new Error('lz4 is only read')),
  decompress: (buffer) => Promise.resolve(Buffer.from(lz4js().decompress(buffer))),
};

/** For the whole process, as kafkajs keeps them. */
export function registerCodecs(): void {
  const { CompressionCodecs, CompressionTypes } = kafkajs();
  CompressionCodecs[CompressionTypes.Snappy] = snappy();
  CompressionCodecs[CompressionTypes.ZSTD] = () => zstd;
  CompressionCodecs[CompressionTypes.LZ4] = () => lz4;
}
