/** Headers, Fetch standard: names lower-cased, sorted when listed, values of one name joined except set-cookie. */
import { isArray, lowerCase } from '../host.ts';

export type HeadersInit = Headers | Iterable<Iterable<string>> | Record<string, string> | undefined | null;

const NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const BAD_VALUE = /[\0\r\n]|[^\0-\xff]/;

function checkedName(name: unknown): string {
  const text = String(name);
  if (!NAME.test(text))
    throw new TypeError(`Headers: ${JSON.stringify(text.slice(0, 100))} is an invalid header name.`);
  return lowerCase(text);
}

function checkedValue(value: unknown): string {
  const text = String(value).replace(/^[\t\n\r ]+|[\t\n\r ]+$/g, '');
  if (BAD_VALUE.test(text)) throw new TypeError('Headers: the value has a character that no header may have.');
  return text;
}

export class Headers {
  readonly #values = new Map<string, string[]>();

  constructor(init?: HeadersInit) {
    if (init === undefined || init === null) return;
    if (typeof init !== 'object')
      throw new TypeError('Headers constructor: init must be an object or a list of pairs.');
    if (init instanceof Headers) {
      for (const [name, value] of pairsOf(init)) this.append(name, value);
    } else if (isArray(init) || Symbol.iterator in init) {
      for (const item of init as Iterable<Iterable<string>>) {
        const pair = [...item];
        if (pair.length !== 2) throw new TypeError('Headers constructor: expected name/value pair to be length 2.');
        this.append(pair[0], pair[1]);
      }
    } else {
      for (const name of Object.keys(init)) this.append(name, (init as Record<string, string>)[name]);
    }
  }

  /** Unjoined pairs in the order in which names came: what is sent. */
  static pairs(headers: Headers): [string, string][] {
    const out: [string, string][] = [];
    for (const [name, values] of headers.#values) for (const value of values) out[out.length] = [name, value];
    return out;
  }

  append(name: unknown, value: unknown): void {
    const key = checkedName(name);
    const text = checkedValue(value);
    const there = this.#values.get(key);
    if (there === undefined) this.#values.set(key, [text]);
    else there[there.length] = text;
  }
  set(name: unknown, value: unknown): void {
    this.#values.set(checkedName(name), [checkedValue(value)]);
  }
  delete(name: unknown): void {
    this.#values.delete(checkedName(name));
  }
  get(name: unknown): string | null {
    return this.#values.get(checkedName(name))?.join(', ') ?? null;
  }
  has(name: unknown): boolean {
    return this.#values.has(checkedName(name));
  }
  getSetCookie(): string[] {
    return [...(this.#values.get('set-cookie') ?? [])];
  }
  forEach(callback: (value: string, name: string, headers: this) => unknown, thisArg?: unknown): void {
    for (const [name, value] of this.entries()) callback.call(thisArg, value, name, this);
  }
  *entries(): IterableIterator<[string, string]> {
    for (const name of [...this.#values.keys()].sort()) {
      const values = this.#values.get(name) ?? [];
      if (name === 'set-cookie') for (const value of values) yield [name, value];
      else yield [name, values.join(', ')];
    }
  }
  *keys(): IterableIterator<string> {
    for (const [name] of this.entries()) yield name;
  }
  *values(): IterableIterator<string> {
    for (const [, value] of this.entries()) yield value;
  }
  [Symbol.iterator](): IterableIterator<[string, string]> {
    return this.entries();
  }
  get [Symbol.toStringTag](): string {
    return 'Headers';
  }
}

export const pairsOf = Headers.pairs;
Reflect.deleteProperty(Headers, 'pairs');
