/** node:url: the WHATWG classes, and Node's older functions by way of unenv. */
import { resolve as legacyResolve, resolveObject, format as legacyFormat, parse } from 'unenv/node/url';
import { invalidArgument, nodeError } from '../errors.ts';
import { punycode } from '../punycode.ts';
import { URL } from '../url/url.ts';
import { URLSearchParams } from '../url/search-params.ts';

function fileURLToPath(input: unknown): string {
  const url = typeof input === 'string' ? new URL(input) : input;
  if (!(url instanceof URL)) throw invalidArgument('path', 'of type string or an instance of URL', input);
  if (url.protocol !== 'file:') throw nodeError(TypeError, 'ERR_INVALID_URL_SCHEME', 'The URL must be of scheme file');
  if (/%2f/i.test(url.pathname))
    throw nodeError(TypeError, 'ERR_INVALID_FILE_URL_PATH', 'File URL path must not include encoded / characters');
  return decodeURIComponent(url.pathname);
}

function pathToFileURL(path: string): URL {
  const absolute = path.startsWith('/') ? path : `/var/task/${path}`;
  const url = new URL('file:///');
  url.pathname = absolute.replaceAll('%', '%25').replaceAll('\\', '%5C').replaceAll('?', '%3F').replaceAll('#', '%23');
  return url;
}

export const url = {
  URL,
  URLSearchParams,
  fileURLToPath,
  pathToFileURL,
  parse,
  format: (value: unknown, ...rest: unknown[]) =>
    value instanceof URL ? value.href : (legacyFormat as (...args: unknown[]) => string)(value, ...rest),
  resolve: legacyResolve,
  resolveObject,
  domainToASCII: (domain: string) => punycode.toASCII(domain),
  domainToUnicode: (domain: string) => punycode.toUnicode(domain),
  urlToHttpOptions(from: URL) {
    const { protocol, hash, search, pathname, href, hostname, port } = from;
    const auth =
      from.username === '' ? {} : { auth: `${decodeURIComponent(from.username)}:${decodeURIComponent(from.password)}` };
    return {
      protocol,
      hostname: hostname.replace(/^\[|\]$/g, ''),
      hash,
      search,
      pathname,
      path: pathname + search,
      href,
      ...(port === '' ? {} : { port: Number(port) }),
      ...auth,
    };
  },
};
