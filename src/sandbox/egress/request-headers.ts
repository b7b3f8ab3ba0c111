/** Which headers go out: the handler's, as far as they are its own to set, and ours. */
import type { InvocationContext, LeaseView } from '../types.ts';
import { refused } from './failure.ts';
import type { Target } from './target.ts';

export type HeaderList = readonly (readonly [string, string])[];

const NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;
/** They say how the message is framed or routed, which is the gateway's business alone. */
const FRAMING = new Set([
  'transfer-encoding',
  'keep-alive',
  'upgrade',
  'te',
  'trailer',
  'expect',
  'http2-settings',
  'proxy-authorization',
  'proxy-authenticate',
  'proxy-connection',
]);
const OURS = /^x-millrace-/;

/**
 * @throws EgressFailure for a header that a handler cannot set. `host`, `content-length` and `connection` may be repeated as they would
 * be anyway, because libraries do so.
 */
export function checkHeaders(headers: HeaderList, target: Target, bodyBytes: number): [string, string][] {
  const kept: [string, string][] = [];
  for (const [name, value] of headers) {
    if (!NAME.test(name)) throw refused(`${JSON.stringify(name.slice(0, 100))} is no name of a header`);
    if (!VALUE.test(value)) throw refused(`the header ${name} has a character that no header may have`);
    const key = name.toLowerCase();
    if (OURS.test(key) || FRAMING.has(key)) throw refused(`the header ${name} cannot be set by a handler`);
    if (key === 'host' || key === 'content-length' || key === 'connection') {
      const same =
        key === 'host'
          ? value.toLowerCase() === target.url.host
          : key === 'content-length'
            ? value === String(bodyBytes)
            : /^(keep-alive|close)$/i.test(value);
      if (!same)
        throw refused(`the header ${name} cannot be set to ${JSON.stringify(value.slice(0, 100))} by a handler`);
      continue;
    }
    kept.push([name, value]);
  }
  return kept;
}

/** The handler's headers with what fetch adds, and with where the request comes from (contract.md, "Handlers"). */
export function withOurs(headers: HeaderList, context: InvocationContext, lease: LeaseView | null): string[] {
  const names = new Set(headers.map(([name]) => name.toLowerCase()));
  const all: (readonly [string, string])[] = [...headers];
  if (!names.has('accept')) all.push(['accept', '*/*']);
  if (!names.has('accept-encoding')) all.push(['accept-encoding', 'gzip, deflate, br']);
  if (!names.has('user-agent')) all.push(['user-agent', 'millrace']);
  const { mapping } = context;
  if (mapping !== undefined) {
    all.push(['X-Millrace-Mapping', mapping.name], ['X-Millrace-Shard', mapping.shardId]);
    all.push(['X-Millrace-Epoch', lease?.epoch ?? mapping.epoch]);
  }
  all.push(['X-Millrace-Request-Id', context.requestId]);
  return all.flat();
}

/** Headers of the next hop: credentials do not follow to another origin, a body's description not where the body is dropped. */
export function afterRedirect(headers: HeaderList, crossOrigin: boolean, bodyDropped: boolean): [string, string][] {
  return headers
    .filter(([name]) => {
      const key = name.toLowerCase();
      if (crossOrigin && (key === 'authorization' || key === 'cookie' || key === 'host')) return false;
      return !(bodyDropped && /^content-(encoding|language|location|type|length)$/.test(key));
    })
    .map(([name, value]) => [name, value]);
}
