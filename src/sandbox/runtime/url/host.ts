/** Hosts, WHATWG URL §3: from the text of an authority to the serialised host, or null when it is none. */
import { lowerCase } from '../host.ts';
import { punycode } from '../punycode.ts';
import { C0, percentDecode, percentEncode } from './percent.ts';

const FORBIDDEN_HOST = /[\0\t\n\r #/:<>?@[\\\]^|]/;
const FORBIDDEN_DOMAIN = /[\0-\x20#%/:<>?@[\\\]^|\x7f]/;

export function parseHost(text: string, special: boolean): string | null {
  if (text.startsWith('[')) {
    if (!text.endsWith(']')) return null;
    const pieces = parseIpv6(text.slice(1, -1));
    return pieces === null ? null : `[${serializeIpv6(pieces)}]`;
  }
  if (!special) return FORBIDDEN_HOST.test(text) ? null : percentEncode(text, C0);
  const ascii = domainToAscii(percentDecode(text));
  if (ascii === null || ascii === '' || FORBIDDEN_DOMAIN.test(ascii)) return null;
  return endsInNumber(ascii) ? parseIpv4(ascii) : ascii;
}

/**
 * UTS 46 without its tables: NFKC and lower case do its mapping for everything but a few characters that are ignored or disallowed.
 * The gateway outside parses each URL again with Node's own parser, so nothing depends on the difference but the error's place.
 */
function domainToAscii(domain: string): string | null {
  if (/^[\0-\x7f]*$/.test(domain)) return lowerCase(domain);
  const mapped = domain
    .replace(/[\u00ad\u034f\u180b-\u180d\u200b\u2060\u2064\ufe00-\ufe0f\ufeff]/g, '')
    .normalize('NFKC')
    .toLowerCase()
    .normalize('NFKC')
    .replace(/[\u3002\uff0e\uff61]/g, '.');
  try {
    return punycode.toASCII(mapped);
  } catch {
    return null;
  }
}

function endsInNumber(host: string): boolean {
  const labels = host.split('.');
  if (labels.at(-1) === '' && labels.length > 1) labels.pop();
  const last = labels.at(-1)!;
  return /^\d+$/.test(last) || /^0x[0-9a-f]*$/i.test(last);
}

function parseIpv4Number(text: string): number {
  if (text === '') return NaN;
  if (/^0x/i.test(text))
    return /^0x[0-9a-f]*$/i.test(text) ? (text.length === 2 ? 0 : parseInt(text.slice(2), 16)) : NaN;
  if (text.length > 1 && text.startsWith('0')) return /^[0-7]+$/.test(text) ? parseInt(text, 8) : NaN;
  return /^\d+$/.test(text) ? parseInt(text, 10) : NaN;
}

function parseIpv4(host: string): string | null {
  const labels = host.split('.');
  if (labels.at(-1) === '' && labels.length > 1) labels.pop();
  if (labels.length > 4) return null;
  const numbers = labels.map(parseIpv4Number);
  if (numbers.some(Number.isNaN)) return null;
  const last = numbers.pop()!;
  if (numbers.some((number) => number > 255) || last >= 256 ** (4 - numbers.length)) return null;
  let address = last;
  for (const [i, number] of numbers.entries()) address += number * 256 ** (3 - i);
  return [24, 16, 8, 0].map((shift) => Math.floor(address / 2 ** shift) % 256).join('.');
}

function parseIpv6(text: string): number[] | null {
  const halves = text.split('::');
  if (halves.length > 2) return null;
  const groups = halves.map((half) => (half === '' ? [] : parseGroups(half)));
  const [head, tail] = groups;
  if (head === null || head === undefined || tail === null) return null;
  if (tail === undefined) return head.length === 8 ? head : null;
  // An embedded IPv4 address may only end the whole address.
  if (head.length + tail.length > 7 || halves[0]!.includes('.')) return null;
  return [...head, ...new Array<number>(8 - head.length - tail.length).fill(0), ...tail];
}

function parseGroups(text: string): number[] | null {
  const groups: number[] = [];
  const parts = text.split(':');
  for (const [i, part] of parts.entries()) {
    if (/^[0-9a-f]{1,4}$/i.test(part)) {
      groups.push(parseInt(part, 16));
      continue;
    }
    const quad = /^(0|[1-9]\d{0,2})\.(0|[1-9]\d{0,2})\.(0|[1-9]\d{0,2})\.(0|[1-9]\d{0,2})$/.exec(part);
    const numbers = quad?.slice(1).map(Number);
    if (i !== parts.length - 1 || numbers === undefined || numbers.some((number) => number > 255)) return null;
    groups.push(numbers[0]! * 256 + numbers[1]!, numbers[2]! * 256 + numbers[3]!);
  }
  return groups;
}

function serializeIpv6(pieces: readonly number[]): string {
  let best = { at: -1, length: 1 };
  for (let i = 0; i < 8; i++) {
    let length = 0;
    while (i + length < 8 && pieces[i + length] === 0) length++;
    if (length > best.length) best = { at: i, length };
  }
  const hex = (from: number, to: number) =>
    pieces
      .slice(from, to)
      .map((piece) => piece.toString(16))
      .join(':');
  return best.at < 0 ? hex(0, 8) : `${hex(0, best.at)}::${hex(best.at + best.length, 8)}`;
}
