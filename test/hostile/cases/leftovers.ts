/** Handlers that leave something running or waiting, and modules that are hostile before any handler runs. */
import { fails, type HostileCase, passes, spins } from '../case.ts';

const module = (
  name: string,
  text: string,
  expected: HostileCase['expected'],
  rest: Partial<HostileCase> = {},
): HostileCase => ({ number: null, name, module: text, expected, next: 'same', ...rest });

export const LEFTOVERS: readonly HostileCase[] = [
  passes(
    11,
    'timers and intervals that spin later',
    'setInterval(() => { for (;;); }, 1e6); setTimeout(() => { for (;;); }, 1e6); return "ok";',
    'ok',
  ),
  passes(
    11,
    'timers that are due at once',
    'setInterval(() => { for (;;); }, 1); setTimeout(() => { for (;;); }, 0); setImmediate(() => { for (;;); }); return "ok";',
    'ok',
    { next: 'own-poison' },
  ),
  passes(
    11,
    'fifty thousand timers',
    'for (let i = 0; i < 5e4; i++) setTimeout(() => i, 1e6 + i); return "ok";',
    'ok',
    {
      memorySizeMb: 512,
    },
  ),
  passes(
    11,
    'fifty thousand timers that are cleared in the wrong order',
    'const all = []; for (let i = 0; i < 5e4; i++) all.push(setTimeout(() => 0, 1e6 - (i % 3))); for (const one of all) clearTimeout(one); return "ok";',
    'ok',
    { memorySizeMb: 256 },
  ),
  spins(11, 'timers whose order is the worst there is', 'for (let i = 0; i < 1e6; i++) setTimeout(() => 0, 2e6 - i);', {
    expected: ['FAIL timeout', 'FAIL memory'],
    memorySizeMb: 256,
  }),
  passes(
    null,
    'a hundred thousand promises that never settle',
    'globalThis.kept = []; for (let i = 0; i < 1e5; i++) kept.push((async () => { await new Promise(() => {}); })()); return "ok";',
    'ok',
    { memorySizeMb: 256 },
  ),
  spins(
    null,
    'microtasks left behind without end',
    'const again = () => Promise.resolve().then(again); again(); return "ok";',
    { expected: ['FAIL timeout', 'OK'] },
  ),
  passes(
    null,
    'requests left behind',
    'for (let i = 0; i < 50; i++) fetch(event.url).catch(() => 0); return "ok";',
    'ok',
  ),
  passes(
    null,
    'requests left behind that answer into the next invocation',
    'fetch(event.url).then((r) => r.text()).then(() => { for (;;); }); return "ok";',
    'ok',
  ),
  passes(
    null,
    'an aborted request and its listeners',
    'const a = new AbortController(); const p = fetch(event.url, { signal: a.signal }).catch((e) => e.name); a.abort(); a.signal.addEventListener("abort", () => { for (;;); }); return await p;',
    'AbortError',
  ),
  passes(
    null,
    'AsyncLocalStorage that keeps the invocation',
    'const { AsyncLocalStorage } = require("async_hooks"); const s = new AsyncLocalStorage(); s.enterWith({ event, context }); return s.getStore().event === event;',
    true,
  ),
  spins(
    null,
    'unref and ref of timers',
    'const t = setInterval(() => 0, 10); for (let i = 0; i < 1000; i++) { t.unref(); t.ref(); } await new Promise(() => {});',
  ),
  fails(
    null,
    'only unreferenced timers',
    'Runtime.NodeJsExit',
    'setInterval(() => 0, 10).unref(); await new Promise(() => {});',
  ),
  spins(null, 'callback that never comes, with an interval', 'await new Promise(() => setInterval(() => 0, 20));'),
  {
    number: null,
    name: 'waits for an event loop that is never empty',
    module:
      'exports.handler = (event, context, callback) => { if (event.next) { context.callbackWaitsForEmptyEventLoop = false; return callback(null, { next: true }); } setInterval(() => 0, 10); callback(null, 1); };',
    expected: ['FAIL timeout'],
    timeoutMs: 300,
    next: 'own-poison',
  },
  module('throws while it loads', 'throw new TypeError("at load");', ['FAIL TypeError'], { message: /^at load$/ }),
  module('throws null while it loads', 'throw null;', ['FAIL handled', 'FAIL string']),
  module('throws what cannot be read while it loads', 'throw new Proxy({}, { get() { throw 1; } });', ['FAIL handled']),
  module('throws 50 MB while it loads', 'throw new Error("x".repeat(5e7));', ['FAIL Error'], { memorySizeMb: 256 }),
  module('rejects while it loads', 'module.exports = Promise.reject(new Error("at load"));', [
    'FAIL Error',
    'FAIL Runtime.UnhandledPromiseRejection',
  ]),
  module('top-level await that nothing can settle', 'module.exports = new Promise(() => {});', [
    'FAIL Runtime.NodeJsExit',
  ]),
  module('exits while it loads', 'process.exit(9);', ['FAIL killed']),
  module('takes all memory while it loads', 'const a = []; for (;;) a.push(new Array(1e5).fill({}));', ['FAIL memory']),
  module('is no JavaScript', 'exports.handler = async ( => 1;', ['FAIL Runtime.UserCodeSyntaxError']),
  module('closes the function that it is wrapped in', '}); globalThis.escaped = 1; (function () {', [
    'FAIL Runtime.UserCodeSyntaxError',
    'FAIL Runtime.HandlerNotFound',
  ]),
  module('begins with a hashbang and ends in a comment', '#!/usr/bin/env node\nexports.handler = async () => 1; //', [
    'FAIL Runtime.UserCodeSyntaxError',
    'OK',
  ]),
  module('is deeply nested', `exports.handler = ${'('.repeat(1e5)}1${')'.repeat(1e5)}`, [
    'FAIL Runtime.UserCodeSyntaxError',
    'FAIL RangeError',
  ]),
  module('exports nothing', '', ['FAIL Runtime.HandlerNotFound']),
  module('exports null', 'module.exports = null;', ['FAIL Runtime.HandlerNotFound']),
  module('exports a number as handler', 'exports.handler = 5;', ['FAIL Runtime.HandlerNotFound']),
  module(
    'has a getter as handler that throws',
    'Object.defineProperty(exports, "handler", { get() { throw new Error("getter"); } });',
    ['FAIL Error'],
  ),
  module(
    'has a proxy that throws as exports',
    'module.exports = new Proxy({}, { get() { throw new Error("trap"); } });',
    ['FAIL Error'],
  ),
  module('exports a class as handler', 'exports.handler = class { constructor() { for (;;); } };', ['FAIL TypeError']),
  module(
    'exports a proxy as handler',
    'exports.handler = new Proxy(async () => "through", { apply: (f, self, args) => f(...args) });',
    ['OK'],
    { result: '"through"' },
  ),
  module(
    'exports a bound function as handler',
    'exports.handler = (async function () { return this.me; }).bind({ me: "bound" });',
    ['OK'],
    { result: '"bound"' },
  ),
  module('exports a generator as handler', 'exports.handler = function* () { yield 1; };', ['OK'], { result: 'null' }),
  module('exports an async generator as handler', 'exports.handler = async function* () { yield 1; };', ['OK'], {
    result: 'null',
  }),
  module('exports eval as handler', 'exports.handler = eval;', ['OK']),
  module(
    'exports itself as a thenable',
    'exports.then = (resolve) => resolve({ handler: async () => "late" });',
    ['OK'],
    { result: '"late"' },
  ),
  module(
    'replaces its handler after it was found',
    'exports.handler = async () => { exports.handler = null; module.exports = null; return "once"; };',
    ['OK'],
    { result: '"once"' },
  ),
  module(
    'leaves timers from its loading',
    'setInterval(() => 0, 1); setTimeout(() => { globalThis.late = 1; }, 1); exports.handler = async () => "loaded";',
    ['OK'],
    { result: '"loaded"' },
  ),
  module(
    'leaves a rejection from its loading',
    'Promise.reject(new Error("early")); exports.handler = async () => 1;',
    ['FAIL Error', 'FAIL Runtime.UnhandledPromiseRejection', 'OK'],
  ),
  module(
    'logs a flood while it loads',
    'for (let i = 0; i < 1e5; i++) console.log("load " + i); exports.handler = async () => 1;',
    ['OK'],
    { result: '1' },
  ),
  module(
    'spoils everything while it loads',
    'JSON.stringify = () => "forged"; Promise.prototype.then = null; Object.prototype.then2 = 1; globalThis.Promise = undefined; exports.handler = async (e, c) => ({ id: typeof c.awsRequestId });',
    ['OK'],
    { result: '{"id":"string"}' },
  ),
];

/** Loading has a bound of its own, ten seconds: too long for every run of the list, so these run only when they are named, or in a mix. */
export const SLOW_LOADS: readonly HostileCase[] = [
  module('spins while it loads', 'for (;;);', ['FAIL timeout'], { message: /timed out after 10\.00 seconds/ }),
  module('awaits for ever while it loads', 'setInterval(() => 0, 1000); module.exports = new Promise(() => {});', [
    'FAIL timeout',
  ]),
  module('has a getter as handler that spins', 'Object.defineProperty(exports, "handler", { get() { for (;;); } });', [
    'FAIL timeout',
  ]),
  module(
    'spins in a microtask while it loads',
    'const again = () => Promise.resolve().then(again); again(); exports.handler = async () => 1;',
    ['FAIL timeout', 'OK'],
  ),
  module('spins in the then of its exports', 'exports.then = () => { for (;;); };', ['FAIL timeout']),
];
