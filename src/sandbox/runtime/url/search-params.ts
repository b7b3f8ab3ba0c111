/** URLSearchParams, WHATWG URL §6. */
import { FORM, percentDecode, percentEncode } from './percent.ts';

type Pair = [string, string];
type Init = string | Iterable<Iterable<string>> | Record<string, string> | URLSearchParams | undefined;

const decode = (text: string) => percentDecode(text.replaceAll('+', ' '));
const encode = (text: string) =>
  percentEncode(text.toWellFormed(), (code) => code !== 32 && FORM(code)).replaceAll(' ', '+');

export function parseForm(text: string): Pair[] {
  const pairs: Pair[] = [];
  for (const part of text.split('&')) {
    if (part === '') continue;
    const equals = part.indexOf('=');
    pairs.push(equals < 0 ? [decode(part), ''] : [decode(part.slice(0, equals)), decode(part.slice(equals + 1))]);
  }
  return pairs;
}

function pairsOf(init: Exclude<Init, undefined>): Pair[] {
  if (typeof init === 'object' || typeof init === 'function') {
    if (Symbol.iterator in init) {
      return Array.from(init as Iterable<Iterable<string>>, (item) => {
        const pair = [...item];
        if (pair.length !== 2) throw new TypeError('Each query pair must be an iterable [name, value] tuple');
        return [String(pair[0]).toWellFormed(), String(pair[1]).toWellFormed()];
      });
    }
    return Object.entries(init).map(([name, value]) => [name.toWellFormed(), String(value).toWellFormed()]);
  }
  const text = String(init);
  return parseForm((text.startsWith('?') ? text.slice(1) : text).toWellFormed());
}

export class URLSearchParams {
  #pairs: Pair[];
  #changed: (() => void) | undefined = undefined;

  constructor(init?: Init) {
    this.#pairs = init === undefined || init === null ? [] : pairsOf(init);
  }

  /** The params of a URL: `changed` runs after each change; `reset` puts in what the URL's query became. */
  static of(query: string, changed: () => void): { params: URLSearchParams; reset: (query: string) => void } {
    const params = new URLSearchParams();
    params.#pairs = parseForm(query);
    params.#changed = changed;
    return { params, reset: (text) => void (params.#pairs = parseForm(text)) };
  }

  get size(): number {
    return this.#pairs.length;
  }
  append(name: unknown, value: unknown): void {
    this.#pairs.push([String(name).toWellFormed(), String(value).toWellFormed()]);
    this.#changed?.();
  }
  delete(name: unknown, value?: unknown): void {
    const wanted = String(name);
    this.#pairs = this.#pairs.filter(
      (pair) => pair[0] !== wanted || (value !== undefined && pair[1] !== String(value)),
    );
    this.#changed?.();
  }
  get(name: unknown): string | null {
    return this.#pairs.find((pair) => pair[0] === String(name))?.[1] ?? null;
  }
  getAll(name: unknown): string[] {
    return this.#pairs.filter((pair) => pair[0] === String(name)).map((pair) => pair[1]);
  }
  has(name: unknown, value?: unknown): boolean {
    return this.#pairs.some((pair) => pair[0] === String(name) && (value === undefined || pair[1] === String(value)));
  }
  set(name: unknown, value: unknown): void {
    const wanted = String(name).toWellFormed();
    const first = this.#pairs.findIndex((pair) => pair[0] === wanted);
    if (first < 0) return this.append(name, value);
    this.#pairs[first]![1] = String(value).toWellFormed();
    this.#pairs = this.#pairs.filter((pair, i) => i <= first || pair[0] !== wanted);
    this.#changed?.();
  }
  sort(): void {
    this.#pairs.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
    this.#changed?.();
  }
  forEach(callback: (value: string, name: string, params: this) => unknown, thisArg?: unknown): void {
    if (typeof callback !== 'function') throw new TypeError('The "callback" argument must be of type function.');
    for (const [name, value] of this) callback.call(thisArg, value, name, this);
  }
  *entries(): IterableIterator<Pair> {
    for (let i = 0; i < this.#pairs.length; i++) yield [...this.#pairs[i]!];
  }
  // Not by way of entries(), which subclasses have in terms of these.
  *keys(): IterableIterator<string> {
    for (let i = 0; i < this.#pairs.length; i++) yield this.#pairs[i]![0];
  }
  *values(): IterableIterator<string> {
    for (let i = 0; i < this.#pairs.length; i++) yield this.#pairs[i]![1];
  }
  [Symbol.iterator](): IterableIterator<Pair> {
    return this.entries();
  }
  toString(): string {
    return this.#pairs.map(([name, value]) => `${encode(name)}=${encode(value)}`).join('&');
  }
  get [Symbol.toStringTag](): string {
    return 'URLSearchParams';
  }
}

export const paramsOfUrl = URLSearchParams.of;
Reflect.deleteProperty(URLSearchParams, 'of');
