/**
 * Modules of Node by name. Each is made when it is first asked for: a function pays at its cold start for what it imports only. (A
 * bundler's `require` of a module is a call that evaluates it once.)
 */
import { unsupported } from './node/unsupported.ts';
import { nodeError } from './errors.ts';

type Loader = () => unknown;

const LOADERS: Record<string, Loader> = {
  __proto__: null as never,
  buffer: () => {
    const { Buffer, bufferConstants, kMaxLength } = require('./buffer.ts') as typeof import('./buffer.ts');
    const { Blob, File } = require('./fetch/blob.ts') as typeof import('./fetch/blob.ts');
    const { atob, btoa } = require('./base64-globals.ts') as typeof import('./base64-globals.ts');
    const constants = { constants: bufferConstants, kMaxLength, kStringMaxLength: bufferConstants.MAX_STRING_LENGTH };
    return unsupported('buffer', { Buffer, Blob, File, atob, btoa, ...constants, INSPECT_MAX_BYTES: 50 });
  },
  crypto: () => (require('./crypto/node-crypto.ts') as typeof import('./crypto/node-crypto.ts')).nodeCrypto,
  util: () => (require('./node/util-module.ts') as typeof import('./node/util-module.ts')).util,
  'util/types': () => (require('./node/types.ts') as typeof import('./node/types.ts')).types,
  events: () => (require('./node/events.ts') as typeof import('./node/events.ts')).events,
  path: () => (require('./node/path.ts') as typeof import('./node/path.ts')).path,
  'path/posix': () => load('path'),
  assert: () => (require('./node/assert.ts') as typeof import('./node/assert.ts')).assert,
  'assert/strict': () => (require('./node/assert.ts') as typeof import('./node/assert.ts')).assertStrict,
  url: () => (require('./node/url.ts') as typeof import('./node/url.ts')).url,
  querystring: () => (require('./node/querystring.ts') as typeof import('./node/querystring.ts')).querystring,
  punycode: () => (require('./punycode.ts') as typeof import('./punycode.ts')).punycode,
  string_decoder: () => require('./node/string-decoder.ts') as typeof import('./node/string-decoder.ts'),
  timers: () => (require('./node/timers.ts') as typeof import('./node/timers.ts')).timers,
  'timers/promises': () => (require('./node/timers.ts') as typeof import('./node/timers.ts')).timersPromises,
  async_hooks: () => (require('./node/async-hooks.ts') as typeof import('./node/async-hooks.ts')).asyncHooks,
  os: () => (require('./node/os.ts') as typeof import('./node/os.ts')).os,
  process: () => globalThis.process,
  console: () => (require('./node/console.ts') as typeof import('./node/console.ts')).consoleModule,
  tty: () => (require('./node/tty.ts') as typeof import('./node/tty.ts')).tty,
  constants: () => {
    const { osConstants } = require('./node/os-constants.ts') as typeof import('./node/os-constants.ts');
    const { constants } = require('./node/fs/constants.ts') as typeof import('./node/fs/constants.ts');
    return {
      ...osConstants.dlopen,
      ...osConstants.errno,
      ...osConstants.priority,
      ...osConstants.signals,
      ...constants,
    };
  },
  perf_hooks: () => (require('./performance.ts') as typeof import('./performance.ts')).perfHooks,
  readline: () => (require('./node/readline.ts') as typeof import('./node/readline.ts')).readline,
  'readline/promises': () => (require('./node/readline.ts') as typeof import('./node/readline.ts')).readlinePromises,
  net: () => (require('./node/net.ts') as typeof import('./node/net.ts')).net,
  dns: () => (require('./node/dns.ts') as typeof import('./node/dns.ts')).dns,
  'dns/promises': () => (require('./node/dns.ts') as typeof import('./node/dns.ts')).dnsPromises,
  worker_threads: () =>
    (require('./node/single-process.ts') as typeof import('./node/single-process.ts')).workerThreads,
  cluster: () => (require('./node/single-process.ts') as typeof import('./node/single-process.ts')).cluster,
  v8: () => (require('./node/single-process.ts') as typeof import('./node/single-process.ts')).v8,
  sys: () => load('util'),
  module: () =>
    unsupported('module', {
      createRequire: () => load,
      builtinModules: [...Object.keys(LOADERS), ...REFUSED],
      isBuiltin: (name: string) => known(String(name).replace(/^node:/, '')),
    }),
  stream: () => (require('./node/stream/stream.ts') as typeof import('./node/stream/stream.ts')).stream,
  'stream/promises': () =>
    (require('./node/stream/stream.ts') as typeof import('./node/stream/stream.ts')).streamPromises,
  'stream/consumers': () =>
    (require('./node/stream/consumers.ts') as typeof import('./node/stream/consumers.ts')).streamConsumers,
  http: () => (require('./node/http/http.ts') as typeof import('./node/http/http.ts')).http,
  https: () => (require('./node/http/http.ts') as typeof import('./node/http/http.ts')).https,
  zlib: () => (require('./node/zlib/zlib.ts') as typeof import('./node/zlib/zlib.ts')).zlib,
  fs: () => (require('./node/fs/fs.ts') as typeof import('./node/fs/fs.ts')).fs,
  'fs/promises': () => (require('./node/fs/fs.ts') as typeof import('./node/fs/fs.ts')).fsPromises,
  'stream/web': () =>
    (require('./node/stream/web-module.ts') as typeof import('./node/stream/web-module.ts')).streamWeb,
  diagnostics_channel: () =>
    (require('./node/diagnostics-channel.ts') as typeof import('./node/diagnostics-channel.ts')).diagnosticsChannel,
};

/** Packages that cannot run here as they are, by something of the same shape. */
const PACKAGES: Record<string, Loader> = {
  __proto__: null as never,
  undici: () => (require('./undici/undici.ts') as typeof import('./undici/undici.ts')).undici,
};

/** Exist in Node, not here: they can be imported, and say why when they are used. */
const REFUSED = new Set(
  'child_process ffi tls dgram http2 repl vm inspector inspector/promises trace_events wasi domain test test/reporters sqlite sea path/win32'.split(
    ' ',
  ),
);

const made = new Map<string, unknown>();

function known(name: string): boolean {
  return name in LOADERS || REFUSED.has(name);
}

/** `require` for what a bundle did not bring along. */
export function load(request: unknown): unknown {
  const name = String(request).replace(/^node:/, '');
  if (made.has(name)) return made.get(name);
  const loader = LOADERS[name] ?? PACKAGES[name];
  if (loader === undefined && !REFUSED.has(name)) {
    throw nodeError(
      Error,
      'MODULE_NOT_FOUND',
      `Cannot find module '${String(request)}': the bundle has what was imported by a plain name, and nothing can be loaded later`,
    );
  }
  const module = loader === undefined ? unsupported(name, {}) : loader();
  made.set(name, module);
  return module;
}
