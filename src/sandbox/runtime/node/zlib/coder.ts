/** One whole run of zlib in the child, with Node's arguments and errors. */
import { base64Encode } from '../../base64.ts';
import { makeBuffer } from '../../buffer.ts';
import { invalidArgument, nodeError } from '../../errors.ts';
import { hooks, jsonStringify } from '../../host.ts';
import type { ZlibFormat } from '../../hooks.ts';

export interface ZlibOptions {
  readonly level?: number;
  readonly windowBits?: number;
  readonly memLevel?: number;
  readonly strategy?: number;
  readonly finishFlush?: number;
  readonly chunkSize?: number;
  readonly maxOutputLength?: number;
  readonly dictionary?: Uint8Array;
  readonly params?: Readonly<Record<string, number>>;
}

export function bytesOf(input: unknown): Uint8Array {
  if (typeof input === 'string') return makeBuffer(input);
  if (input instanceof Uint8Array) return input;
  if (ArrayBuffer.isView(input)) return new Uint8Array(input.buffer, input.byteOffset, input.byteLength);
  if (input instanceof ArrayBuffer) return new Uint8Array(input);
  throw invalidArgument(
    'buffer',
    'of type string or an instance of Buffer, TypedArray, DataView, or ArrayBuffer',
    input,
  );
}

const NUMBERS = ['level', 'windowBits', 'memLevel', 'strategy', 'finishFlush', 'chunkSize', 'maxOutputLength'] as const;
const CLASSES: Readonly<Record<string, new (message: string) => Error>> = { RangeError, TypeError };

function optionsText(options: ZlibOptions): string {
  const plain: Record<string, unknown> = {};
  for (const name of NUMBERS) if (typeof options[name] === 'number') plain[name] = options[name];
  const { dictionary } = options;
  if (dictionary !== undefined) {
    const bytes = bytesOf(dictionary);
    plain['dictionary'] = base64Encode(bytes, 0, bytes.length, false);
  }
  if (options.params !== undefined) plain['params'] = options.params;
  return jsonStringify(plain);
}

export function runZlib(format: ZlibFormat, input: unknown, options: ZlibOptions | undefined): Uint8Array {
  const { bytes, failure } = hooks.zlib(format, optionsText(options ?? {}), bytesOf(input));
  if (bytes !== null) return makeBuffer(bytes.buffer, bytes.byteOffset, bytes.length);
  const Class = Object.hasOwn(CLASSES, failure.name) ? CLASSES[failure.name]! : Error;
  const error = nodeError(Class, failure.code ?? 'ERR_ZLIB', failure.message);
  if (failure.errno !== undefined) Object.assign(error, { errno: failure.errno });
  throw error;
}
