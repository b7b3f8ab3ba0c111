/**
 * The entry of the prelude: puts on globalThis what a handler may expect beyond ECMAScript (hooks.ts says what is there before). One
 * classic script, evaluated once per isolate before any user code.
 *
 * Nearly everything is lazy: a name is an accessor that makes its value when it is first touched, and becomes a plain property then.
 * Buffer and process are made at once, because nearly every handler uses them.
 */
import { load } from './builtins.ts';
import { defineGlobal, defineLazyGlobal, hooks } from './host.ts';
import { Buffer } from './buffer.ts';
import { TextDecoder, TextEncoder } from './text-encoding.ts';

type Module = object;

const LAZY: readonly (readonly [names: readonly string[], load: () => Module])[] = [
  [['URL'], () => require('./url/url.ts') as typeof import('./url/url.ts')],
  [['URLSearchParams'], () => require('./url/search-params.ts') as typeof import('./url/search-params.ts')],
  [
    ['Event', 'CustomEvent', 'EventTarget', 'AbortController', 'AbortSignal'],
    () => require('./abort.ts') as typeof import('./abort.ts'),
  ],
  [['DOMException'], () => require('./dom-exception.ts') as typeof import('./dom-exception.ts')],
  [['structuredClone'], () => require('./clone.ts') as typeof import('./clone.ts')],
  [['atob', 'btoa'], () => require('./base64-globals.ts') as typeof import('./base64-globals.ts')],
  [['Headers'], () => require('./fetch/headers.ts') as typeof import('./fetch/headers.ts')],
  [['Request', 'Response'], () => require('./fetch/messages.ts') as typeof import('./fetch/messages.ts')],
  [['FormData'], () => require('./fetch/form-data.ts') as typeof import('./fetch/form-data.ts')],
  [['Blob', 'File'], () => require('./fetch/blob.ts') as typeof import('./fetch/blob.ts')],
  [
    [
      'ReadableStream',
      'ReadableStreamDefaultReader',
      'ReadableStreamBYOBReader',
      'ReadableStreamBYOBRequest',
      'ReadableByteStreamController',
      'ReadableStreamDefaultController',
      'TransformStream',
      'TransformStreamDefaultController',
      'WritableStream',
      'WritableStreamDefaultWriter',
      'WritableStreamDefaultController',
      'ByteLengthQueuingStrategy',
      'CountQueuingStrategy',
    ],
    () => (require('./fetch/web-streams.ts') as typeof import('./fetch/web-streams.ts')).webStreams(),
  ],
  [
    ['TextEncoderStream', 'TextDecoderStream', 'CompressionStream', 'DecompressionStream'],
    () => require('./fetch/transform-streams.ts') as typeof import('./fetch/transform-streams.ts'),
  ],
  [['CryptoKey'], () => require('./crypto/crypto-key.ts') as typeof import('./crypto/crypto-key.ts')],
];

for (const [names, loadModule] of LAZY) {
  for (const name of names) defineLazyGlobal(name, () => (loadModule() as Record<string, unknown>)[name]);
}
defineLazyGlobal('crypto', () => (require('./crypto/web.ts') as typeof import('./crypto/web.ts')).webcrypto);
defineLazyGlobal('process', () => (require('./process.ts') as typeof import('./process.ts')).makeProcess(load));
defineGlobal('Buffer', Buffer);
defineGlobal('TextEncoder', TextEncoder);
defineGlobal('TextDecoder', TextDecoder);
defineLazyGlobal('performance', () => (require('./performance.ts') as typeof import('./performance.ts')).performance);
// A function of its own, so that looking at the name does not load what only a call needs.
let ownFetch: typeof import('./fetch/fetch.ts').fetch | undefined;
defineGlobal('fetch', (input: unknown, init?: unknown) => {
  ownFetch ??= (require('./fetch/fetch.ts') as typeof import('./fetch/fetch.ts')).fetch;
  return ownFetch(input, init as never);
});

hooks.setRequire(load);
hooks.setFormatter((args) => (require('./node/inspect.ts') as typeof import('./node/inspect.ts')).formatList(args));
