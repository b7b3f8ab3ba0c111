/** URL, WHATWG URL §6.1. */
import { nodeError } from '../errors.ts';
import { type State, parseUrl } from './parser.ts';
import { USERINFO, percentEncode } from './percent.ts';
import { type UrlRecord, cannotHaveCredentials, serializePath, serializeUrl } from './record.ts';
import { type URLSearchParams, paramsOfUrl } from './search-params.ts';

function parseOrNull(input: unknown, base: unknown): UrlRecord | null {
  const baseRecord = base === undefined ? null : parseUrl(String(base), null);
  if (base !== undefined && baseRecord === null) return null;
  return parseUrl(String(input), baseRecord);
}

export class URL {
  #record: UrlRecord;
  #params: { params: URLSearchParams; reset: (query: string) => void } | undefined;

  constructor(input: unknown, base?: unknown) {
    const record = parseOrNull(input, base);
    if (record === null) {
      const error = nodeError(TypeError, 'ERR_INVALID_URL', 'Invalid URL') as Error & { input?: string; base?: string };
      error.input = String(input);
      if (base !== undefined) error.base = String(base);
      throw error;
    }
    this.#record = record;
  }

  static canParse(input: unknown, base?: unknown): boolean {
    return parseOrNull(input, base) !== null;
  }
  static parse(input: unknown, base?: unknown): URL | null {
    return parseOrNull(input, base) === null ? null : new URL(input, base);
  }

  /** Runs a setter's parser on a copy, so that a refused value leaves no half of itself. */
  #set(text: string, state: State, prepare?: (url: UrlRecord) => void): void {
    const copy = {
      ...this.#record,
      path: typeof this.#record.path === 'string' ? this.#record.path : [...this.#record.path],
    };
    prepare?.(copy);
    if (parseUrl(text, null, copy, state) !== null) this.#record = copy;
  }

  get href(): string {
    return serializeUrl(this.#record);
  }
  set href(value: unknown) {
    const record = parseUrl(String(value), null);
    if (record === null) throw nodeError(TypeError, 'ERR_INVALID_URL', 'Invalid URL');
    this.#record = record;
    this.#params?.reset(record.query ?? '');
  }
  get origin(): string {
    const { scheme, path } = this.#record;
    if (scheme === 'blob' && typeof path === 'string') {
      const inner = parseUrl(path, null);
      return inner !== null && /^https?$/.test(inner.scheme) ? `${inner.scheme}://${this.#hostOf(inner)}` : 'null';
    }
    return /^(https?|wss?|ftp)$/.test(scheme) ? `${scheme}://${this.host}` : 'null';
  }
  get protocol(): string {
    return `${this.#record.scheme}:`;
  }
  set protocol(value: unknown) {
    this.#set(`${String(value)}:`, 'schemeStart');
  }
  get username(): string {
    return this.#record.username;
  }
  set username(value: unknown) {
    if (!cannotHaveCredentials(this.#record))
      this.#record.username = percentEncode(String(value).toWellFormed(), USERINFO);
  }
  get password(): string {
    return this.#record.password;
  }
  set password(value: unknown) {
    if (!cannotHaveCredentials(this.#record))
      this.#record.password = percentEncode(String(value).toWellFormed(), USERINFO);
  }
  #hostOf(record: UrlRecord): string {
    return record.host === null ? '' : record.host + (record.port === null ? '' : `:${record.port}`);
  }
  get host(): string {
    return this.#hostOf(this.#record);
  }
  set host(value: unknown) {
    if (typeof this.#record.path !== 'string') this.#set(String(value), 'host');
  }
  get hostname(): string {
    return this.#record.host ?? '';
  }
  set hostname(value: unknown) {
    if (typeof this.#record.path !== 'string') this.#set(String(value), 'hostname');
  }
  get port(): string {
    return this.#record.port === null ? '' : String(this.#record.port);
  }
  set port(value: unknown) {
    if (cannotHaveCredentials(this.#record)) return;
    if (String(value) === '') this.#record.port = null;
    else this.#set(String(value), 'port');
  }
  get pathname(): string {
    return serializePath(this.#record);
  }
  set pathname(value: unknown) {
    if (typeof this.#record.path !== 'string') this.#set(String(value), 'pathStart', (url) => void (url.path = []));
  }
  get search(): string {
    return this.#record.query ? `?${this.#record.query}` : '';
  }
  set search(value: unknown) {
    const text = String(value).replace(/^\?/, '');
    if (text === '') this.#record.query = null;
    else this.#set(text, 'query', (url) => void (url.query = ''));
    this.#params?.reset(this.#record.query ?? '');
  }
  get searchParams(): URLSearchParams {
    this.#params ??= paramsOfUrl(this.#record.query ?? '', () => {
      const text = this.#params!.params.toString();
      this.#record.query = text === '' ? null : text;
    });
    return this.#params.params;
  }
  get hash(): string {
    return this.#record.fragment ? `#${this.#record.fragment}` : '';
  }
  set hash(value: unknown) {
    const text = String(value).replace(/^#/, '');
    if (text === '') this.#record.fragment = null;
    else this.#set(text, 'fragment', (url) => void (url.fragment = ''));
  }
  toString(): string {
    return this.href;
  }
  toJSON(): string {
    return this.href;
  }
  get [Symbol.toStringTag](): string {
    return 'URL';
  }
  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return `URL { ${this.href} }`;
  }
}
