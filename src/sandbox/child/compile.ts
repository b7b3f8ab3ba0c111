/** Scripts as V8 compiles them here, and the code caches that spare it the work the next time. */
import { setFlagsFromString } from 'node:v8';
import type ivm from 'isolated-vm';
import { BUNDLE_OPENING } from '../protocol.ts';

const BUNDLE_ORIGIN = { filename: '/var/task/index.js', columnOffset: -BUNDLE_OPENING.length };
/** Memory for compiling only; a bundle of 5 MB takes about 100 MB. */
const COMPILE_MEMORY_MB = 512;
/**
 * V8 compiles the functions that it sees being called at once, the others when they are called. Of what bundlers make of modules that is most
 * (its cache is about half as large as the text), of CommonJS packages next to nothing, because each is wrapped in a function.
 * Below this share everything is compiled for the cache: loading lodash, date-fns and ajv then takes 9 ms instead of 15. Above it the larger
 * cache costs more than it saves (3.5 MB of small functions: 6 ms instead of 1).
 */
const COMPILED_SHARE = 0.4;

type Origin = { readonly filename: string; readonly columnOffset?: number };

export interface Compiler {
  readonly lib: typeof ivm;
  readonly isolate: ivm.Isolate;
}

export function compilePlain(on: Compiler, code: string, filename: string, cache: Buffer): ivm.Script {
  return compile(on, code, { filename }, cache);
}

/** Its value is the function whose body the bundle is. */
export function compileBundle(on: Compiler, text: string, cache: Buffer): ivm.Script {
  return compile(on, text, BUNDLE_ORIGIN, cache);
}

function compile({ lib, isolate }: Compiler, text: string, origin: Origin, cache: Buffer): ivm.Script {
  if (cache.length === 0) return isolate.compileScriptSync(text, origin);
  // Its own memory: what a frame holds is overwritten by the next read.
  const bytes = cache.buffer.slice(cache.byteOffset, cache.byteOffset + cache.length) as ArrayBuffer;
  const cachedData = new lib.ExternalCopy(bytes, { transferOut: true });
  return isolate.compileScriptSync(text, { ...origin, cachedData });
}

/** Code caches of scripts that are compiled and not run; empty for one that has a syntax error. */
export function codeCaches(
  lib: typeof ivm,
  scripts: readonly { readonly bundle: boolean; readonly code: string }[],
): Buffer[] {
  return scripts.map(({ bundle, code }) => {
    try {
      if (!bundle) return cacheOf(lib, code, { filename: 'millrace:script' }, false);
      const quick = cacheOf(lib, code, BUNDLE_ORIGIN, false);
      return quick.length < code.length * COMPILED_SHARE ? cacheOf(lib, code, BUNDLE_ORIGIN, true) : quick;
    } catch {
      // The function's own first start will say what is wrong with it.
      return Buffer.alloc(0);
    }
  });
}

/** In an isolate of its own: one that has compiled the text before would answer with what it has. */
function cacheOf(lib: typeof ivm, text: string, origin: Origin, everything: boolean): Buffer {
  const isolate = new lib.Isolate({ memoryLimit: COMPILE_MEMORY_MB });
  try {
    if (everything) compileAll(isolate, text, origin);
    // A cache names the flags that it was made under: those of the children that take it. What is compiled already stays in it.
    const script = isolate.compileScriptSync(text, { ...origin, produceCachedData: true }) as {
      cachedData?: ivm.ExternalCopy<ArrayBuffer>;
    };
    return script.cachedData === undefined ? Buffer.alloc(0) : Buffer.from(script.cachedData.copy());
  } finally {
    isolate.dispose();
  }
}

function compileAll(isolate: ivm.Isolate, text: string, origin: Origin): void {
  setFlagsFromString('--no-lazy');
  try {
    isolate.compileScriptSync(text, origin);
  } finally {
    setFlagsFromString('--lazy');
  }
}
