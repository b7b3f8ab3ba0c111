/** Names and values of headers as node:http sees them. */
import { invalidArgument, nodeError } from '../../errors.ts';

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const BAD_VALUE = /[^\t\x20-\x7e\x80-\xff]/;

export function validateHeaderName(name: unknown, label = 'Header name'): asserts name is string {
  if (typeof name !== 'string' || !TOKEN.test(name))
    throw nodeError(TypeError, 'ERR_INVALID_HTTP_TOKEN', `${label} must be a valid HTTP token ["${String(name)}"]`);
}

export function validateHeaderValue(name: string, value: unknown): void {
  if (value === undefined)
    throw nodeError(TypeError, 'ERR_HTTP_INVALID_HEADER_VALUE', `Invalid value "undefined" for header "${name}"`);
  if (BAD_VALUE.test(String(value)))
    throw nodeError(TypeError, 'ERR_INVALID_CHAR', `Invalid character in header content ["${name}"]`);
}

/** Of these Node keeps the first that came; all others are joined. */
const SINGLE = new Set(
  (
    'age authorization content-length content-type etag expires from host if-modified-since if-unmodified-since last-modified ' +
    'location max-forwards proxy-authorization referer retry-after server user-agent'
  ).split(' '),
);

export type Pairs = readonly (readonly [string, string])[];

/** `headers` of an incoming message. */
export function joinHeaders(pairs: Pairs): Record<string, string | string[]> {
  const headers: Record<string, string | string[]> = {};
  for (const [written, value] of pairs) {
    const name = written.toLowerCase();
    const before = headers[name];
    if (name === 'set-cookie') headers[name] = [...((before as string[] | undefined) ?? []), value];
    else if (before === undefined) headers[name] = value;
    else if (!SINGLE.has(name)) headers[name] = `${String(before)}${name === 'cookie' ? '; ' : ', '}${value}`;
  }
  return headers;
}

/** `headersDistinct`. */
export function listHeaders(pairs: Pairs): Record<string, string[]> {
  const headers: Record<string, string[]> = Object.create(null) as Record<string, string[]>;
  for (const [name, value] of pairs) (headers[name.toLowerCase()] ??= []).push(value);
  return headers;
}

type Value = string | number | readonly string[];

/** The headers of an outgoing message: names as written, found without regard to case. */
export class HeaderStore {
  readonly #entries = new Map<string, { readonly name: string; value: Value }>();

  set(name: unknown, value: unknown): void {
    validateHeaderName(name);
    validateHeaderValue(name, value);
    if (Array.isArray(value)) for (const one of value) validateHeaderValue(name, one);
    this.#entries.set(name.toLowerCase(), {
      name,
      value: Array.isArray(value) ? [...(value as string[])] : (value as Value),
    });
  }
  append(name: unknown, value: unknown): void {
    const before = this.get(name);
    if (before === undefined) return this.set(name, value);
    const all = [before, value].flat() as string[];
    this.set(this.#entries.get(String(name).toLowerCase())!.name, all);
  }
  /** A record, a flat list of names and values, or a list of pairs. */
  setAll(headers: unknown): void {
    if (headers === undefined || headers === null) return;
    if (typeof headers !== 'object') throw invalidArgument('options.headers', 'of type object', headers);
    if (Array.isArray(headers) && !Array.isArray(headers[0])) {
      if (headers.length % 2 !== 0)
        throw nodeError(TypeError, 'ERR_INVALID_ARG_VALUE', "The argument 'headers' is invalid: a value is missing");
      for (let i = 0; i < headers.length; i += 2) this.append(headers[i], headers[i + 1]);
    } else if (Array.isArray(headers)) {
      for (const [name, value] of headers as [unknown, unknown][]) this.append(name, value);
    } else if (Symbol.iterator in headers) {
      for (const [name, value] of headers as Iterable<[unknown, unknown]>) this.append(name, value);
    } else {
      for (const [name, value] of Object.entries(headers)) if (value !== undefined) this.set(name, value);
    }
  }
  get(name: unknown): Value | undefined {
    return this.#entries.get(String(name).toLowerCase())?.value;
  }
  has(name: unknown): boolean {
    return this.#entries.has(String(name).toLowerCase());
  }
  delete(name: unknown): void {
    this.#entries.delete(String(name).toLowerCase());
  }
  names(): string[] {
    return [...this.#entries.keys()];
  }
  rawNames(): string[] {
    return Array.from(this.#entries.values(), ({ name }) => name);
  }
  all(): Record<string, Value> {
    const headers = Object.create(null) as Record<string, Value>;
    for (const [key, { value }] of this.#entries) headers[key] = value;
    return headers;
  }
  pairs(): [string, string][] {
    return Array.from(this.#entries.values(), ({ name, value }) =>
      (Array.isArray(value) ? value : [value]).map((one): [string, string] => [name, String(one)]),
    ).flat();
  }
}
