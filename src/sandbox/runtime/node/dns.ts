/** node:dns: its words. Names are resolved by the gateway alone. */
import { unsupported } from './unsupported.ts';

const CODES = {
  NODATA: 'ENODATA',
  FORMERR: 'EFORMERR',
  SERVFAIL: 'ESERVFAIL',
  NOTFOUND: 'ENOTFOUND',
  NOTIMP: 'ENOTIMP',
  REFUSED: 'EREFUSED',
  BADQUERY: 'EBADQUERY',
  BADNAME: 'EBADNAME',
  BADFAMILY: 'EBADFAMILY',
  BADRESP: 'EBADRESP',
  CONNREFUSED: 'ECONNREFUSED',
  TIMEOUT: 'ETIMEOUT',
  EOF: 'EOF',
  FILE: 'EFILE',
  NOMEM: 'ENOMEM',
  DESTRUCTION: 'EDESTRUCTION',
  BADSTR: 'EBADSTR',
  BADFLAGS: 'EBADFLAGS',
  NONAME: 'ENONAME',
  BADHINTS: 'EBADHINTS',
  NOTINITIALIZED: 'ENOTINITIALIZED',
  LOADIPHLPAPI: 'ELOADIPHLPAPI',
  ADDRGETNETWORKPARAMS: 'EADDRGETNETWORKPARAMS',
  CANCELLED: 'ECANCELLED',
};

const orders = {
  getDefaultResultOrder: () => 'verbatim',
  setDefaultResultOrder: () => undefined,
  getServers: () => [],
};

export const dnsPromises = unsupported('dns/promises', { ...CODES, ...orders });

export const dns = unsupported('dns', {
  ...CODES,
  ...orders,
  ADDRCONFIG: 32,
  ALL: 16,
  V4MAPPED: 8,
  promises: dnsPromises,
});
