/** kafkajs and the codecs that it does not bring, loaded with the first topic: a daemon or a command that has none starts without their 150 modules. */
import { createRequire } from 'node:module';

export interface Codec {
  compress(encoder: { readonly buffer: Buffer }): Promise<Buffer>;
  decompress(buffer: Buffer): Promise<Buffer>;
}

const require = createRequire(import.meta.url);

export const kafkajs = () => require('kafkajs') as typeof import('kafkajs');
// CommonJS packages without types of their own.
export const snappy = () => require('kafkajs-snappy') as () => Codec;
export const lz4js = () => require('lz4js') as { decompress(frame: Uint8Array): Uint8Array };
