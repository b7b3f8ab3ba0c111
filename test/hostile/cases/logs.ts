/** Handlers that flood the log or write into it what should not be there. */
import { fails, type HostileCase, passes } from '../case.ts';

export const LOGS: readonly HostileCase[] = [
  passes(63, 'a million lines', 'for (let i = 0; i < 1e6; i++) console.log("line", i); return 1;', 1, {
    logs: { lines: 1000, droppedMin: 999_000, each: /^line \d{1,3}$/ },
  }),
  passes(
    63,
    'a million lines through process.stdout',
    'for (let i = 0; i < 1e5; i++) (process.stdout && process.stdout.write ? process.stdout.write("out " + i + "\\n") : console.log("out " + i)); return 1;',
    undefined,
    {
      expected: ['OK', 'FAIL TypeError', 'FAIL Error'],
    },
  ),
  passes(
    64,
    'lines of a megabyte',
    'const s = "y".repeat(1e6); for (let i = 0; i < 1e4; i++) console.log(s); return 1;',
    1,
    { memorySizeMb: 128, logs: { droppedMin: 9_800 } },
  ),
  passes(
    64,
    'lines of four bytes a character',
    'const s = "\\u{1f600}".repeat(1e5); for (let i = 0; i < 1e3; i++) console.error(s); return 1;',
    1,
    { memorySizeMb: 128 },
  ),
  passes(64, 'a line of 100 MB', 'console.log("z".repeat(1e8)); return 1;', 1, {
    memorySizeMb: 256,
    logs: { lines: 1 },
  }),
  passes(64, 'a line of a million arguments', 'console.log(...new Array(1e5).fill("arg")); return 1;', 1, {
    memorySizeMb: 128,
    logs: { lines: 1 },
  }),
  fails(
    64,
    'a deep, wide object',
    ['OK', 'timeout', 'memory'],
    'let o = {}; for (let i = 0; i < 1e5; i++) o = { o, l: [o, o, o], m: new Map([[o, o]]) }; console.log(o); return 1;',
    { timeoutMs: 2_000, memorySizeMb: 256 },
  ),
  fails(
    64,
    'an array of a million objects',
    ['OK', 'timeout', 'memory'],
    'console.log(Array.from({ length: 1e6 }, (_, i) => ({ i }))); return 1;',
    { timeoutMs: 4_000, memorySizeMb: 256 },
  ),
  passes(
    65,
    'escape sequences, carriage returns, separators and NUL',
    'console.log("\\u001b[2J\\u001b[1;1Hgone\\r\\nnew\\nline\\u2028\\u2029\\u0000\\u0007\\ud800"); return 1;',
    1,
    { logs: { lines: 1 } },
  ),
  passes(
    65,
    'a line that looks like the daemon’s own',
    'console.log(JSON.stringify({ level: "error", msg: "ready", time: 1, requestId: "forged", function: "victim" })); return 1;',
    1,
    { logs: { lines: 1 } },
  ),
  passes(
    65,
    'format strings',
    'console.log("%s%d%i%f%j%o%O%c%%", {}, 1n, Symbol("x"), "f", { a: 1 }, [], {}, "css"); console.log("%j", (() => { const o = {}; o.o = o; return o; })()); return 1;',
    1,
  ),
  passes(
    null,
    'console in its own formatting',
    'console.log({ get x() { console.log("inner"); return 1; }, toString() { console.log("again"); return ""; } }); return 1;',
    1,
  ),
  passes(
    null,
    'console that calls itself for ever',
    'const log = console.log; let n = 0; const o = { [Symbol.for("nodejs.util.inspect.custom")]() { n++; console.log(o); return "x"; } }; try { console.log(o); } catch {} return n > 0;',
    undefined,
    { expected: ['OK', 'FAIL RangeError', 'FAIL memory'] },
  ),
  passes(
    null,
    'log of a proxy, a getter and a revoked proxy',
    'const { proxy, revoke } = Proxy.revocable({}, {}); revoke(); for (const x of [new Proxy({}, { get() { throw 1; }, ownKeys() { throw 2; } }), { get a() { throw 3; } }, proxy, Object.create(null), new Proxy([], {}), new Proxy(() => 1, {})]) { try { console.log(x, "%s", x); } catch (e) { console.log("threw", typeof e); } } return 1;',
    1,
  ),
  passes(
    null,
    'log after the result',
    'setTimeout(() => console.log("late"), 0); setImmediate(() => console.log("later")); Promise.resolve().then(() => console.log("microtask")); return 1;',
    1,
    { next: 'own-poison' },
  ),
  passes(
    null,
    'groups, counts, timers and tables without end',
    'for (let i = 0; i < 1e4; i++) { console.group("g"); console.count(`c${i}`); console.time(`t${i}`); console.timeEnd(`t${i}`); console.assert(false, "a"); console.trace("t"); } console.table(Array.from({ length: 1e4 }, () => ({ a: 1, b: 2 }))); return 1;',
    1,
    {
      memorySizeMb: 128,
      logs: { lines: 1000, droppedMin: 1 },
      next: 'own-poison',
    },
  ),
  passes(
    null,
    'labels that are objects and keys that are special',
    'console.count("__proto__"); console.count({ toString: () => "constructor" }); console.time("__proto__"); console.timeEnd("__proto__"); try { console.count(Symbol("x")); } catch {} return Object.keys(Object.prototype).length;',
    0,
  ),
  fails(
    null,
    'logs a secret of its own environment',
    'Error',
    'console.log(process.env.OWN_SECRET); console.log(`x${process.env.OWN_SECRET}y`); throw new Error(`leak ${process.env.OWN_SECRET}`);',
    { logs: { lines: 2, each: /^(?!.*own-secret-).*$/ }, message: /^(?!.*own-secret-).*$/ },
  ),
  passes(
    null,
    'emitWarning and process events without end',
    'for (let i = 0; i < 2e3; i++) { process.emitWarning?.("w" + i); process.on?.("exit", () => { for (;;); }); process.on?.("uncaughtException", () => 0); } return 1;',
    undefined,
    { expected: ['OK', 'FAIL Error', 'FAIL memory', 'FAIL TypeError'] },
  ),
];
