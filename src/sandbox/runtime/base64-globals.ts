/** atob and btoa, HTML standard: latin1 text, forgiving decode. */
import { Buffer } from './buffer.ts';
import { DOMException } from './dom-exception.ts';

const makeBuffer = (
  Buffer as unknown as { from(text: string, encoding: string): { toString(encoding: string): string } }
).from;

export function btoa(input: unknown): string {
  const text = String(input);
  for (let i = 0; i < text.length; i++) {
    if (text.charCodeAt(i) > 255) throw new DOMException('Invalid character', 'InvalidCharacterError');
  }
  return makeBuffer(text, 'latin1').toString('base64');
}

export function atob(input: unknown): string {
  let text = String(input).replace(/[\t\n\f\r ]/g, '');
  if (text.length % 4 === 0) text = text.replace(/={1,2}$/, '');
  if (text.length % 4 === 1 || /[^A-Za-z0-9+/]/.test(text)) {
    throw new DOMException('The string to be decoded is not correctly encoded.', 'InvalidCharacterError');
  }
  return makeBuffer(text, 'base64').toString('latin1');
}
