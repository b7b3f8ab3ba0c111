/** What `request(url, options, callback)` was given, in one shape. */
import { nodeError } from '../../errors.ts';
import { URL } from '../../url/url.ts';
import { refusal } from '../unsupported.ts';

export interface RequestOptions {
  protocol?: string | null;
  host?: string | null;
  hostname?: string | null;
  port?: number | string | null;
  defaultPort?: number | string;
  path?: string | null;
  method?: string;
  headers?: unknown;
  auth?: string | null;
  agent?: unknown;
  timeout?: number;
  signal?: AbortSignal;
  setHost?: boolean;
  [other: string]: unknown;
}

export interface Target {
  readonly url: URL;
  readonly method: string;
  readonly host: string;
  readonly port: string;
  readonly path: string;
}

/** They stand for sockets, processes and keys that are not there. */
const REFUSED = ['socketPath', 'createConnection', 'cert', 'key', 'pfx'] as const;

export function optionsOf(input: unknown, more: unknown): RequestOptions {
  const base = typeof input === 'string' || input instanceof URL ? fromUrl(new URL(input as string)) : {};
  const given = typeof input === 'object' && input !== null && !(input instanceof URL) ? (input as RequestOptions) : {};
  return { ...base, ...given, ...(typeof more === 'object' && more !== null ? (more as RequestOptions) : {}) };
}

function fromUrl(url: URL): RequestOptions {
  const decoded = (text: string) => decodeURIComponent(text);
  return {
    protocol: url.protocol,
    hostname: url.hostname.replace(/^\[(.*)\]$/, '$1'),
    ...(url.port === '' ? {} : { port: Number(url.port) }),
    path: `${url.pathname}${url.search}`,
    ...(url.username !== '' || url.password !== ''
      ? { auth: `${decoded(url.username)}:${decoded(url.password)}` }
      : {}),
  };
}

export function targetOf(options: RequestOptions, module: 'http' | 'https'): Target {
  for (const name of REFUSED) if (options[name] != null) throw refusal(module, `request({ ${name} })`);
  const expected = `${module}:`;
  const protocol = options.protocol ?? expected;
  if (protocol !== expected)
    throw nodeError(TypeError, 'ERR_INVALID_PROTOCOL', `Protocol "${protocol}" not supported. Expected "${expected}"`);
  const path = options.path ?? '/';
  if (/[^\x21-\xff]/.test(path))
    throw nodeError(TypeError, 'ERR_UNESCAPED_CHARACTERS', 'Request path contains unescaped characters');
  const method = options.method ?? 'GET';
  if (!/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(method))
    throw nodeError(TypeError, 'ERR_INVALID_HTTP_TOKEN', `Method must be a valid HTTP token ["${method}"]`);
  const host = options.hostname || options.host || 'localhost';
  const port = String(options.port || options.defaultPort || (module === 'https' ? 443 : 80));
  const bracketed = host.includes(':') && !host.startsWith('[') ? `[${host}]` : host;
  const url = new URL(`${protocol}//${bracketed}:${port}${path.startsWith('/') ? path : `/${path}`}`);
  return { url, method: method.toUpperCase(), host, port, path };
}
