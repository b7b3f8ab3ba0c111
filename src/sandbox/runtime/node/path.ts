/** node:path, POSIX. (unenv's turns backslashes around, which are ordinary characters here.) */
import { unsupported } from './unsupported.ts';

/** Resolves `.` and `..`; a relative path keeps its leading `..`. */
function collapse(path: string, absolute: boolean): string {
  const out: string[] = [];
  for (const part of path.split('/')) {
    if (part === '' || part === '.') continue;
    if (part !== '..') out.push(part);
    else if (out.length > 0 && out.at(-1) !== '..') out.pop();
    else if (!absolute) out.push('..');
  }
  return out.join('/');
}

function normalize(path: string): string {
  if (path === '') return '.';
  const absolute = path.startsWith('/');
  const body = collapse(path, absolute);
  const tail = path.endsWith('/') && body !== '' ? '/' : '';
  return (absolute ? '/' : '') + body + tail || (path.endsWith('/') ? './' : '.');
}

function resolve(...parts: string[]): string {
  let path = '';
  for (let i = parts.length - 1; i >= -1 && !path.startsWith('/'); i--) {
    const part = i >= 0 ? parts[i]! : '/var/task';
    if (part !== '') path = path === '' ? part : `${part}/${path}`;
  }
  return `/${collapse(path, true)}`;
}

function dirname(path: string): string {
  if (path === '') return '.';
  const trimmed = path.replace(/(?<=.)\/+$/, '');
  const slash = trimmed.lastIndexOf('/');
  if (slash < 0) return '.';
  return slash === 0 ? '/' : trimmed.slice(0, slash).replace(/(?<=.)\/+$/, '');
}

function basename(path: string, suffix = ''): string {
  const name = path.replace(/\/+$/, '').replace(/^.*\//s, '');
  return suffix !== '' && name !== suffix && name.endsWith(suffix) ? name.slice(0, -suffix.length) : name;
}

function extname(path: string): string {
  return /(?<=[^/.]|[^/]\.)\.[^./]*$/.exec(basename(path).replace(/^\.\.$/, ''))?.[0] ?? '';
}

function relative(from: string, to: string): string {
  const a = resolve(from).split('/').filter(Boolean);
  const b = resolve(to).split('/').filter(Boolean);
  let same = 0;
  while (same < a.length && same < b.length && a[same] === b[same]) same++;
  return [...a.slice(same).map(() => '..'), ...b.slice(same)].join('/');
}

interface Parsed {
  root: string;
  dir: string;
  base: string;
  ext: string;
  name: string;
}

function parse(path: string): Parsed {
  const root = path.startsWith('/') ? '/' : '';
  const base = basename(path);
  const ext = extname(path);
  const dir = base === '' ? root : dirname(path);
  return {
    root,
    dir: dir === '.' && !path.startsWith('.') ? '' : dir,
    base,
    ext,
    name: ext === '' ? base : base.slice(0, -ext.length),
  };
}

function format(parts: Partial<Parsed>): string {
  const dir = parts.dir || parts.root || '';
  const ext =
    parts.ext === undefined || parts.ext === '' || parts.ext.startsWith('.') ? (parts.ext ?? '') : `.${parts.ext}`;
  const base = parts.base || `${parts.name ?? ''}${ext}`;
  if (dir === '') return base;
  return dir === parts.root ? dir + base : `${dir}/${base}`;
}

const posix = {
  sep: '/',
  delimiter: ':',
  normalize,
  resolve,
  join: (...parts: string[]) => normalize(parts.filter((part) => part !== '').join('/')),
  isAbsolute: (path: string) => path.startsWith('/'),
  dirname,
  basename,
  extname,
  relative,
  parse,
  format,
  toNamespacedPath: (path: string) => path,
};

export const path: typeof posix & { posix?: unknown; win32?: unknown } = unsupported('path', { ...posix });
path.posix = path;
path.win32 = path;
