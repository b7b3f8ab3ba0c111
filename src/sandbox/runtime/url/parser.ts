/** The basic URL parser, WHATWG URL §4.4: one function per state, in the standard's order and with its names. */
import { lowerCase } from '../host.ts';
import { parseHost } from './host.ts';
import { parsePlain } from './plain.ts';
import { C0, FRAGMENT, PATH, QUERY, SPECIAL_QUERY, USERINFO, percentEncode } from './percent.ts';
import { DEFAULT_PORTS, type UrlRecord, emptyRecord, hasCredentials, isSpecial, shortenPath } from './record.ts';

export type State = keyof typeof STATES;

interface Machine {
  readonly points: readonly string[];
  readonly base: UrlRecord | null;
  readonly override: State | null;
  url: UrlRecord;
  state: State;
  at: number;
  buffer: string;
  atSeen: boolean;
  inBrackets: boolean;
  passwordSeen: boolean;
}

/** What a state answers: go on, this is no URL, or (with an override) done. */
type Step = 'fail' | 'stop' | undefined;

const END = '';
const endsAuthority = (m: Machine, c: string) =>
  c === END || c === '/' || c === '?' || c === '#' || (isSpecial(m.url) && c === '\\');
const rest = (m: Machine) => m.points.slice(m.at + 1).join('');
const isDriveLetter = (text: string) => /^[a-z][:|]$/i.test(text);
const startsWithDrive = (text: string) => /^[a-z][:|]([/\\?#]|$)/i.test(text);
const isDot = (text: string) => text === '.' || lowerCase(text) === '%2e';
const isDotDot = (text: string) => /^(\.|%2e)(\.|%2e)$/i.test(text);

function go(m: Machine, state: State, back = false): undefined {
  m.state = state;
  if (back) m.at--;
  return undefined;
}

const STATES = {
  schemeStart(m: Machine, c: string): Step {
    if (/[a-z]/i.test(c)) {
      m.buffer += lowerCase(c);
      return go(m, 'scheme');
    }
    return m.override === null ? go(m, 'noScheme', true) : 'fail';
  },

  scheme(m: Machine, c: string): Step {
    if (/[a-z0-9+.-]/i.test(c)) {
      m.buffer += lowerCase(c);
      return undefined;
    }
    if (c !== ':') {
      if (m.override !== null) return 'fail';
      m.buffer = '';
      m.at = -1;
      return go(m, 'noScheme');
    }
    return schemeEnded(m);
  },

  noScheme(m: Machine, c: string): Step {
    if (m.base === null || (typeof m.base.path === 'string' && c !== '#')) return 'fail';
    if (typeof m.base.path === 'string') {
      m.url = { ...m.base, fragment: '' };
      return go(m, 'fragment');
    }
    return go(m, m.base.scheme === 'file' ? 'file' : 'relative', true);
  },

  specialRelativeOrAuthority(m: Machine, c: string): Step {
    if (c === '/' && rest(m).startsWith('/')) {
      m.at++;
      return go(m, 'specialAuthorityIgnoreSlashes');
    }
    return go(m, 'relative', true);
  },

  pathOrAuthority: (m: Machine, c: string): Step => (c === '/' ? go(m, 'authority') : go(m, 'path', true)),

  relative(m: Machine, c: string): Step {
    m.url.scheme = m.base!.scheme;
    if (c === '/') return go(m, 'relativeSlash');
    if (isSpecial(m.url) && c === '\\') return go(m, 'relativeSlash');
    const { username, password, host, port, path, query } = m.base!;
    Object.assign(m.url, { username, password, host, port, path: [...(path as string[])], query });
    return afterInherited(m, c, () => go(m, 'path', true));
  },

  relativeSlash(m: Machine, c: string): Step {
    if (isSpecial(m.url) && (c === '/' || c === '\\')) return go(m, 'specialAuthorityIgnoreSlashes');
    if (c === '/') return go(m, 'authority');
    const { username, password, host, port } = m.base!;
    Object.assign(m.url, { username, password, host, port });
    return go(m, 'path', true);
  },

  specialAuthoritySlashes(m: Machine, c: string): Step {
    if (c === '/' && rest(m).startsWith('/')) {
      m.at++;
      return go(m, 'specialAuthorityIgnoreSlashes');
    }
    return go(m, 'specialAuthorityIgnoreSlashes', true);
  },

  specialAuthorityIgnoreSlashes: (m: Machine, c: string): Step =>
    c === '/' || c === '\\' ? undefined : go(m, 'authority', true),

  authority(m: Machine, c: string): Step {
    if (c === '@') {
      credentials(m);
      return undefined;
    }
    if (!endsAuthority(m, c)) {
      m.buffer += c;
      return undefined;
    }
    if (m.atSeen && m.buffer === '') return 'fail';
    m.at -= [...m.buffer].length + 1;
    m.buffer = '';
    return go(m, 'host');
  },

  host(m: Machine, c: string): Step {
    if (m.override !== null && m.url.scheme === 'file') return go(m, 'fileHost', true);
    if (c === ':' && !m.inBrackets) {
      if (m.buffer === '' || m.override === 'hostname') return 'fail';
      return takeHost(m) ?? go(m, 'port');
    }
    if (endsAuthority(m, c)) {
      m.at--;
      if (isSpecial(m.url) && m.buffer === '') return 'fail';
      if (m.override !== null && m.buffer === '' && (hasCredentials(m.url) || m.url.port !== null)) return 'fail';
      const failed = takeHost(m);
      if (failed !== undefined) return failed;
      return m.override === null ? go(m, 'pathStart') : 'stop';
    }
    if (c === '[') m.inBrackets = true;
    if (c === ']') m.inBrackets = false;
    m.buffer += c;
    return undefined;
  },

  hostname: (m: Machine, c: string): Step => STATES.host(m, c),

  port(m: Machine, c: string): Step {
    if (/[0-9]/.test(c)) {
      m.buffer += c;
      return undefined;
    }
    if (!endsAuthority(m, c) && m.override === null) return 'fail';
    if (m.buffer !== '') {
      const port = Number(m.buffer);
      if (port > 65535) return 'fail';
      m.url.port = port === DEFAULT_PORTS.get(m.url.scheme) ? null : port;
      m.buffer = '';
      if (m.override !== null) return 'stop';
    }
    if (m.override === null) return go(m, 'pathStart', true);
    // `url.host = 'x:'` has set the host by now; `url.port = 'x'` has done nothing.
    return m.override === 'host' ? 'stop' : 'fail';
  },

  file(m: Machine, c: string): Step {
    m.url.scheme = 'file';
    m.url.host = '';
    if (c === '/' || c === '\\') return go(m, 'fileSlash');
    if (m.base?.scheme !== 'file') return go(m, 'path', true);
    Object.assign(m.url, { host: m.base.host, path: [...(m.base.path as string[])], query: m.base.query });
    return afterInherited(m, c, () => {
      if (startsWithDrive(c + rest(m))) m.url.path = [];
      return go(m, 'path', true);
    });
  },

  fileSlash(m: Machine, c: string): Step {
    if (c === '/' || c === '\\') return go(m, 'fileHost');
    if (m.base?.scheme === 'file') {
      m.url.host = m.base.host;
      const drive = m.base.path[0] ?? '';
      if (!startsWithDrive(c + rest(m)) && /^[a-z]:$/i.test(drive)) (m.url.path as string[]).push(drive);
    }
    return go(m, 'path', true);
  },

  fileHost(m: Machine, c: string): Step {
    if (!(c === END || c === '/' || c === '\\' || c === '?' || c === '#')) {
      m.buffer += c;
      return undefined;
    }
    m.at--;
    if (m.override === null && isDriveLetter(m.buffer)) return go(m, 'path');
    if (m.buffer === '') m.url.host = '';
    else {
      const host = parseHost(m.buffer, true);
      if (host === null) return 'fail';
      m.url.host = host === 'localhost' ? '' : host;
    }
    if (m.override !== null) return 'stop';
    m.buffer = '';
    return go(m, 'pathStart');
  },

  pathStart(m: Machine, c: string): Step {
    if (isSpecial(m.url)) return go(m, 'path', c !== '/' && c !== '\\');
    if (m.override === null && c === '?') return begin(m, 'query');
    if (m.override === null && c === '#') return begin(m, 'fragment');
    if (c !== END) return go(m, 'path', c !== '/');
    if (m.override !== null && m.url.host === null) (m.url.path as string[]).push('');
    return undefined;
  },

  path(m: Machine, c: string): Step {
    const slash = c === '/' || (isSpecial(m.url) && c === '\\');
    const ends = c === END || slash || (m.override === null && (c === '?' || c === '#'));
    if (!ends) {
      m.buffer += percentEncode(c, PATH);
      return undefined;
    }
    const path = m.url.path as string[];
    if (isDotDot(m.buffer)) {
      shortenPath(m.url);
      if (!slash) path[path.length] = '';
    } else if (isDot(m.buffer)) {
      if (!slash) path[path.length] = '';
    } else {
      if (m.url.scheme === 'file' && path.length === 0 && isDriveLetter(m.buffer)) m.buffer = `${m.buffer[0]!}:`;
      path[path.length] = m.buffer;
    }
    m.buffer = '';
    return c === '?' ? begin(m, 'query') : c === '#' ? begin(m, 'fragment') : undefined;
  },

  opaquePath(m: Machine, c: string): Step {
    if (c === '?') return begin(m, 'query');
    if (c === '#') return begin(m, 'fragment');
    if (c === ' ') m.url.path += /^[?#]/.test(rest(m)) || m.at === m.points.length - 1 ? '%20' : ' ';
    else if (c !== END) m.url.path += percentEncode(c, C0);
    return undefined;
  },

  query(m: Machine, c: string): Step {
    if (c === END || (m.override === null && c === '#')) {
      m.url.query += percentEncode(m.buffer, isSpecial(m.url) ? SPECIAL_QUERY : QUERY);
      m.buffer = '';
      return c === '#' ? begin(m, 'fragment') : undefined;
    }
    m.buffer += c;
    return undefined;
  },

  fragment(m: Machine, c: string): Step {
    if (c !== END) m.url.fragment += percentEncode(c, FRAGMENT);
    return undefined;
  },
};

function begin(m: Machine, part: 'query' | 'fragment'): undefined {
  m.url[part] = '';
  return go(m, part);
}

function afterInherited(m: Machine, c: string, otherwise: () => Step): Step {
  if (c === '?') return begin(m, 'query');
  if (c === '#') return begin(m, 'fragment');
  if (c === END) return undefined;
  m.url.query = null;
  shortenPath(m.url);
  return otherwise();
}

function schemeEnded(m: Machine): Step {
  const wasSpecial = isSpecial(m.url);
  if (m.override !== null) {
    if (wasSpecial !== DEFAULT_PORTS.has(m.buffer)) return 'stop';
    if (m.buffer === 'file' && (hasCredentials(m.url) || m.url.port !== null)) return 'stop';
    if (m.url.scheme === 'file' && m.url.host === '') return 'stop';
    m.url.scheme = m.buffer;
    if (m.url.port === DEFAULT_PORTS.get(m.url.scheme)) m.url.port = null;
    return 'stop';
  }
  m.url.scheme = m.buffer;
  m.buffer = '';
  if (m.url.scheme === 'file') return go(m, 'file');
  if (isSpecial(m.url))
    return go(m, m.base?.scheme === m.url.scheme ? 'specialRelativeOrAuthority' : 'specialAuthoritySlashes');
  if (rest(m).startsWith('/')) {
    m.at++;
    return go(m, 'pathOrAuthority');
  }
  m.url.path = '';
  return go(m, 'opaquePath');
}

function credentials(m: Machine): void {
  const text = m.atSeen ? `%40${m.buffer}` : m.buffer;
  m.atSeen = true;
  for (const char of text) {
    if (char === ':' && !m.passwordSeen) {
      m.passwordSeen = true;
      continue;
    }
    m.url[m.passwordSeen ? 'password' : 'username'] += percentEncode(char, USERINFO);
  }
  m.buffer = '';
}

function takeHost(m: Machine): 'fail' | undefined {
  const host = parseHost(m.buffer, isSpecial(m.url));
  if (host === null) return 'fail';
  m.url.host = host;
  m.buffer = '';
  m.inBrackets = false;
  return undefined;
}

/** Null: not a URL. With `override` (a setter) it changes `into` as far as it got. */
export function parseUrl(text: string, base: UrlRecord | null, into?: UrlRecord, override?: State): UrlRecord | null {
  const plain = into === undefined ? parsePlain(text) : undefined;
  if (plain !== undefined) return plain;
  const trimmed = into === undefined ? text.replace(/^[\0-\x20]+|[\0-\x20]+$/g, '') : text;
  const m: Machine = {
    points: Array.from(trimmed.toWellFormed().replace(/[\t\n\r]/g, '')),
    base,
    override: override ?? null,
    url: into ?? emptyRecord(),
    state: override ?? 'schemeStart',
    at: 0,
    buffer: '',
    atSeen: false,
    inBrackets: false,
    passwordSeen: false,
  };
  for (; ; m.at++) {
    const c = m.points[m.at] ?? END;
    const step = STATES[m.state](m, c);
    if (step === 'fail') return null;
    if (step === 'stop' || (c === END && m.at >= m.points.length)) return m.url;
  }
}
