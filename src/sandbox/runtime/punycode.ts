/** The Punycode functions that ship with unenv, typed. */
import untyped from 'unenv/node/internal/punycode/punycode';

export interface Punycode {
  toASCII(domain: string): string;
  toUnicode(domain: string): string;
  encode(text: string): string;
  decode(text: string): string;
}

export const punycode = untyped as unknown as Punycode;
