/** Handlers that spoil what the language is made of: for their own later invocations at most, never for the machinery around them. */
import { fails, type HostileCase, passes } from '../case.ts';

const EVERY_PROTOTYPE =
  '[Object, Array, Function, String, Number, Boolean, Symbol, BigInt, Promise, RegExp, Date, Error, TypeError, Map, Set, WeakMap, WeakSet, ArrayBuffer, Uint8Array, DataView].map((C) => C.prototype)';

export const POLLUTION: readonly HostileCase[] = [
  passes(
    49,
    'members on every prototype',
    `for (const p of ${EVERY_PROTOTYPE}) { p.polluted = 1; p.kind = "ok"; p.errorType = "x"; p.text = "forged"; p.type = 18; p.length2 = 5; } return 1;`,
    1,
  ),
  passes(
    49,
    'setters that swallow on Object.prototype',
    `for (const key of ["done", "type", "trace", "errorType", "errorMessage", "kind", "result", "id", "head", "body", "headers", "status", "started", "queued", "due", "next", "previous", "once", "signal", "ok"]) Object.defineProperty(Object.prototype, key, { get() { return undefined; }, set() {}, configurable: true }); return 1;`,
    1,
    { next: 'plain' },
  ),
  passes(
    49,
    'setters for indices on Array.prototype',
    'for (const i of [0, 1, 2, 3]) Object.defineProperty(Array.prototype, i, { get() { return "owned"; }, set() { throw new Error("index"); }, configurable: true }); return 1;',
    1,
    { next: 'plain' },
  ),
  passes(
    49,
    'toJSON on Object.prototype after the result',
    'setTimeout(() => 0, 0); Object.defineProperty(Object.prototype, "toJSON", { value: undefined, configurable: true, writable: true }); return { a: 1 };',
    { a: 1 },
  ),
  passes(
    49,
    'own key and symbol iterator of arrays replaced',
    'Array.prototype[Symbol.iterator] = function* () { for (;;) yield "forged"; }; return { a: 1 };',
    { a: 1 },
    { next: 'own-poison', timeoutMs: 2_000 },
  ),
  passes(
    49,
    'iterator prototypes replaced',
    'const I = Object.getPrototypeOf(Object.getPrototypeOf([][Symbol.iterator]())); const A = Object.getPrototypeOf([][Symbol.iterator]()); A.next = () => { throw new Error("next"); }; I.return = () => { throw 1; }; return { a: 1 };',
    { a: 1 },
    { next: 'plain' },
  ),
  passes(
    50,
    'JSON and String replaced',
    'JSON.stringify = () => `{"forged":1}`; JSON.parse = () => ({ forged: 1 }); globalThis.String = () => "forged"; globalThis.JSON = null; return { real: 1 };',
    { real: 1 },
    { next: 'plain' },
  ),
  passes(
    50,
    'Promise and its methods replaced',
    'Promise.prototype.then = () => { throw 1; }; Promise.prototype.catch = Promise.prototype.finally = null; Promise.resolve = Promise.reject = Promise.all = () => { throw 1; }; Promise.prototype.constructor = null; return { real: 1 };',
    { real: 1 },
    { next: 'plain' },
  ),
  passes(
    50,
    'call, apply, bind and Reflect replaced',
    'Function.prototype.call = Function.prototype.apply = Function.prototype.bind = () => "forged"; for (const key of Reflect.ownKeys(Reflect)) { try { Reflect[key] = () => "forged"; } catch {} } return { real: 1 };',
    { real: 1 },
    { next: 'plain' },
  ),
  passes(
    50,
    'string, array and object methods replaced',
    `const no = () => { throw new Error("replaced"); };
      for (const p of [String.prototype, Array.prototype, RegExp.prototype, Map.prototype, Set.prototype, Uint8Array.prototype, Object.getPrototypeOf(Uint8Array.prototype)]) for (const key of Object.getOwnPropertyNames(p)) { if (key === "constructor") continue; try { Object.defineProperty(p, key, { value: no, configurable: true, writable: true }); } catch {} }
      return { real: 1 };`,
    { real: 1 },
    { next: 'plain' },
  ),
  passes(
    50,
    'Object’s functions replaced',
    'for (const key of Object.getOwnPropertyNames(Object)) { try { Object[key] = () => { throw 1; }; } catch {} } return { real: 1 };',
    { real: 1 },
    { next: 'plain' },
  ),
  passes(
    50,
    'every global deleted',
    'for (const key of Object.getOwnPropertyNames(globalThis)) { try { delete globalThis[key]; } catch {} } return { real: 1 };',
    { real: 1 },
    { next: 'plain' },
  ),
  passes(
    50,
    'every global replaced by a proxy that throws',
    'const p = new Proxy(function () {}, { get() { throw 1; }, apply() { throw 1; }, construct() { throw 1; } }); for (const key of Object.getOwnPropertyNames(globalThis)) { try { globalThis[key] = p; } catch {} } return { real: 1 };'.replace(
      'return',
      'return',
    ),
    { real: 1 },
    { next: 'plain' },
  ),
  passes(
    50,
    'every global frozen',
    'for (const key of Object.getOwnPropertyNames(globalThis)) { try { Object.freeze(globalThis[key]); if (globalThis[key] && globalThis[key].prototype) Object.freeze(globalThis[key].prototype); } catch {} } Object.freeze(Object.prototype); Object.freeze(Function.prototype); try { Object.freeze(globalThis); } catch {} return { real: 1 };',
    { real: 1 },
    { next: 'plain' },
  ),
  passes(
    50,
    'prototype of globalThis replaced',
    'try { Object.setPrototypeOf(globalThis, null); } catch {} try { Object.setPrototypeOf(Object.prototype, { then: 1 }); } catch {} return { real: 1 };',
    { real: 1 },
    { next: 'plain' },
  ),
  passes(
    50,
    'timers, console and fetch replaced',
    'globalThis.setTimeout = globalThis.fetch = globalThis.queueMicrotask = () => { throw 1; }; for (const key of Object.keys(console)) console[key] = () => { throw 1; }; process.env = null; process.exit = () => 0; return { real: 1 };',
    { real: 1 },
    { next: 'own-poison' },
  ),
  passes(
    50,
    'clocks replaced',
    'Date.now = () => -1; globalThis.Date = class { static now() { throw 1; } }; performance.now = () => { throw 1; }; return { real: 1 };',
    { real: 1 },
  ),
  fails(
    50,
    'Error replaced, then a throw',
    'TypeError',
    'const T = TypeError; globalThis.Error = globalThis.TypeError = null; Error?.prototype; T.prototype.toString = () => { throw 1; }; throw new T("real");',
    { message: /^real$/ },
  ),
  fails(
    50,
    'members of errors replaced, then a throw',
    ['TypeError', 'handled'],
    'Object.defineProperty(TypeError.prototype, "name", { get() { throw 1; } }); throw new TypeError("real");',
    { next: 'plain' },
  ),
  passes(
    50,
    'symbols that the language asks for',
    'for (const symbol of [Symbol.toPrimitive, Symbol.toStringTag, Symbol.hasInstance, Symbol.isConcatSpreadable, Symbol.unscopables, Symbol.match, Symbol.asyncIterator]) { try { Object.defineProperty(Object.prototype, symbol, { get() { throw new Error("symbol"); }, configurable: true }); } catch {} } return 1;',
    1,
    { next: 'plain' },
  ),
  passes(
    50,
    'RegExp.prototype.exec and flags',
    'RegExp.prototype.exec = () => { throw 1; }; RegExp.prototype.test = () => true; Object.defineProperty(RegExp.prototype, "flags", { get() { throw 1; } }); return { real: 1 };',
    { real: 1 },
    { next: 'plain' },
  ),
  {
    number: 50,
    name: 'module state of the runtime spoiled by what it exports',
    module: `const util = require("util"), events = require("events"), buffer = require("buffer");
      exports.handler = async (event) => { if (event.next) return { next: true };
        for (const m of [util, events, buffer, require("crypto"), require("timers"), require("process")]) for (const key of Object.keys(m)) { try { m[key] = () => { throw new Error("spoilt"); }; } catch {} }
        console.log("formatted", { a: 1 }); return { real: 1 }; };`,
    expected: ['OK'],
    result: '{"real":1}',
    next: 'own-poison',
  },
  {
    number: 50,
    name: 'formatter of the console replaced by way of util',
    module: `exports.handler = async (event) => { if (event.next) { console.log("next"); return { next: true }; } const util = require("util"); util.inspect = util.format = () => { for (;;); }; util.inspect.custom = Symbol("x"); Object.prototype[Symbol.for("nodejs.util.inspect.custom")] = () => "forged"; console.log("plain"); return 1; };`,
    expected: ['OK'],
    result: '1',
    logs: { lines: 1 },
    next: 'own-poison',
  },
];
