/** Handlers that look for a way out: to the host, to other functions, to what was taken away. */
import { fails, type HostileCase, passes } from '../case.ts';

const ABSENT = (name: string): string => `return typeof ${name};`;

export const REACH: readonly HostileCase[] = [
  passes(18, 'Atomics.wait', ABSENT('Atomics'), 'undefined'),
  fails(18, 'Atomics.wait used', 'ReferenceError', 'Atomics.wait(new Int32Array(new SharedArrayBuffer(8)), 0, 0);'),
  fails(19, 'Atomics.waitAsync used', 'ReferenceError', 'await Atomics.waitAsync(new Int32Array(8), 0, 0).value;'),
  fails(
    20,
    'wasm that loops',
    'ReferenceError',
    'new WebAssembly.Instance(new WebAssembly.Module(new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0])));',
  ),
  fails(21, 'wasm memory', 'ReferenceError', 'new WebAssembly.Memory({ initial: 1, maximum: 32768 }).grow(32767);'),
  fails(
    22,
    'many wasm memories',
    'ReferenceError',
    'const a = []; for (;;) a.push(new WebAssembly.Memory({ initial: 100 }));',
  ),
  fails(
    30,
    'SharedArrayBuffer',
    'ReferenceError',
    'const a = []; for (;;) a.push(new SharedArrayBuffer(1e7, { maxByteLength: 1e9 }));',
  ),
  passes(
    30,
    'taken away for good',
    `
      const names = ["WebAssembly", "SharedArrayBuffer", "Atomics"];
      const found = names.filter((name) => name in globalThis);
      for (const name of names) { try { if ((0, eval)(name)) found.push(name); } catch {} try { if (new Function("return " + name)()) found.push(name); } catch {} }
      const buffers = [ArrayBuffer, new Uint8Array(1).buffer.constructor, Reflect.getPrototypeOf(class extends ArrayBuffer {}), Object.getPrototypeOf(new ArrayBuffer(1)).constructor, structuredClone(new ArrayBuffer(1)).constructor];
      for (const B of buffers) { const b = new B(8, { maxByteLength: 1 << 30 }); if (b.resize || b.transfer || b.resizable || b.maxByteLength) found.push("resize"); }
      for (const T of [Uint8Array, Float64Array, DataView]) if (new T(new ArrayBuffer(8, { maxByteLength: 16 })).buffer.resizable) found.push("resizable");
      return [found, Object.getOwnPropertyNames(ArrayBuffer.prototype).sort()];`,
    [[], ['byteLength', 'constructor', 'slice']],
  ),
  passes(
    10,
    'finalizers never run, references hold',
    `
      let ran = 0;
      const registry = new FinalizationRegistry(() => { ran++; for (;;); });
      for (let i = 0; i < 1e5; i++) registry.register({}, i);
      const held = new WeakRef({ a: 1 });
      const junk = []; for (let i = 0; i < 2e5; i++) junk.push({ i });
      await new Promise((r) => setTimeout(r, 20));
      return [ran, held.deref().a, String(held), registry.unregister({})];`,
    [0, 1, '[object WeakRef]', false],
  ),
  passes(
    58,
    'process by way of constructors',
    `
      const found = [];
      const look = (fn) => { try { const got = fn(); if (got && got.constructor && got.constructor.constructor) { const host = got.constructor.constructor("return [typeof require, typeof process !== 'undefined' && typeof process.binding, typeof globalThis.ivm, typeof process !== 'undefined' && process.mainModule]")(); if (host[0] === "function" || host[2] !== "undefined" || host[3]) found.push(host); } } catch {} };
      look(() => ({})); look(() => context); look(() => event); look(() => callback); look(() => console.log); look(() => setTimeout(() => 0, 0)); look(() => fetch); look(() => fetch("http://10.0.0.1/").catch(() => 0));
      look(() => process.env); look(() => require); look(() => module); look(() => crypto); look(() => new Error().stack); look(() => { try { null.x; } catch (e) { return e; } });
      look(() => { try { const f = () => f(); f(); } catch (e) { return e; } }); look(() => context.getRemainingTimeInMillis); look(() => (async () => 1)()); look(() => performance); look(() => structuredClone({}));
      return found;`,
    [],
  ),
  passes(
    59,
    'names of Node and of the isolate’s maker',
    `
      const names = ["ivm", "isolate", "__millrace", "require", "module", "exports", "__filename", "_ivm", "$0", "host", "Reference", "Callback", "gc", "d8", "print", "load", "quit", "version", "natives", "internalBinding", "primordials", "NativeModule"];
      return names.filter((name) => name in globalThis);`,
    [],
  ),
  fails(59, 'natives syntax', 'SyntaxError', 'return (0, eval)("%DebugPrint({})");'),
  passes(
    61,
    'import of a module of Node',
    'try { const fs = await import("fs"); return typeof fs.readFileSync === "function" ? (() => { try { return fs.readFileSync("/etc/passwd").length; } catch (e) { return "refused"; } })() : "refused"; } catch { return "refused"; }',
    'refused',
  ),
  passes(
    61,
    'import by eval and by Function',
    'const out = []; for (const make of [() => (0, eval)("import(\'fs\')"), () => new Function("return import(\'node:fs\')")(), () => new Function("return import(\'data:text/javascript,export default 1\')")(), () => new (async () => {}).constructor("return import(\'/etc/passwd\')")()]) { try { const m = await make(); out.push(Object.keys(m).length); } catch (e) { out.push("refused"); } } return out;',
    ['refused', 'refused', 'refused', 'refused'],
  ),
  fails(61, 'import.meta', 'SyntaxError', 'return (0, eval)("import.meta");'),
  passes(
    61,
    'files, processes, sockets, threads',
    `
      const tried = { fs: (m) => m.readFileSync("/etc/passwd"), child_process: (m) => m.execSync("id"), net: (m) => m.connect(6379, "127.0.0.1"), worker_threads: (m) => new m.Worker("1", { eval: true }), vm: (m) => m.runInThisContext("process"), v8: (m) => m.setFlagsFromString("--expose-gc"), inspector: (m) => m.open(), dns: (m) => m.lookup("localhost", () => 0), cluster: (m) => m.fork(), tls: (m) => m.connect(443, "127.0.0.1"), dgram: (m) => m.createSocket("udp4") };
      const reached = [];
      for (const [name, use] of Object.entries(tried)) { try { const got = use(require(name)); if (name === "fs" ? String(got).includes("root:") : true) reached.push(name); } catch {} }
      return reached;`,
    [],
  ),
  passes(
    61,
    'require cannot be led astray',
    'const out = []; for (const name of ["/etc/passwd", "../../../etc/passwd", "./child.cjs", "file:///etc/passwd", "node:fs/../child_process", "__proto__", "constructor", "toString", "hasOwnProperty", {}, null, 5, { toString: () => "fs" }, "fs\\u0000", "x".repeat(1e6)]) { try { const got = require(name); out.push(typeof got === "object" || typeof got === "function" ? (name === "fs" || (name && name.toString && String(name) === "fs") ? "fs" : "got " + String(name).slice(0, 20)) : typeof got); } catch { } } return out.filter((x) => x !== "fs");',
    [],
  ),
  passes(
    71,
    'globals of other functions',
    'const own = Object.getOwnPropertyNames(globalThis).filter((name) => /victim|canary/i.test(name)); return [own, typeof victimCount, JSON.stringify(process.env).includes("canary")];',
    [[], 'undefined', false],
  ),
  passes(
    71,
    'environment of the daemon',
    'return [Object.keys(process.env).filter((name) => /CANARY|HOME|USER|SHELL|PWD|PATH|REDIS/.test(name)), process.argv.length > 3, process.execArgv];',
    [[], false, []],
  ),
  passes(
    71,
    'memory that was not cleared',
    'const seen = []; for (let i = 0; i < 200; i++) { for (const b of [Buffer.allocUnsafe(4096), Buffer.allocUnsafeSlow(65536), Buffer.from(new ArrayBuffer(4096))]) { if (b.includes("canary")) seen.push(i); } } return seen;',
    [],
  ),
  passes(
    71,
    'earlier event by way of RegExp statics and caches',
    'return [RegExp.$1, RegExp.lastMatch, RegExp.input, RegExp["$`"]].some((s) => /canary/.test(s));',
    false,
  ),
  passes(
    72,
    'clocks are coarse',
    `
      const steps = new Set(); for (let i = 0; i < 1e5; i++) { steps.add(Date.now() % 1); steps.add(performance.now() % 1); }
      const hr = process.hrtime.bigint ? process.hrtime.bigint() % 1000000n : 0n;
      return [[...steps].every((step) => step === 0), hr === 0n, performance.timeOrigin % 1 === 0];`,
    [true, true, true],
  ),
  passes(
    72,
    'no clock finer than a millisecond by events',
    'const e = new Event("x"); return [e.timeStamp % 1, typeof requestAnimationFrame, typeof MessageChannel === "undefined" || typeof MessageChannel, typeof Worker].filter((x) => x !== 0 && x !== "undefined" && x !== true && x !== "function");',
    [],
  ),
  passes(
    null,
    'debugger, with and labels',
    'debugger; return new Function("o", "with (o) { return x; }")({ x: 1 });',
    1,
  ),
  fails(null, 'code that depends on the file name of the child', 'ReferenceError', 'return __non_existing_global__;'),
];
