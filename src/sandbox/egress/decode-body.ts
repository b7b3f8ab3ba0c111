/** Content-Encoding undone, with the same bound after it as before: a small body can hold a large one. */
import { promisify } from 'node:util';
import { brotliDecompress, gunzip, inflate, inflateRaw, zstdDecompress } from 'node:zlib';
import { EGRESS_BODY_BYTES_MAX } from '../../limits.ts';
import { EgressFailure, limited } from './failure.ts';

type Decoder = (body: Buffer, options: { maxOutputLength: number }) => Promise<Buffer>;

const gunzipBody = promisify(gunzip) as Decoder;
const inflateBody = promisify(inflate) as Decoder;
const inflateRawBody = promisify(inflateRaw) as Decoder;
const DECODERS: ReadonlyMap<string, Decoder> = new Map([
  ['gzip', gunzipBody],
  ['x-gzip', gunzipBody],
  // RFC 9110 means zlib; some servers send the raw stream. Their first bytes differ.
  [
    'deflate',
    (body: Buffer, options: { maxOutputLength: number }) =>
      ((body[0]! & 0x0f) === 8 ? inflateBody : inflateRawBody)(body, options),
  ],
  ['br', promisify(brotliDecompress) as Decoder],
  ['zstd', promisify(zstdDecompress) as Decoder],
]);
/** Codings on top of each other: one is usual, and each costs a whole pass. */
const CODINGS_MAX = 3;

export async function decodeBody(body: Buffer, contentEncoding: string): Promise<Buffer> {
  const codings = contentEncoding
    .toLowerCase()
    .split(',')
    .map((coding) => coding.trim())
    .filter((coding) => coding !== '' && coding !== 'identity');
  if (body.length === 0 || codings.length === 0 || codings.some((coding) => !DECODERS.has(coding))) return body;
  if (codings.length > CODINGS_MAX) throw limited(`the response is encoded ${codings.length} times`);
  let decoded = body;
  for (const coding of codings.reverse()) {
    try {
      decoded = await DECODERS.get(coding)!(decoded, { maxOutputLength: EGRESS_BODY_BYTES_MAX });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE')
        throw limited(`the response is larger than ${EGRESS_BODY_BYTES_MAX} bytes when decompressed`);
      throw new EgressFailure('ERR_EGRESS_NETWORK', `the response is no valid ${coding}`);
    }
  }
  return decoded;
}
