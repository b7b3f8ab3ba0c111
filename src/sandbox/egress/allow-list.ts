/**
 * `network.allow` as a value that answers two questions (contract.md, "Handlers"): may this name be asked for, and may this address be
 * connected to. A name leads to public addresses only; for a private one its address or range is listed too. A range by itself allows
 * addresses in URLs, no names.
 */
import { BlockList, isIP } from 'node:net';
import { familyOf, isPublic, plainAddress } from './address.ts';

export interface AllowList {
  /** The name (lower case, no dot at the end) may be resolved for this port. */
  name(host: string, port: number): boolean;
  /** The address is listed by itself or in a range. */
  address(address: string, port: number): boolean;
  /** A name that is allowed leads here: public, or listed. */
  reachable(address: string, port: number): boolean;
}

export function parseAllowList(entries: readonly string[]): AllowList {
  const names = new Set<string>();
  const suffixes: string[] = [];
  const ranges = new Map<number, BlockList>();
  const rangesOf = (port: number): BlockList => {
    let list = ranges.get(port);
    if (list === undefined) ranges.set(port, (list = new BlockList()));
    return list;
  };
  for (const entry of entries) {
    const colon = entry.lastIndexOf(':');
    const host = entry.slice(0, colon).toLowerCase();
    const port = Number(entry.slice(colon + 1));
    const [network, bits] = host.split('/') as [string, string | undefined];
    const bare = network.replace(/^\[|\]$/g, '');
    if (bits !== undefined) rangesOf(port).addSubnet(bare, Number(bits), familyOf(bare));
    else if (isIP(bare) !== 0) rangesOf(port).addAddress(plainAddress(bare), familyOf(plainAddress(bare)));
    else if (host.startsWith('*.')) suffixes.push(`${host.slice(1).replace(/\.$/, '')}:${port}`);
    else names.add(`${host.replace(/\.$/, '')}:${port}`);
  }
  const list: AllowList = {
    name(host, port) {
      const wanted = `${host}:${port}`;
      return names.has(wanted) || suffixes.some((suffix) => wanted.length > suffix.length && wanted.endsWith(suffix));
    },
    address: (address, port) => ranges.get(port)?.check(address, familyOf(address)) ?? false,
    reachable: (address, port) => isPublic(address) || list.address(address, port),
  };
  return list;
}
