/** Syntax of the texts that have one: names, Redis URLs, addresses, allow-list entries, points in time. Pure. */
import { isIP, isIPv4, isIPv6 } from 'node:net';
import { isSentinelUrl, sentinelUrlFault } from '../redis/sentinel-url.ts';
import type { TextFault } from './field.ts';

export const NAME_PATTERN = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/;
export const NAME_RULE = 'must be 1 to 63 letters, digits, ".", "_" or "-", the first a letter or digit';
export const VARIABLE_PATTERN = /^[A-Za-z_][A-Za-z0-9_]*$/;

const HOST_NAME = /^(?=.{1,253}\.?$)(?!-)[A-Za-z0-9_-]{1,63}(?<!-)(\.(?!-)[A-Za-z0-9_-]{1,63}(?<!-))*\.?$/;

export function redisUrlFault(value: string): TextFault | undefined {
  if (isSentinelUrl(value)) return sentinelUrlFault(value);
  const scheme = /^([A-Za-z][A-Za-z0-9+.-]*):\/\//.exec(value)?.[1]?.toLowerCase();
  if (scheme === undefined) return { message: 'must be a Redis URL', hint: 'for example redis://127.0.0.1:6379' };
  if (scheme !== 'redis' && scheme !== 'rediss') {
    return {
      message: `must be a redis://, rediss:// or redis-sentinel:// URL, not ${scheme}://`,
      hint: 'for example redis://127.0.0.1:6379',
    };
  }
  const authority = /^[^/?#]*/.exec(value.slice(scheme.length + 3))![0];
  const address = authority.slice(authority.lastIndexOf('@') + 1);
  const port = /:(\d*)$/.exec(address)?.[1];
  if (port !== undefined && (port === '' || Number(port) < 1 || Number(port) > 65535)) {
    return { message: 'has a port that does not exist', hint: 'a port is a number from 1 to 65535' };
  }
  const url = URL.canParse(value) ? new URL(value) : undefined;
  if (url === undefined || url.hostname === '')
    return {
      message: 'is not a well-formed URL',
      hint: 'redis://[user:password@]host:port[/database]; special characters in a password are percent-encoded',
    };
  if (!/^(\/\d{0,4})?$/.test(url.pathname))
    return { message: 'must end in a database number or nothing', hint: 'for example redis://127.0.0.1:6379/0' };
  return undefined;
}

/** `user:password@` replaced, also in texts that are no well-formed URL; a bare reference to a variable may stay. */
export function scrubUrl(value: string): string {
  const parts = value.replace(/:\/\/([^/?#\s]*)@/g, (all, credentials: string) =>
    /^:?\$\{\w+\}$/.test(credentials) ? all : '://***@',
  );
  return parts.replace(/(sentinelPassword=)(?!\$\{\w+\})[^&#\s]*/g, '$1***');
}

export function httpAddressFault(value: string): TextFault | undefined {
  if (value === 'off') return undefined;
  const fault = { message: 'must be HOST:PORT or off', hint: 'for example 127.0.0.1:9464; port 0 picks a free one' };
  const parts = /^(\[[^\]]+\]|[^:[\]]+):(\d{1,5})$/.exec(value);
  if (parts === null || Number(parts[2]) > 65535) return fault;
  return isHost(parts[1]!) ? undefined : fault;
}

/** `host:port`, `*.host:port`, `[v6]:port`, `a.b.c.d/n:port`, `[v6]/n:port` or `v6/n:port`. */
export function networkEntryFault(value: string): TextFault | undefined {
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(value))
    return { message: 'must be HOST:PORT, not a URL', hint: 'for example api.example.com:443' };
  const colon = value.lastIndexOf(':');
  const port = value.slice(colon + 1);
  if (colon < 1 || value.endsWith(']') || !/^\d{1,5}$/.test(port))
    return { message: 'must end in a port', hint: 'for example api.example.com:443' };
  if (Number(port) < 1 || Number(port) > 65535)
    return { message: 'has a port that does not exist', hint: 'a port is a number from 1 to 65535' };
  const host = value.slice(0, colon);
  if (host.includes('/')) return rangeFault(host);
  if (host.startsWith('*.')) {
    if (HOST_NAME.test(host.slice(2)) && !isNumericHost(host.slice(2))) return undefined;
    return { message: 'must have a host name after "*."', hint: 'for example *.example.com:443' };
  }
  if (host.includes('*'))
    return {
      message: 'may have "*" only as its whole first label',
      hint: 'for example *.example.com:443; to allow a range of addresses write 10.0.0.0/8:443',
    };
  if (isIPv6(host)) return { message: 'must have an IPv6 address in brackets', hint: `[${host}]:${port}` };
  return isHost(host)
    ? undefined
    : {
        message: 'must be HOST:PORT, *.HOST:PORT or RANGE:PORT',
        hint: 'for example api.example.com:443 or 10.0.0.0/8:443',
      };
}

/** `host:port`, `[v6]:port`. */
export function brokerFault(value: string): TextFault | undefined {
  const hint = 'for example broker-1.example.com:9092';
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(value)) return { message: 'must be HOST:PORT, not a URL', hint };
  const parts = /^(\[[^\]]+\]|[^:[\]]+):(\d{1,5})$/.exec(value);
  if (parts === null || !isHost(parts[1]!)) return { message: 'must be HOST:PORT', hint };
  const port = Number(parts[2]);
  if (port >= 1 && port <= 65535) return undefined;
  return { message: 'has a port that does not exist', hint: 'a port is a number from 1 to 65535' };
}

function rangeFault(range: string): TextFault | undefined {
  const slash = range.lastIndexOf('/');
  const address = range.slice(0, slash).replace(/^\[(.*)\]$/, '$1');
  const bits = range.slice(slash + 1);
  const family = isIP(address);
  if (family !== 0 && /^\d{1,3}$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128)) return undefined;
  return { message: 'is not a range of addresses', hint: 'for example 10.0.0.0/8:443' };
}

function isHost(host: string): boolean {
  if (host.startsWith('[')) return host.endsWith(']') && isIPv6(host.slice(1, -1));
  return isIPv4(host) || (HOST_NAME.test(host) && !isNumericHost(host));
}

/** `1.2.3`, `0x7f.1`, `2130706433`: would be read as an address by some, as a name by others. */
function isNumericHost(host: string): boolean {
  return /^(0x[0-9a-f]*|\d+)$/i.test(host.replace(/\.$/, '').split('.').at(-1)!);
}

/** Unix seconds (as AWS has it) or ISO 8601 with a zone → ms since the epoch; undefined when it is neither. */
export function parseTimestamp(value: string | number): number | undefined {
  if (typeof value === 'number' || /^\d{1,12}(\.\d{1,9})?$/.test(value)) {
    const ms = Math.round(Number(value) * 1000);
    return Number.isSafeInteger(ms) && ms >= 0 && ms < 8.64e15 ? ms : undefined;
  }
  if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:?\d\d)$/i.test(value)) return undefined;
  const [year, month, day] = value.slice(0, 10).split('-').map(Number);
  // Date.parse takes the 30th of February for the 2nd of March.
  if (new Date(Date.UTC(year!, month! - 1, day!)).getUTCDate() !== day) return undefined;
  const ms = Date.parse(value);
  return Number.isNaN(ms) || ms < 0 ? undefined : ms;
}
