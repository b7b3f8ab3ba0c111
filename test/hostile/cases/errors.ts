/** Handlers that throw and reject what is hard to read, or too large, or never. */
import { fails, type HostileCase, passes, spins } from '../case.ts';

export const ERRORS: readonly HostileCase[] = [
  fails(51, 'throws null', 'string', 'throw null;', { message: /^handled$/ }),
  fails(51, 'throws undefined', 'string', 'throw undefined;'),
  fails(51, 'throws a number', 'number', 'throw 42;', { message: /^42$/ }),
  fails(51, 'throws a text', 'string', 'throw "plain";', { message: /^plain$/ }),
  fails(51, 'throws a BigInt', 'bigint', 'throw 1n;', { message: /^1$/ }),
  fails(51, 'throws a function', 'function', 'throw function named() {};', { message: /named/ }),
  fails(52, 'throws a symbol', 'symbol', 'throw Symbol("s");', { message: /^Symbol\(s\)$/ }),
  fails(52, 'throws an object', 'object', 'throw { a: 1 };', { message: /^\[object Object\]$/ }),
  fails(52, 'throws a frozen error', 'TypeError', 'throw Object.freeze(new TypeError("cold"));', { message: /^cold$/ }),
  fails(52, 'throws an object without a prototype', 'handled', 'throw Object.create(null);'),
  fails(52, 'throws an object whose toString throws', 'handled', 'throw { toString() { throw 1; } };'),
  fails(
    52,
    'throws an object whose toString returns an object',
    'handled',
    'throw { toString() { return {}; }, valueOf() { return {}; } };',
  ),
  fails(53, 'throws a proxy of an error', 'Error', 'throw new Proxy(new Error("behind"), {});', {
    expected: ['FAIL Error', 'FAIL object'],
  }),
  fails(
    53,
    'throws a revoked proxy',
    'handled',
    'const { proxy, revoke } = Proxy.revocable({}, {}); revoke(); throw proxy;',
  ),
  spins(53, 'throws a proxy that spins', 'throw new Proxy({}, { get() { for (;;); } });'),
  spins(53, 'throws an object whose toString spins', 'throw { toString() { for (;;); } };'),
  fails(54, 'message of 100 MB', 'Error', 'throw new Error("m".repeat(1e8));', { memorySizeMb: 256 }),
  fails(54, 'message of four bytes a character', 'Error', 'throw new Error("\\u{1f600}".repeat(1e6));', {
    memorySizeMb: 128,
  }),
  fails(
    54,
    'message of control characters, which escape to six times their length',
    'Error',
    'throw new Error("\\u0001\\u007f".repeat(1e6));',
    { memorySizeMb: 128 },
  ),
  fails(54, 'name of 10 MB', 'NNN', 'const e = new Error("x"); e.name = "N".repeat(1e7); throw e;', {
    expected: [`FAIL ${'N'.repeat(256)}`],
  }),
  fails(
    54,
    'stack of a million lines',
    'Error',
    'const e = new Error("x"); e.stack = "Error: x\\n" + "    at f (/var/task/index.js:1:1)\\n".repeat(1e6); throw e;',
    { memorySizeMb: 256 },
  ),
  fails(
    54,
    'stack of one endless line',
    'Error',
    'const e = new Error("x"); e.stack = "    at " + "(".repeat(1e7); throw e;',
    { memorySizeMb: 128 },
  ),
  fails(
    54,
    'stack that imitates places of the host',
    'Error',
    'const e = new Error("x"); e.stack = "Error: x\\n    at b (file:///srv/other.js:1:1)\\n    at c (<isolated-vm>:1:1)\\n    at d (millrace:bootstrap:1:1)"; throw e;',
    {
      next: 'own-poison',
    },
  ),
  fails(
    54,
    'text of a tool’s escape sequences',
    'Error',
    'throw new Error("\\u001b[2J\\u001b]0;owned\\u0007\\u001b[31m\\r\\nfake line {\\"level\\":\\"error\\"}");',
  ),
  fails(
    54,
    'NUL, line separators and lone surrogates',
    'Error',
    'throw new Error("a\\u0000b\\u2028c\\u2029d\\ud800e");',
  ),
  fails(
    54,
    'AggregateError of a hundred thousand',
    'AggregateError',
    'throw new AggregateError(Array.from({ length: 1e5 }, (_, i) => new Error("x".repeat(100) + i)), "many");',
    { memorySizeMb: 256 },
  ),
  fails(54, 'cause that is its own cause', 'Error', 'const e = new Error("x"); e.cause = e; throw e;'),
  fails(
    54,
    'chain of a million causes',
    'Error',
    'let e = new Error("0"); for (let i = 0; i < 1e5; i++) e = Object.assign(new Error("x"), { cause: e, stack: "s" }); throw e;',
    { memorySizeMb: 256 },
  ),
  fails(
    55,
    'rejection that nobody handles',
    ['Runtime.UnhandledPromiseRejection', 'Error'],
    'Promise.reject(new Error("alone")); await new Promise((r) => setTimeout(r, 20)); return 1;',
  ),
  fails(
    55,
    'rejection that nobody handles, and a result at once',
    ['Runtime.UnhandledPromiseRejection', 'Error'],
    'Promise.reject(new Error("alone")); return 1;',
  ),
  passes(55, 'rejects after it returned', 'setTimeout(() => Promise.reject(new Error("late")), 1); return 1;', 1, {
    next: 'own-poison',
  }),
  fails(
    55,
    'throws in a timer',
    'Error',
    'setTimeout(() => { throw new Error("from a timer"); }, 1); await new Promise((r) => setTimeout(r, 1000));',
    { message: /from a timer/ },
  ),
  fails(
    55,
    'throws in a microtask',
    'Error',
    'queueMicrotask(() => { throw new Error("from a microtask"); }); await new Promise((r) => setTimeout(r, 1000));',
    { message: /from a microtask/ },
  ),
  fails(
    55,
    'a thousand rejections',
    ['Runtime.UnhandledPromiseRejection', 'Error'],
    'for (let i = 0; i < 1000; i++) Promise.reject(i); await new Promise((r) => setTimeout(r, 20));',
  ),
  fails(
    55,
    'rejection with 100 MB that nobody handles',
    ['Runtime.UnhandledPromiseRejection', 'Error', 'memory'],
    'Promise.reject("x".repeat(1e8)); await new Promise((r) => setTimeout(r, 20));',
    { memorySizeMb: 256 },
  ),
  fails(
    55,
    'rejection with a cyclic object that nobody handles',
    ['Runtime.UnhandledPromiseRejection', 'Error'],
    'const o = { big: new Map() }; o.o = o; o.big.set(o, o); Promise.reject(o); await new Promise((r) => setTimeout(r, 20));',
  ),
  fails(
    55,
    'rejection with a proxy that nobody handles',
    ['Runtime.UnhandledPromiseRejection', 'Error', 'object'],
    'Promise.reject(new Proxy({}, {})); await new Promise((r) => setTimeout(r, 20));',
  ),
  fails(
    55,
    'rejection with a function that nobody handles',
    ['Runtime.UnhandledPromiseRejection', 'Error', 'function'],
    'Promise.reject(() => 1); await new Promise((r) => setTimeout(r, 20));',
  ),
  fails(
    55,
    'rejection with a symbol that nobody handles',
    ['Runtime.UnhandledPromiseRejection', 'Error', 'symbol'],
    'Promise.reject(Symbol("s")); await new Promise((r) => setTimeout(r, 20));',
  ),
  spins(
    55,
    'rejection with a stack that spins',
    'Promise.reject(Object.defineProperty(new Error("x"), "stack", { get() { for (;;); } })); return 1;',
  ),
  spins(
    55,
    'rejection with a toString that spins',
    'Promise.reject({ toString() { for (;;); }, get message() { for (;;); }, get stack() { for (;;); } }); await new Promise((r) => setTimeout(r, 1000));',
    {
      expected: ['FAIL timeout', 'FAIL Runtime.UnhandledPromiseRejection'],
    },
  ),
  spins(56, 'stack getter that spins', 'throw Object.defineProperty(new Error(), "stack", { get() { for (;;); } });'),
  fails(
    56,
    'stack getter that throws',
    'handled',
    'throw Object.defineProperty(new Error("x"), "stack", { get() { throw 1; } });',
  ),
  fails(
    56,
    'name getter that counts and changes',
    ['Error', 'string', 'object', 'A', 'B'],
    'let n = 0; throw Object.defineProperty(new Error("x"), "name", { get() { return n++ === 0 ? "A" : {}; } });',
  ),
  fails(
    57,
    'prepareStackTrace that throws',
    'Error',
    'Error.prepareStackTrace = () => { throw new Error("inner"); }; throw new Error("outer");',
    {
      expected: ['FAIL Error', 'FAIL handled'],
      next: 'own-poison',
    },
  ),
  spins(
    57,
    'prepareStackTrace that spins',
    'Error.prepareStackTrace = () => { for (;;); }; const e = new Error("outer"); e.stack; throw e;',
  ),
  fails(
    57,
    'prepareStackTrace that hands out the frames of the host',
    'found',
    `
      const frames = [];
      Error.prepareStackTrace = (error, some) => { frames.push(...some); return "s"; };
      new Error().stack; try { null.x; } catch (e) { e.stack; } await 0; new Error().stack; console.trace("t");
      fetch(event.url, { headers: { get x() { new Error().stack; return "1"; } } }).catch(() => 0); setTimeout(() => 0, { valueOf() { new Error().stack; return 1; } });
      const told = [];
      for (const frame of frames) { const file = String(frame.getFileName()); if (file === "/var/task/index.js") continue; const fn = frame.getFunction(); const self = frame.getThis(); if (fn !== undefined || self !== undefined) told.push(file + ":" + typeof fn + ":" + typeof self + ":" + frame.getFunctionName()); }
      throw Object.assign(new Error(frames.length + " " + told.join(" ")), { name: "found" });`,
    { message: /^\d+ $/, next: 'own-poison' },
  ),
  fails(
    57,
    'stackTraceLimit without end',
    'Error',
    'Error.stackTraceLimit = Infinity; const deep = (n) => { if (n === 0) throw new Error("deep"); return deep(n - 1) + 1; }; deep(5000);',
    { memorySizeMb: 128 },
  ),
  fails(
    57,
    'stackTraceLimit with a getter',
    'Error',
    'Object.defineProperty(Error, "stackTraceLimit", { get() { return {}; } }); throw new Error("limit");',
    { expected: ['FAIL Error', 'FAIL handled', 'FAIL object'], next: 'own-poison' },
  ),
  fails(
    60,
    'errors of the host’s functions carry no place of the host',
    'found',
    `
      const told = [];
      const say = (run) => { try { run(); } catch (e) { told.push(String(e && e.stack)); } };
      const { createHash } = require("crypto");
      say(() => createHash("nope").update("x").digest()); say(() => crypto.getRandomValues(new Uint8Array(1e6))); say(() => require("fs").readFileSync("/etc/passwd"));
      say(() => setTimeout(1)); say(() => structuredClone(() => 1)); say(() => new URL("::")); say(() => atob("%")); say(() => process.chdir("/")); say(() => process.binding("fs"));
      await fetch("http://10.0.0.1/").catch((e) => told.push(String(e.stack), String(e.cause && e.cause.stack)));
      await fetch("http://[::").catch((e) => told.push(String(e.stack)));
      await crypto.subtle.digest("nope", new Uint8Array(1)).catch((e) => told.push(String(e.stack)));
      throw Object.assign(new Error(told.map((s) => s.slice(0, 300)).join("|").slice(0, 4000)), { name: "found" });`,
  ),
  fails(
    60,
    'error with the arguments of its callers',
    'TypeError',
    'return (function () { return arguments.callee.caller.arguments; })();',
    { expected: ['FAIL TypeError', 'OK'] },
  ),
  fails(
    null,
    'callback with an error that cannot be read',
    'handled',
    'callback({ get name() { throw 1; } }); await new Promise((r) => setTimeout(r, 1000));',
    { expected: ['FAIL handled', 'FAIL object'] },
  ),
  fails(
    null,
    'context.fail with everything',
    ['object', 'string', 'handled'],
    'context.fail({ message: 1 }); context.fail(null); context.succeed(1); await new Promise((r) => setTimeout(r, 1000));',
  ),
  fails(
    null,
    'error of a class that extends nothing sane',
    'Bad',
    'class Bad extends Error { get name() { return "Bad"; } get message() { return "b"; } get stack() { return "Bad: b"; } } throw new Bad();',
  ),
  fails(null, 'DOMException', 'DataCloneError', 'structuredClone(() => 1);', {
    expected: ['FAIL DataCloneError', 'FAIL TypeError'],
  }),
  fails(null, 'exit', 'killed', 'process.exit(3);', { message: /exit status 3$/ }),
  fails(null, 'exit that is caught', 'killed', 'try { process.exit(0); } catch {} return "still here";', {
    message: /without providing a reason/,
  }),
  fails(
    null,
    'exit with what is no number',
    'killed',
    'process.exit({ valueOf() { return 7; }, toString() { return "x"; } });',
    { expected: ['FAIL killed', 'FAIL TypeError'] },
  ),
  fails(null, 'abort', 'killed', 'process.abort();', { message: /exit status 134$/ }),
  fails(
    null,
    'kill, dlopen and what else a process has',
    'found',
    `
      const told = [];
      for (const name of ["kill", "reallyExit", "dlopen", "binding", "_kill", "_debugProcess", "setuid", "send", "disconnect", "umask", "chdir", "loadEnvFile", "getBuiltinModule", "execve"]) {
        try { const fn = process[name]; if (typeof fn !== "function") { told.push(name + ":none"); continue; } const got = fn.call(process, name === "kill" ? process.ppid : "fs", 9); told.push(name + ":" + typeof got); } catch (e) { told.push(name + ":" + e.code); }
      }
      throw Object.assign(new Error(told.join(" ")), { name: "found" });`,
    { expected: ['FAIL found', 'FAIL killed', 'FAIL Error'] },
  ),
];
