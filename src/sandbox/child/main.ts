/**
 * The child: makes an isolate ready, waits for the function that it is for, then runs one invocation after the other. It is given nothing but its pipe; it decides nothing
 * about time or memory (the daemon does, from outside) and ends when the pipe ends.
 * Arguments: path of isolated-vm's native file, process id of the daemon, `watch` where the system does not end it with the daemon.
 */
import { closeSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import type ivm from 'isolated-vm';
import { SETTLE_FATAL, SETTLE_INIT, SETTLE_RESULT } from '../isolate/host.ts';
import {
  COMPILE,
  COMPILED,
  FAILURE,
  FETCH,
  FETCH_CANCEL,
  FLAG_ASCII,
  FLAG_BODY,
  FLAG_ERROR,
  FLAG_FATAL,
  type Frame,
  INIT,
  INIT_DONE,
  type InitHead,
  INVOKE,
  LOG,
  OUT_OF_MEMORY,
  packParts,
  PREPARE,
  PREPARED,
  type PrepareHead,
  READY,
  RESULT,
  unpackParts,
} from '../protocol.ts';
import { Channel } from './channel.ts';
import { codeCaches } from './compile.ts';
import { collectOwn, Garbage } from './garbage.ts';
import { BundleSyntaxError, IsolateGone, IsolateHost, type Outward } from './host.ts';
import { rehearse } from './rehearsal.ts';

const PIPE_FD = 3;
/** Timers that are due at once run without the event loop, up to so many in a row: then arrived responses get their turn. */
const TICKS_IN_A_ROW = 32;
const EMPTY = Buffer.alloc(0);

const [nativePath, parentPid, guard] = process.argv.slice(2);
const native = { exports: {} as { ivm: typeof ivm } };
process.dlopen(native, nativePath!);
// Handed over as descriptors where its user may not read the files themselves: both are read now.
for (const path of [process.argv[1]!, nativePath!]) {
  const fd = /^\/proc\/self\/fd\/(\d+)$/.exec(path)?.[1];
  if (fd !== undefined) closeSync(Number(fd));
}

const channel = new Channel(PIPE_FD);
/** In the isolate, and here. */
const garbage = new Garbage();
const ownGarbage = new Garbage();
let host: IsolateHost | null = null;
let limits: PrepareHead['limits'] | null = null;
/** The isolate belongs to a function from now on. */
let taken = false;
let busy = false;
let timer: NodeJS.Timeout | null = null;

function end(): never {
  // process.exit waits for the isolate's thread, which user code may hold.
  process.kill(process.pid, 'SIGKILL');
  for (;;);
}

/** Held until the isolate is left: a rejection that nobody handles shows only when the microtasks are drained, and it overrules a result. */
let settled: { readonly kind: number; readonly text: string; readonly dropped: number } | null = null;

function flush(): void {
  if (settled === null) return;
  const { kind, text, dropped } = settled;
  settled = null;
  busy = false;
  if (kind === SETTLE_INIT) return channel.sendText(INIT_DONE, 0, null, '');
  const { resultBytes } = limits!;
  // A character is at most three bytes: only then is it worth counting.
  if (kind === SETTLE_RESULT && text.length * 3 > resultBytes && Buffer.byteLength(text) > resultBytes) {
    const message = `Response payload size exceeded maximum allowed payload size (${resultBytes} bytes).`;
    channel.sendText(FAILURE, 0, dropped, errorText('Function.ResponseSizeTooLarge', message));
  } else if (kind === SETTLE_RESULT) channel.sendText(RESULT, 0, dropped, text);
  else channel.sendText(FAILURE, kind === SETTLE_FATAL ? FLAG_FATAL : 0, dropped, text);
}

function errorText(errorType: string, message: string, trace: readonly string[] = []): string {
  return JSON.stringify({ errorType, errorMessage: message.slice(0, limits!.errorTextBytes), trace });
}

const outward: Outward = {
  settle: (kind, text, dropped) => {
    settled = { kind, text, dropped };
    ownGarbage.crossed(text.length);
  },
  unhandled: (text, trace) => {
    if (settled !== null && settled.kind !== SETTLE_RESULT && settled.kind !== SETTLE_INIT)
      settled = { ...settled, kind: SETTLE_FATAL };
    else if (busy)
      settled = {
        kind: SETTLE_FATAL,
        text: errorText('Runtime.UnhandledPromiseRejection', text, trace),
        dropped: settled?.dropped ?? 0,
      };
  },
  log: (level, text) => {
    ownGarbage.crossed(text.length);
    channel.send(LOG, level, null, Buffer.from(text, 'utf8').subarray(0, limits!.logLineBytes));
  },
  startFetch: (id, head, body) => {
    ownGarbage.crossed(head.length + (body?.length ?? 0));
    const parts = [Buffer.from(head, 'utf8'), body === null ? EMPTY : Buffer.from(body, 'base64')];
    channel.send(FETCH, body === null ? 0 : FLAG_BODY, id, packParts(parts));
  },
  cancelFetch: (id) => channel.send(FETCH_CANCEL, 0, id, EMPTY),
};

/** A name, never a path that the C library would open. */
function timeZone(wanted: string | undefined): string {
  const name = (wanted ?? '').replace(/^:/, '');
  return /^[A-Za-z][\w+-]*(\/[A-Za-z][\w+-]*)*$/.test(name) ? name : 'UTC';
}

/** A new isolate with our own scripts in it. One that waited for a function of another size goes. */
function prepare(payload: Buffer): void {
  if (taken) throw new Error('an isolate that has a function is not given up for another');
  host?.dispose();
  const [headBytes, bootstrap, prelude, bootstrapCache, preludeCache] = unpackParts(payload, 5) as [
    Buffer,
    Buffer,
    Buffer,
    Buffer,
    Buffer,
  ];
  const head = JSON.parse(headBytes.toString('utf8')) as PrepareHead;
  limits = head.limits;
  const scripts = {
    bootstrap: bootstrap.toString('utf8'),
    prelude: prelude.toString('utf8'),
    bootstrapCache,
    preludeCache,
  };
  if (head.rehearse) rehearse(native.exports.ivm, head, scripts);
  host = new IsolateHost(native.exports.ivm, head, scripts, outward);
  channel.send(PREPARED, 0, null, EMPTY);
}

function init(payload: Buffer, ascii: boolean): void {
  if (taken) throw new Error('an isolate serves one function');
  taken = true;
  const [headBytes, bundle, bundleCache] = unpackParts(payload, 3) as [Buffer, Buffer, Buffer];
  const head = JSON.parse(headBytes.toString('utf8')) as InitHead;
  // The isolate's Date takes it over when it first needs a zone, and our own scripts need none. As in Lambda: UTC, unless the function's
  // environment names another.
  process.env['TZ'] = timeZone(head.environment['TZ']);
  try {
    host!.load(head, bundle.toString(ascii ? 'latin1' : 'utf8'), bundleCache);
  } catch (error) {
    if (!(error instanceof BundleSyntaxError)) throw error;
    outward.settle(SETTLE_FATAL, errorText('Runtime.UserCodeSyntaxError', `SyntaxError: ${error.message}`), 0);
  }
}

function handle(frame: Frame): void {
  const { type, flags, payload } = frame;
  if (type === COMPILE) {
    const [kinds, ...scripts] = unpackParts(payload) as [Buffer, ...Buffer[]];
    const caches = codeCaches(
      native.exports.ivm,
      scripts.map((script, i) => ({ bundle: kinds[i] === 1, code: script.toString('utf8') })),
    );
    channel.send(COMPILED, 0, null, packParts(caches));
  } else if (type === PREPARE) {
    prepare(payload);
  } else if (type === INIT) {
    busy = true;
    init(payload, (flags & FLAG_ASCII) !== 0);
  } else if (type === INVOKE) {
    busy = true;
    const headBytes = payload.readUInt32LE(0);
    const head = payload.toString('utf8', 4, 4 + headBytes);
    const event =
      (flags & FLAG_ASCII) !== 0 ? payload.toString('latin1', 4 + headBytes) : payload.toString('utf8', 4 + headBytes);
    garbage.crossed(event.length);
    host!.invoke(event, head);
  } else if (busy) {
    const id = payload.readUInt32LE(0);
    const [head, body] = unpackParts(payload.subarray(4), 2) as [Buffer, Buffer];
    garbage.crossed(body.length);
    host!.fetchDone(id, head.toString('utf8'), body.toString('base64'), (flags & FLAG_ERROR) !== 0);
  }
  flush();
}

/** Runs due timers; answers the ms to wait for the next, or a negative number when only the pipe can help. */
function advance(): number {
  for (let ticks = 0; busy; ticks++) {
    const wait = host!.poll();
    flush();
    if (!busy || wait !== 0 || ticks >= TICKS_IN_A_ROW) return wait;
    host!.tick();
    flush();
  }
  return -1;
}

/** Between invocations, when the last answer is out. */
function collectGarbage(): void {
  if (host !== null && garbage.due) garbage.collected(host.collect());
  if (!ownGarbage.due) return;
  collectOwn();
  ownGarbage.collected(0);
}

function run(): void {
  if (timer !== null) clearTimeout(timer);
  timer = null;
  for (;;) {
    const ready = channel.take();
    if (ready !== undefined) {
      handle(ready);
      continue;
    }
    const wait = busy ? advance() : -1;
    if (busy && wait >= 0) {
      channel.readLater(arrived);
      timer = setTimeout(guarded, wait);
      return;
    }
    if (!busy) collectGarbage();
    // A read that libuv has under way gets the next bytes; the event loop brings them.
    if (channel.reading) return;
    const next = channel.wait();
    if (next === undefined) end();
    handle(next);
  }
}

function arrived(open: boolean): void {
  if (!open) end();
  guarded();
}

function guarded(): void {
  try {
    run();
  } catch (error) {
    if (error instanceof IsolateGone) channel.sendText(OUT_OF_MEMORY, 0, null, '');
    else process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
    end();
  }
}

// Where nothing else does: a second thread that user code cannot hold blocks on a pipe that is never written, and ends all at its end.
if (guard === 'watch') {
  const watch = "require('node:fs').readSync(0, Buffer.alloc(1)); process.kill(process.pid, 'SIGKILL')";
  new Worker(watch, { eval: true, stdin: false });
}
// The daemon may have died before this child asked to die with it.
if (process.ppid !== Number(parentPid)) end();
channel.sendText(READY, 0, null, '');
guarded();
