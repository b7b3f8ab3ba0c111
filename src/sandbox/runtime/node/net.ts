/** node:net without sockets: telling addresses apart, and settings that say nothing here. */
import { unsupported } from './unsupported.ts';

const OCTET = '(?:25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)';
const V4 = new RegExp(`^(?:${OCTET}\\.){3}${OCTET}$`);
const GROUP = /^[0-9a-f]{1,4}$/i;
const ZONE = /^[0-9a-z\-.:]+$/i;

function isIPv4(text: unknown): boolean {
  return V4.test(String(text));
}

/** Eight groups; one `::` stands for at least one of them; the last two may be written as an IPv4 address. */
function isIPv6(text: unknown): boolean {
  const [address, zone, more] = String(text).split('%') as [string, string | undefined, string | undefined];
  if (more !== undefined || (zone !== undefined && !ZONE.test(zone))) return false;
  const halves = address.split('::');
  if (halves.length > 2) return false;
  const groups = halves.map((half) => (half === '' ? [] : half.split(':')));
  const last = groups.at(-1)!.at(-1);
  let count = groups.flat().length;
  if (last !== undefined && last.includes('.')) {
    if (!isIPv4(last)) return false;
    groups.at(-1)!.pop();
    count++;
  }
  if (!groups.flat().every((group) => GROUP.test(group))) return false;
  return halves.length === 2 ? count < 8 : count === 8;
}

function isIP(text: unknown): 0 | 4 | 6 {
  if (isIPv4(text)) return 4;
  return isIPv6(text) ? 6 : 0;
}

export const net = unsupported('net', {
  isIP,
  isIPv4,
  isIPv6,
  getDefaultAutoSelectFamily: () => true,
  setDefaultAutoSelectFamily: () => undefined,
  getDefaultAutoSelectFamilyAttemptTimeout: () => 500,
  setDefaultAutoSelectFamilyAttemptTimeout: () => undefined,
});
