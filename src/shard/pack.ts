/** Many texts as one argument of a script: the client library's work per argument would cost more than all the rest. */

/** Each with its length before it, as a big-endian 32-bit number: `struct.unpack('>I4c0…')` in Lua. */
export function packTexts(rows: readonly (readonly (string | Buffer)[])[]): Buffer {
  let size = 0;
  for (const row of rows) for (const text of row) size += 4 + Buffer.byteLength(text);
  const packed = Buffer.allocUnsafe(size);
  let at = 0;
  for (const row of rows) {
    for (const text of row) {
      const length = typeof text === 'string' ? packed.write(text, at + 4, 'utf8') : text.copy(packed, at + 4);
      at = packed.writeUInt32BE(length, at) + length;
    }
  }
  return packed;
}
