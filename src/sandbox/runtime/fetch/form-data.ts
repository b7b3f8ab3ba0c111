/** FormData, and its multipart form (RFC 7578). */
import { randomHex } from '../crypto/random.ts';
import { Blob, File, blobBytes } from './blob.ts';
import { utf8Encode } from '../utf8.ts';

type Value = string | File;

export class FormData {
  #entries: [string, Value][] = [];

  #value(value: unknown, filename: string | undefined): Value {
    if (!(value instanceof Blob)) return String(value).toWellFormed();
    if (value instanceof File && filename === undefined) return value;
    return new File([value], filename ?? 'blob', { type: value.type });
  }
  append(name: string, value: unknown, filename?: string): void {
    this.#entries.push([String(name), this.#value(value, filename)]);
  }
  set(name: string, value: unknown, filename?: string): void {
    const at = this.#entries.findIndex(([key]) => key === name);
    if (at < 0) return this.append(name, value, filename);
    this.#entries[at] = [name, this.#value(value, filename)];
    this.#entries = this.#entries.filter(([key], i) => i <= at || key !== name);
  }
  delete(name: string): void {
    this.#entries = this.#entries.filter(([key]) => key !== name);
  }
  get(name: string): Value | null {
    return this.#entries.find(([key]) => key === name)?.[1] ?? null;
  }
  getAll(name: string): Value[] {
    return this.#entries.filter(([key]) => key === name).map(([, value]) => value);
  }
  has(name: string): boolean {
    return this.#entries.some(([key]) => key === name);
  }
  forEach(callback: (value: Value, name: string, form: this) => unknown, thisArg?: unknown): void {
    for (const [name, value] of this) callback.call(thisArg, value, name, this);
  }
  *entries(): IterableIterator<[string, Value]> {
    yield* this.#entries;
  }
  *keys(): IterableIterator<string> {
    for (const [name] of this.#entries) yield name;
  }
  *values(): IterableIterator<Value> {
    for (const [, value] of this.#entries) yield value;
  }
  [Symbol.iterator](): IterableIterator<[string, Value]> {
    return this.entries();
  }
  get [Symbol.toStringTag](): string {
    return 'FormData';
  }
}

const quoted = (name: string) => name.replace(/\r\n?|\n/g, '%0D%0A').replaceAll('"', '%22');

export function encodeForm(form: FormData): { source: Uint8Array; type: string } {
  const boundary = `----millrace-form-${randomHex(16)}`;
  const parts: unknown[] = [];
  for (const [name, value] of form) {
    const file = typeof value !== 'string';
    const about = file
      ? `; filename="${quoted(value.name)}"\r\nContent-Type: ${value.type || 'application/octet-stream'}`
      : '';
    parts.push(utf8Encode(`--${boundary}\r\nContent-Disposition: form-data; name="${quoted(name)}"${about}\r\n\r\n`));
    parts.push(file ? value : value.replace(/\r\n?|\n/g, '\r\n'), '\r\n');
  }
  parts.push(`--${boundary}--\r\n`);
  return { source: blobBytes(new Blob(parts)), type: `multipart/form-data; boundary=${boundary}` };
}
