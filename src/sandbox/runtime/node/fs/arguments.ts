/** What callers of node:fs give: paths, flags, modes, encodings, bytes. */
import { makeBuffer } from '../../buffer.ts';
import { codecOf } from '../../codecs.ts';
import { invalidArgument, nodeError } from '../../errors.ts';
import { URL } from '../../url/url.ts';
import { constants } from './constants.ts';

const CWD = '/var/task';

/** Absolute; what errors name is the path as it was given. */
export function pathOf(value: unknown, name = 'path'): { readonly given: string; readonly full: string } {
  let given: string;
  if (typeof value === 'string') given = value;
  else if (value instanceof URL) given = fileOf(value);
  else if (value instanceof Uint8Array) given = makeBuffer(value).toString();
  else throw invalidArgument(name, 'of type string or an instance of Buffer or URL', value);
  if (given.includes('\0'))
    throw nodeError(
      TypeError,
      'ERR_INVALID_ARG_VALUE',
      `The argument '${name}' must be a string, Uint8Array, or URL without null bytes. Received ${JSON.stringify(given)}`,
    );
  return { given, full: given.startsWith('/') ? given : given === '' ? '' : `${CWD}/${given}` };
}

function fileOf(url: URL): string {
  if (url.protocol !== 'file:') throw nodeError(TypeError, 'ERR_INVALID_URL_SCHEME', 'The URL must be of scheme file');
  return decodeURIComponent(url.pathname);
}

const FLAGS: Readonly<Record<string, number>> = {
  r: constants.O_RDONLY,
  rs: constants.O_RDONLY,
  'r+': constants.O_RDWR,
  'rs+': constants.O_RDWR,
  w: constants.O_TRUNC | constants.O_CREAT | constants.O_WRONLY,
  wx: constants.O_TRUNC | constants.O_CREAT | constants.O_WRONLY | constants.O_EXCL,
  'w+': constants.O_TRUNC | constants.O_CREAT | constants.O_RDWR,
  'wx+': constants.O_TRUNC | constants.O_CREAT | constants.O_RDWR | constants.O_EXCL,
  a: constants.O_APPEND | constants.O_CREAT | constants.O_WRONLY,
  ax: constants.O_APPEND | constants.O_CREAT | constants.O_WRONLY | constants.O_EXCL,
  as: constants.O_APPEND | constants.O_CREAT | constants.O_WRONLY,
  'a+': constants.O_APPEND | constants.O_CREAT | constants.O_RDWR,
  'ax+': constants.O_APPEND | constants.O_CREAT | constants.O_RDWR | constants.O_EXCL,
  'as+': constants.O_APPEND | constants.O_CREAT | constants.O_RDWR,
};

export function flagsOf(value: unknown): number {
  if (typeof value === 'number') return value;
  const flags = Object.hasOwn(FLAGS, String(value)) ? FLAGS[String(value)] : undefined;
  if (flags === undefined)
    throw nodeError(TypeError, 'ERR_INVALID_ARG_VALUE', `The argument 'flags' is invalid. Received '${String(value)}'`);
  return flags;
}

export function modeOf(value: unknown, fallback: number): number {
  if (value === undefined || value === null) return fallback;
  const mode = typeof value === 'string' ? Number.parseInt(value, 8) : value;
  if (typeof mode !== 'number' || !Number.isInteger(mode)) throw invalidArgument('mode', 'of type number', value);
  return mode & 0o7777;
}

export type Options = Readonly<Record<string, unknown>>;

/** An options object, or an encoding in its place. */
export function optionsOf(value: unknown): Options {
  if (typeof value === 'string') return { encoding: value };
  return typeof value === 'object' && value !== null ? (value as Options) : {};
}

export function encoded(bytes: Uint8Array, encoding: unknown): Uint8Array | string {
  if (encoding === undefined || encoding === null || encoding === 'buffer') return makeBuffer(bytes);
  return codecOf(encoding).slice(bytes, 0, bytes.length);
}

export function nameAs(name: string, encoding: unknown): Uint8Array | string {
  return encoding === undefined || encoding === null || encoding === 'utf8'
    ? name
    : encoded(makeBuffer(name), encoding);
}

export function dataOf(value: unknown, encoding: unknown): Uint8Array {
  if (typeof value === 'string') return makeBuffer(value, encoding ?? 'utf8');
  if (ArrayBuffer.isView(value)) return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
  throw invalidArgument('data', 'of type string or an instance of Buffer, TypedArray, or DataView', value);
}

export function msOf(time: unknown): number {
  if (time instanceof Date) return time.getTime();
  const seconds = Number(time);
  if (!Number.isFinite(seconds)) throw invalidArgument('time', 'of type number or an instance of Date', time);
  return seconds * 1000;
}
