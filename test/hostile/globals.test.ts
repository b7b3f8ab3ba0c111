/**
 * What an isolate sees (59 of the list of hostile handlers): exactly the names of golden-globals.json, nothing that leads into another realm,
 * none of the functions through which the bootstrap reaches the child.
 */
import { readFileSync } from 'node:fs';
import { createContext, runInContext } from 'node:vm';
import { describe, expect, test } from 'vitest';
import { resultOf, useRuntime } from '../support/runtime.ts';
import { WALK } from '../support/realm-walk.ts';

const box = useRuntime();

interface Golden {
  /** Names of own properties, symbols as their text, by what has them. */
  readonly names: Readonly<Record<string, readonly string[]>>;
  /** What a Node from that major version on has besides. */
  readonly since: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>>;
}
const golden = JSON.parse(readFileSync(new URL('golden-globals.json', import.meta.url), 'utf8')) as Golden;
const major = Number(process.versions.node.split('.')[0]);

function expectedOf(what: string): string[] {
  const later = Object.entries(golden.since).filter(([from]) => major >= Number(from));
  return [...golden.names[what]!, ...later.flatMap(([, names]) => names[what] ?? [])].sort();
}

/** Objects that no name leads to, in any realm. */
const OF_THE_LANGUAGE = `{
  generator: function* () {}, asyncGenerator: async function* () {}, async: async () => {}, running: (function* () {})(), entries: new Map().entries(),
  values: new Set().values(), iterator: [][Symbol.iterator](), matches: 'x'.matchAll(/x/g), arguments: (function () { return arguments })(),
  match: /(?<a>x)/.exec('x'), segments: new Intl.Segmenter().segment('x'), helper: [].values().map((x) => x), wrapped: Iterator.from({ next() {} }),
}`;

describe('an isolate sees', () => {
  test('the documented names and no other', async () => {
    const code = `exports.handler = async (event, context) => {
      const of = { globalThis, process, console, crypto, 'crypto.subtle': crypto.subtle, performance, context, ArrayBuffer, WeakRef, FinalizationRegistry };
      for (const of_ of ['ArrayBuffer', 'WeakRef', 'FinalizationRegistry']) of[of_ + '.prototype'] = globalThis[of_].prototype;
      return Object.fromEntries(Object.entries(of).map(([what, object]) => [what, Reflect.ownKeys(object).map(String).sort()]));
    }`;
    const seen = resultOf(await box.once(code)) as Record<string, string[]>;
    expect(seen).toEqual(Object.fromEntries(Object.keys(golden.names).map((what) => [what, expectedOf(what)])));
  });

  test('its own stand-ins for what could outlive an invocation or grow past the cap', async () => {
    const code = `exports.handler = async () => {
      const native = (fn) => /native code/.test(Function.prototype.toString.call(fn));
      const all = [WeakRef, FinalizationRegistry, ArrayBuffer, new Uint8Array(1).buffer.constructor];
      return all.map((fn) => [fn.name, native(fn), fn === fn.prototype.constructor]);
    }`;
    expect(resultOf(await box.once(code))).toEqual([
      ['WeakRef', false, true],
      ['FinalizationRegistry', false, true],
      ['ArrayBuffer', false, true],
      ['ArrayBuffer', false, true],
    ]);
  });
});

describe('from everything that a handler is given', () => {
  test('no way leads into another realm, and no function that is not JavaScript is there but V8’s own', async () => {
    const code = `${WALK}
    exports.handler = async (event, context, callback) => {
      const roots = { globalThis, event, context, callback, require, exports, module, handler: exports.handler };
      const caught = (name, act) => { try { roots[name] = act() } catch (error) { roots[name + ' threw'] = error } };
      const waited = async (name, act) => { try { roots[name] = await act() } catch (error) { roots[name + ' threw'] = error } };
      caught('null.x', () => null.x);
      caught('syntax', () => eval('('));
      caught('stack', () => { const f = () => f() + 1; return f() });
      caught('range', () => new Array(-1));
      caught('no module', () => require('nope'));
      caught('refused', () => require('child_process').spawn('x'));
      caught('chdir', () => process.chdir('/'));
      caught('exit', () => JSON.parse('{'));
      await waited('fetched', () => fetch('http://x/'));
      await waited('failed', () => fetch('http://x/fail'));
      await waited('import', () => import('fs'));
      await waited('digest', () => crypto.subtle.digest('SHA-256', new Uint8Array(3)));
      for (const name of require('module').builtinModules) caught('require ' + name, () => require(name));
      Object.assign(roots, {
        ...${OF_THE_LANGUAGE}, timer: setTimeout(() => {}, 0), immediate: setImmediate(() => {}),
        random: crypto.getRandomValues(new Uint8Array(4)), hash: require('crypto').createHash('sha256'),
      });
      Error.prepareStackTrace = (error, sites) => sites;
      const sites = [];
      const look = () => { for (const site of new Error().stack) sites.push(site.getFunction(), site.getThis()) };
      look();
      await new Promise((resolve) => setTimeout(() => { look(); resolve() }, 0));
      await new Promise((resolve) => queueMicrotask(() => { look(); resolve() }));
      await fetch({ toString() { look(); return 'http://x/' } });
      String({ [Symbol.toPrimitive]() { look(); return '' } });
      JSON.stringify({ toJSON() { look() } });
      console.log({ get x() { look(); return 1 }, [Symbol.for('nodejs.util.inspect.custom')]() { look(); return 'x' } });
      Error.prepareStackTrace = undefined;
      function sloppy() { sites.push(sloppy.caller, sloppy.arguments) }
      sloppy();
      await new Promise((resolve) => setTimeout(() => { sloppy(); resolve() }, 0));
      await new Promise((resolve) => { setTimeout(sloppy, 0); setTimeout(resolve, 5) });
      const own = sites.filter((site) => typeof site === 'function').map((fn) => Function.prototype.toString.call(fn));
      return { ...walk([...Object.entries(roots), ...sites.map((site, i) => ['site ' + i, site])]), own };
    }`;
    const got = resultOf(await box.once(code, { a: [1] }, { timeoutMs: 25_000, memorySizeMb: 256 })) as {
      seen: number;
      foreign: string[];
      native: string[];
      own: string[];
    };
    expect(got.seen).toBeGreaterThan(2_000);
    expect(got.foreign).toEqual([]);
    // Every function on the stack that shows itself is written in the handler above: ours are strict.
    for (const source of got.own) expect(code).toContain(source);
    // V8's own, as a context has them that nothing was added to. What else is native is a function bound to something, or a way out.
    const fresh = runInContext(
      `${WALK}; walk(Object.entries({ globalThis, ...${OF_THE_LANGUAGE} }))`,
      createContext(),
    ) as {
      native: string[];
    };
    const known = new Set(fresh.native.map((path) => path.split('.').at(-1)!));
    const unknown = got.native.filter((path) => !known.has(path.split('.').at(-1)!));
    // ArrayBuffer.isView under the name that Node gives it.
    expect(unknown).toEqual(['require util/types.isArrayBufferView']);
  });

  test('a foreign realm would be seen', () => {
    const other = runInContext('({ f() {} })', createContext()) as object;
    const look = runInContext(`${WALK}; (other) => walk([['other', other]])`, createContext()) as (it: object) => {
      foreign: string[];
    };
    expect(look(other).foreign).toEqual(expect.arrayContaining(['other', 'other.f']));
  });
});
