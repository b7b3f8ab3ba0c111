/** node:stream/consumers: a stream, or anything that can be iterated, as one value. */
import { makeBuffer } from '../../buffer.ts';
import { Blob } from '../../fetch/blob.ts';
import { jsonParse } from '../../host.ts';
import { TextDecoder } from '../../text-encoding.ts';
import { unsupported } from '../unsupported.ts';

type Source = AsyncIterable<unknown>;

async function blob(source: Source): Promise<Blob> {
  const parts: unknown[] = [];
  for await (const part of source) parts.push(part);
  return new Blob(parts);
}

async function arrayBuffer(source: Source): Promise<ArrayBuffer> {
  return (await blob(source)).arrayBuffer();
}

async function text(source: Source): Promise<string> {
  const decoder = new TextDecoder();
  let whole = '';
  for await (const part of source) whole += typeof part === 'string' ? part : decoder.decode(part, { stream: true });
  return whole + decoder.decode();
}

export const streamConsumers = unsupported('stream/consumers', {
  arrayBuffer,
  blob,
  buffer: async (source: Source) => makeBuffer(await arrayBuffer(source)),
  bytes: async (source: Source) => new Uint8Array(await arrayBuffer(source)),
  json: async (source: Source) => jsonParse(await text(source)),
  text,
});
