/** Texts that leave the sandbox: secrets out, paths of this machine out, cut to their bound. */
const MASK = '***';
/** Shorter values would blot out ordinary words (contract.md: secrets count from 8 characters on). */
const SECRET_CHARS_MIN = 8;

export function scrub(text: string, secrets: readonly string[]): string {
  let out = text;
  for (const secret of secrets) {
    if (secret.length >= SECRET_CHARS_MIN && out.includes(secret)) out = out.replaceAll(secret, MASK);
  }
  return out;
}

/** At most so many bytes of UTF-8, cut at a character. */
export function cutBytes(text: string, max: number): string {
  if (text.length * 3 <= max) return text;
  const bytes = Buffer.from(text, 'utf8');
  if (bytes.length <= max) return text;
  let end = max;
  while (end > 0 && (bytes[end]! & 0xc0) === 0x80) end--;
  return bytes.toString('utf8', 0, end);
}
