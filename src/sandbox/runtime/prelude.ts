/**
 * The entry of the prelude: puts on globalThis what a handler may expect beyond ECMAScript (hooks.ts says what is there before). One
 * classic script, evaluated once per isolate before any user code.
 *
 * Nearly everything is lazy: a name is an accessor that makes its value when it is first touched, and becomes a plain property then.
 * Buffer and process are made at once, because nearly every handler uses them.
 */
import { load } from './builtins.ts';
import { define, defineLazy, hooks } from './host.ts';
import { Buffer } from './buffer.ts';
import { TextDecoder, TextEncoder } from './text-encoding.ts';

type Module = Record<string, unknown>;

const LAZY: readonly (readonly [names: readonly string[], load: () => Module])[] = [
  [['URL'], () => require('./url/url.ts') as Module],
  [['URLSearchParams'], () => require('./url/search-params.ts') as Module],
  [['Event', 'CustomEvent', 'EventTarget', 'AbortController', 'AbortSignal'], () => require('./abort.ts') as Module],
  [['DOMException'], () => require('./dom-exception.ts') as Module],
  [['structuredClone'], () => require('./clone.ts') as Module],
  [['atob', 'btoa'], () => require('./base64-globals.ts') as Module],
  [['Headers'], () => require('./fetch/headers.ts') as Module],
  [['Request', 'Response'], () => require('./fetch/messages.ts') as Module],
  [['FormData'], () => require('./fetch/form-data.ts') as Module],
  [['Blob', 'File'], () => require('./fetch/blob.ts') as Module],
  [['ReadableStream'], () => require('./fetch/readable-stream.ts') as Module],
  [['CryptoKey'], () => require('./crypto/web.ts') as Module],
];

for (const [names, loadModule] of LAZY) {
  for (const name of names) defineLazy(globalThis, name, () => loadModule()[name]);
}
defineLazy(globalThis, 'crypto', () => (require('./crypto/web.ts') as Module)['webcrypto']);
defineLazy(globalThis, 'process', () => {
  const made = (require('./process.ts') as typeof import('./process.ts')).makeProcess();
  return Object.assign(made, { getBuiltinModule: load });
});
define(globalThis, 'Buffer', Buffer);
define(globalThis, 'TextEncoder', TextEncoder);
define(globalThis, 'TextDecoder', TextDecoder);
// A function of its own, so that looking at the name does not load what only a call needs.
define(globalThis, 'fetch', function fetch(input: unknown, init?: unknown) {
  return (require('./fetch/fetch.ts') as typeof import('./fetch/fetch.ts')).fetch(input, init as never);
});
const timeOrigin = Date.now() - hooks.monoMs();
define(globalThis, 'performance', {
  timeOrigin,
  now: () => hooks.monoMs(),
  mark: () => undefined,
  measure: () => undefined,
  toJSON: () => ({ timeOrigin }),
});

hooks.setRequire(load);
hooks.setFormatter((args) => (require('./node/inspect.ts') as typeof import('./node/inspect.ts')).formatList(args));
