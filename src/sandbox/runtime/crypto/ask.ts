/** Asking the child's OpenSSL: JSON over, bytes as base64, failures thrown as the errors they were. */
import { base64Encode } from '../base64.ts';
import { type FastBuffer, makeBuffer } from '../buffer.ts';
import { hooks, jsonParse, jsonStringify } from '../host.ts';

export const encode = (bytes: Uint8Array): string => base64Encode(bytes, 0, bytes.length, false);
export const decode = (text: string): FastBuffer => makeBuffer(text, 'base64');

export function ask<T>(operation: string, params: object): T {
  const answer = hooks.crypto(operation, jsonStringify(params));
  if (!answer.startsWith('!')) return jsonParse(answer) as T;
  const { name, message, code } = jsonParse(answer.slice(1)) as Record<'name' | 'message' | 'code', string | undefined>;
  const Class = name === 'TypeError' ? TypeError : name === 'RangeError' ? RangeError : Error;
  throw Object.assign(new Class(message), code === undefined ? {} : { code });
}

type Callback<T> = (error: Error | null, value?: T) => void;

/** The asynchronous form: the work is done at once, what it gave comes later. */
export function later<T>(work: () => T, callback: Callback<T>): void {
  if (typeof callback !== 'function') throw new TypeError('The "callback" argument must be of type function.');
  let answer: () => void;
  try {
    const value = work();
    answer = () => callback(null, value);
  } catch (error) {
    answer = () => callback(error as Error);
  }
  setTimeout(answer, 0);
}
