/** Percent-encoding, WHATWG URL §1.3. */
import { utf8Decode, utf8Encode } from '../utf8.ts';

export type EncodeSet = (code: number) => boolean;

const among = (chars: string, wider?: EncodeSet): EncodeSet => {
  const codes = new Set([...chars].map((char) => char.charCodeAt(0)));
  return (code) => codes.has(code) || (wider !== undefined && wider(code));
};

export const C0: EncodeSet = (code) => code <= 0x1f || code > 0x7e;
export const FRAGMENT = among(' "<>`', C0);
export const QUERY = among(' "#<>', C0);
export const SPECIAL_QUERY = among("'", QUERY);
export const PATH = among('?^`{}', QUERY);
export const USERINFO = among('/:;=@[\\]|', PATH);
const COMPONENT = among('$%&+,', USERINFO);
/** application/x-www-form-urlencoded; a space becomes `+` elsewhere. */
export const FORM = among("!'()~", COMPONENT);

export function percentEncode(text: string, set: EncodeSet): string {
  let out = '';
  let from = 0;
  for (let i = 0; i < text.length; i++) {
    if (!set(text.charCodeAt(i))) continue;
    const char = String.fromCodePoint(text.codePointAt(i)!);
    out += text.slice(from, i);
    for (const byte of utf8Encode(char)) out += `%${byte < 16 ? '0' : ''}${byte.toString(16).toUpperCase()}`;
    i += char.length - 1;
    from = i + 1;
  }
  return from === 0 ? text : out + text.slice(from);
}

/** To text: UTF-8 without a byte order mark, ill-formed parts replaced. */
export function percentDecode(text: string): string {
  if (!text.includes('%')) return text;
  const bytes = utf8Encode(text);
  let at = 0;
  for (let i = 0; i < bytes.length; i++) {
    const pair = bytes[i] === 0x25 ? String.fromCharCode(bytes[i + 1] ?? 0, bytes[i + 2] ?? 0) : '';
    if (/^[0-9a-f]{2}$/i.test(pair)) {
      bytes[at++] = parseInt(pair, 16);
      i += 2;
    } else bytes[at++] = bytes[i]!;
  }
  return utf8Decode(bytes, 0, at);
}
