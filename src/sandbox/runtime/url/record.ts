/** A parsed URL and its text, WHATWG URL §4. */

export interface UrlRecord {
  scheme: string;
  username: string;
  password: string;
  /** Serialised; null: none at all. */
  host: string | null;
  port: number | null;
  /** Text: an opaque path, as of `mailto:`. */
  path: string[] | string;
  query: string | null;
  fragment: string | null;
}

export const DEFAULT_PORTS: ReadonlyMap<string, number | null> = new Map<string, number | null>([
  ['http', 80],
  ['https', 443],
  ['ws', 80],
  ['wss', 443],
  ['ftp', 21],
  ['file', null],
]);

export function isSpecial(url: UrlRecord): boolean {
  return DEFAULT_PORTS.has(url.scheme);
}

export function emptyRecord(): UrlRecord {
  return { scheme: '', username: '', password: '', host: null, port: null, path: [], query: null, fragment: null };
}

export function hasCredentials(url: UrlRecord): boolean {
  return url.username !== '' || url.password !== '';
}

export function cannotHaveCredentials(url: UrlRecord): boolean {
  return url.host === null || url.host === '' || url.scheme === 'file';
}

/** Drops the last segment, but a file URL's drive letter stays. */
export function shortenPath(url: UrlRecord): void {
  const path = url.path as string[];
  if (url.scheme === 'file' && path.length === 1 && /^[a-z]:$/i.test(path[0]!)) return;
  path.pop();
}

export function serializePath(url: UrlRecord): string {
  if (typeof url.path === 'string') return url.path;
  let text = '';
  for (let i = 0; i < url.path.length; i++) text += `/${url.path[i]!}`;
  return text;
}

export function serializeUrl(url: UrlRecord, withFragment = true): string {
  let text = `${url.scheme}:`;
  if (url.host !== null) {
    text += '//';
    if (hasCredentials(url)) text += `${url.username}${url.password === '' ? '' : `:${url.password}`}@`;
    text += url.host + (url.port === null ? '' : `:${url.port}`);
  } else if (typeof url.path !== 'string' && url.path.length > 1 && url.path[0] === '') {
    text += '/.';
  }
  text += serializePath(url);
  if (url.query !== null) text += `?${url.query}`;
  if (withFragment && url.fragment !== null) text += `#${url.fragment}`;
  return text;
}
