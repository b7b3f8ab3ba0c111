/** Handlers that hold the CPU, or never end. */
import { fails, type HostileCase, spins } from '../case.ts';

const FOREVER = 'await new Promise(() => {});';

export const TIME: readonly HostileCase[] = [
  spins(1, 'endless loop', 'for (;;);'),
  spins(null, 'endless loop of empty blocks under labels', 'a: for (;;) { b: for (;;) { c: { continue a; } } }'),
  spins(
    null,
    'endless loop that catches everything',
    'for (;;) { try { for (;;) throw 1; } catch {} finally { continue; } }',
  ),
  spins(2, 'endless await', 'for (;;) await 0;'),
  spins(3, 'endless then', `const again = () => { Promise.resolve().then(again); }; again(); ${FOREVER}`),
  spins(null, 'endless queueMicrotask', `const again = () => queueMicrotask(again); again(); ${FOREVER}`),
  spins(null, 'endless process.nextTick', `const again = () => process.nextTick(again); again(); ${FOREVER}`),
  spins(null, 'endless setImmediate', `const again = () => setImmediate(again); again(); ${FOREVER}`),
  spins(null, 'endless setTimeout of nothing', `const again = () => setTimeout(again, 0); again(); ${FOREVER}`),
  spins(null, 'endless async generator', 'async function* g() { for (;;) yield 1; } for await (const x of g());'),
  spins(null, 'endless generator in a spread', 'function* g() { for (;;) yield 0; } for (const x of g());'),
  spins(null, 'yield* into itself for ever', 'function* g() { yield 1; yield* g(); } for (const x of g());', {
    expected: ['FAIL timeout', 'FAIL RangeError', 'FAIL memory'],
  }),
  fails(4, 'promise that nothing can settle', 'Runtime.NodeJsExit', 'await new Promise(() => {});'),
  spins(4, 'promise never settled beside an interval', `setInterval(() => {}, 1000); ${FOREVER}`),
  spins(4, 'promise never settled beside a timer that is far away', `setTimeout(() => {}, 2 ** 31 - 1); ${FOREVER}`),
  spins(5, 'spin after a timer', 'await new Promise((r) => setTimeout(r, 5)); for (;;);'),
  spins(5, 'spin after a response', 'await fetch(event.url); for (;;);'),
  spins(5, 'spin in a timer callback', `setTimeout(() => { for (;;); }, 1); ${FOREVER}`),
  spins(
    6,
    'endless timers and clocks',
    'for (;;) { clearTimeout(setTimeout(() => {}, 1)); Date.now(); performance.now(); }',
  ),
  spins(6, 'endless random bytes', 'for (;;) crypto.getRandomValues(new Uint8Array(65536));'),
  spins(6, 'endless randomUUID', 'for (;;) crypto.randomUUID();'),
  spins(
    6,
    'endless digests',
    'const { createHash } = require("crypto"); const data = Buffer.alloc(1 << 20); for (;;) createHash("sha256").update(data).digest();',
  ),
  spins(
    6,
    'endless digests of 16 MB',
    'const { createHash } = require("crypto"); const data = Buffer.alloc(16 << 20); for (;;) createHash("sha512").update(data).digest();',
    {
      memorySizeMb: 256,
    },
  ),
  spins(
    6,
    'endless subtle digests',
    'const data = new Uint8Array(1 << 16); for (;;) await crypto.subtle.digest("SHA-256", data);',
  ),
  spins(6, 'endless heap statistics', 'for (;;) process.memoryUsage();'),
  fails(7, 'thenable that never calls back', 'Runtime.NodeJsExit', 'return { then() {} };'),
  spins(7, 'thenable that never calls back beside an interval', 'setInterval(() => {}, 50); return { then() {} };'),
  spins(8, 'thenable whose then spins', 'return { then() { for (;;); } };'),
  spins(8, 'thenable whose getter of then spins', 'return { get then() { for (;;); } };'),
  spins(
    8,
    'thenable that resolves to another one for ever',
    'const next = () => ({ then(resolve) { resolve(next()); } }); return next();',
  ),
  spins(12, 'exponential regular expression', 'return /^(a+)+$/.test("a".repeat(40) + "!");'),
  spins(
    12,
    'exponential lookbehind',
    'return /(?<=^(?:a|a)+)b$/.test("a".repeat(60) + "c") || /(?<!(x+x+)+y)$/.test("x".repeat(60));',
    {
      expected: ['FAIL timeout', 'OK'],
    },
  ),
  spins(
    12,
    'exponential expression in replace, split and matchAll',
    'const s = "x".repeat(60); s.replace(/(x+x+)+y/g, ""); s.split(/(x+x+)+y/); return [...s.matchAll(/(x+x+)+y/g)].length;',
  ),
  spins(12, 'named groups with back references', 'return /^(?<a>(?:a|aa)+)\\k<a>+b$/.test("a".repeat(60));'),
  spins(13, 'quadratic replace', 'let s = "x".repeat(2e6); return s.replace(/x*y/g, "").length;'),
  spins(13, 'quadratic trim of a long blank', 'const s = " ".repeat(4e5) + "x"; return s.replace(/\\s+$/, "").length;'),
  spins(
    13,
    'normalize in a loop',
    'const s = "\\u0041\\u030a".repeat(2e5); for (;;) s.normalize("NFKD").normalize("NFC");',
    { memorySizeMb: 128 },
  ),
  spins(
    13,
    'lastIndexOf and includes over and over',
    'const s = "a".repeat(2e6); for (;;) { s.includes("b".repeat(1e5)); s.lastIndexOf("ab"); }',
  ),
  spins(
    13,
    'locale comparison of a large sort',
    'const list = Array.from({ length: 3e5 }, (_, i) => `é${(i * 7919) % 300007}`); list.sort((a, b) => a.localeCompare(b, "de", { numeric: true })); for (;;);',
    {
      memorySizeMb: 256,
    },
  ),
  spins(14, 'sort of a sparse array', 'const a = []; a[2 ** 32 - 2] = 1; a.length = 2 ** 32 - 1; a.sort();'),
  spins(14, 'sort with a comparison that spins', 'return [2, 1].sort(() => { for (;;); });'),
  spins(
    14,
    'reverse, lastIndexOf and concat of a sparse array',
    'const a = []; a[2 ** 32 - 2] = 1; a.length = 2 ** 32 - 1; a.reverse(); a.indexOf(2); for (;;);',
  ),
  spins(15, 'fill of four thousand million places', 'new Array(2 ** 32 - 1).fill(0); return 1;', {
    expected: ['FAIL timeout', 'FAIL memory', 'FAIL RangeError'],
  }),
  spins(15, 'array-like of nine thousand billion places', 'Array.prototype.fill.call({ length: 2 ** 53 - 1 }, 0);', {
    expected: ['FAIL timeout', 'FAIL memory'],
  }),
  spins(
    15,
    'indexOf over an array-like without end',
    'return Array.prototype.indexOf.call({ length: 2 ** 53 - 1 }, 1);',
  ),
  spins(
    15,
    'join over an array-like without end',
    'return Array.prototype.join.call({ length: 2 ** 32 - 2 }, "").length;',
    {
      expected: ['FAIL timeout', 'FAIL memory', 'FAIL RangeError'],
    },
  ),
  spins(null, 'power of large integers', 'return String(7n ** (7n ** 8n)).length;', {
    expected: ['FAIL timeout', 'FAIL memory', 'FAIL RangeError'],
  }),
  spins(null, 'factors of large integers', 'let n = 3n ** 200000n; for (;;) n = (n * n) % (2n ** 300000n - 1n);'),
  spins(null, 'text of a large integer', 'const n = 3n ** 3000000n; for (;;) n.toString(10);'),
  spins(
    null,
    'dates out of range for ever',
    'for (let i = 0; ; i++) { new Date(8.64e15).toString(); Date.parse("x".repeat(1000) + i); new Intl.DateTimeFormat("ar-EG", { timeZone: "Asia/Kathmandu" }).format(i); }',
    {
      expected: ['FAIL timeout', 'FAIL memory'],
    },
  ),
  spins(
    null,
    'number formats for ever',
    'for (let i = 0; ; i++) new Intl.NumberFormat("de", { style: "currency", currency: "EUR" }).format(i);',
    {
      expected: ['FAIL timeout', 'FAIL memory'],
    },
  ),
  spins(
    null,
    'proxy that spins in every trap',
    'const trap = () => { for (;;); }; const p = new Proxy({}, new Proxy({}, { get: () => trap })); return Object.keys(p);',
  ),
  spins(
    null,
    'proxy as its own prototype chain',
    'const p = new Proxy({}, { getPrototypeOf: () => p }); return p instanceof Object;',
    { expected: ['FAIL timeout', 'FAIL RangeError'] },
  ),
  spins(
    null,
    'species constructor that spins',
    'class A extends Array { static get [Symbol.species]() { for (;;); } } return new A(1, 2).map(String);',
  ),
  spins(null, 'toPrimitive that spins', 'return `${{ [Symbol.toPrimitive]() { for (;;); } }}`;'),
  spins(null, 'hasInstance that spins', 'return 1 instanceof { [Symbol.hasInstance]() { for (;;); } };', {
    expected: ['FAIL timeout', 'FAIL TypeError'],
  }),
  spins(null, 'structuredClone of a getter that spins', 'structuredClone({ get x() { for (;;); } });'),
  spins(null, 'eval that spins', '(0, eval)("for (;;);");'),
  spins(null, 'Function that spins', 'new Function("for (;;);")();'),
  spins(null, 'flood of eval', 'for (let i = 0; ; i++) (0, eval)(`(function f${i}() { return ${i} })`)();', {
    expected: ['FAIL timeout', 'FAIL memory'],
  }),
  spins(
    null,
    'flood of regular expressions',
    'for (let i = 0; ; i++) new RegExp(`(${i})+[a-z]{${i % 1000}}`).test("x");',
    { expected: ['FAIL timeout', 'FAIL memory'] },
  ),
  spins(
    null,
    'says that there is time left',
    'Date.now = () => 0; performance.now = () => 0; context.getRemainingTimeInMillis = () => 1e9; for (;;);',
  ),
  spins(
    null,
    'spin in the callback of a rejected fetch',
    'await fetch("http://10.0.0.1/").catch(() => { for (;;); });',
  ),
  spins(null, 'endless refused requests', 'for (;;) await fetch("http://10.0.0.1/").catch(() => 0);', {
    expected: ['FAIL timeout', 'FAIL Runtime.NodeJsExit'],
  }),
  spins(
    null,
    'spin in a toString while logging',
    'console.log({ toString() { for (;;); }, get x() { for (;;); } }, `${1}`); console.log("%s", { toString() { for (;;); } }); for (;;);',
  ),
  spins(null, 'spin in inspect.custom', 'console.log({ [Symbol.for("nodejs.util.inspect.custom")]() { for (;;); } });'),
  spins(
    null,
    'log of a proxy that spins',
    'console.log(new Proxy({}, { ownKeys() { for (;;); }, get() { for (;;); } })); for (;;);',
  ),
];
