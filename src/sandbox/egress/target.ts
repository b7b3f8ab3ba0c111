/** From a URL to the addresses that may be connected to. What is checked here is what is connected to: names are not resolved again. */
import { lookup as dnsLookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { EGRESS_RESOLVE_MS } from '../../limits.ts';
import { plainAddress } from './address.ts';
import type { AllowList } from './allow-list.ts';
import { EgressFailure, refused } from './failure.ts';

export type Resolve = (host: string) => Promise<readonly string[]>;

export interface Target {
  readonly url: URL;
  /** Without brackets and without a dot at the end. */
  readonly host: string;
  readonly port: number;
  readonly tls: boolean;
}

export const systemResolve: Resolve = async (host) =>
  (await dnsLookup(host, { all: true })).map(({ address }) => address);

/** @throws EgressFailure when the URL is none that may ever be fetched. */
export function parseTarget(text: string, base?: URL): Target {
  const url = URL.parse(text, base);
  if (url === null) throw refused(`${JSON.stringify(text.slice(0, 200))} is not a URL`);
  if (url.protocol !== 'http:' && url.protocol !== 'https:')
    throw refused(`only http: and https: can be fetched, not ${url.protocol}`);
  if (url.username !== '' || url.password !== '')
    throw refused('a URL with a user name or password cannot be fetched: send an Authorization header');
  url.hash = '';
  const tls = url.protocol === 'https:';
  const host = url.hostname.replace(/^\[|\]$/g, '').replace(/\.$/, '');
  if (host === '') throw refused('the URL names no host');
  return { url, host, port: Number(url.port) || (tls ? 443 : 80), tls };
}

/** @throws EgressFailure with what would have to be added to network.allow. */
export async function addressesOf(target: Target, allow: AllowList, resolve: Resolve): Promise<readonly string[]> {
  const { host, port } = target;
  if (isIP(host) !== 0) {
    const address = plainAddress(host);
    if (allow.address(address, port)) return [address];
    throw refused(`${address} is not in network.allow: add "${entryOf(address, port)}"`);
  }
  if (!allow.name(host, port)) throw refused(`${host}:${port} is not in network.allow: add "${host}:${port}"`);
  const found = (await resolved(host, resolve)).map(plainAddress);
  const usable = found.filter((address) => allow.reachable(address, port));
  if (usable.length > 0) return usable;
  throw refused(
    `${host} leads to the private address ${found[0]!}, which a name alone does not allow: add "${entryOf(found[0]!, port)}" to network.allow as well`,
  );
}

function entryOf(address: string, port: number): string {
  return `${isIP(address) === 6 ? `[${address}]` : address}:${port}`;
}

async function resolved(host: string, resolve: Resolve): Promise<readonly string[]> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error('no answer in time')), EGRESS_RESOLVE_MS);
  });
  try {
    const found = await Promise.race([resolve(host), late]);
    if (found.length > 0) return found;
    throw new Error('no address');
  } catch (error) {
    const why = (error as NodeJS.ErrnoException).code ?? (error as Error).message;
    throw new EgressFailure('ERR_EGRESS_NETWORK', `${host} could not be resolved (${why})`);
  } finally {
    clearTimeout(timer);
  }
}
