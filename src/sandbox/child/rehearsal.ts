/**
 * Loads and invokes a function of our own, in an isolate that is thrown away, while nobody waits. The pages of V8 that every start touches and the
 * memory that copies of a bundle need are then there: a page fault costs up to 4 µs, and a first start had 500 to 1,600 of them (4.1 ms instead of
 * 5.2 for 500 kB of small functions, 16 instead of 19 for lodash, date-fns and ajv). It takes 50 ms of CPU and 6 MB.
 */
import type ivm from 'isolated-vm';
import { SETTLE_RESULT } from '../isolate/host.ts';
import { BUNDLE_CLOSING, BUNDLE_OPENING, type PrepareHead } from '../protocol.ts';
import { collectOwn } from './garbage.ts';
import { IsolateHost, type Scripts } from './host.ts';

/** As long as a large bundle, and twice: the allocator keeps what is freed only up to the largest piece that it has seen freed before. */
const TEXT_CHARS = 1_500_000;
const TIMES = 2;

/** What most functions touch: modules, formatting, JSON and base64. */
const WITH_PRELUDE = `for (const name of ['util', 'events', 'stream', 'buffer', 'crypto', 'url', 'path', 'http']) require('node:' + name);
  console.log(new Map([[process.env.NONE, { at: new URL('http://localhost/?a=1') }]]));
  exports.handler = async (event) => JSON.parse(Buffer.from(Buffer.from(JSON.stringify(event)).toString('base64'), 'base64').toString());`;
const ALONE = 'exports.handler = async (event) => event;';

export function rehearse(lib: typeof ivm, head: PrepareHead, scripts: Scripts): void {
  const code = scripts.prelude === '' ? ALONE : WITH_PRELUDE;
  for (let n = 0; n < TIMES; n++) {
    const blanks = Buffer.alloc(TEXT_CHARS, ' ').toString('latin1');
    perform(lib, head, scripts, BUNDLE_OPENING + code + blanks + BUNDLE_CLOSING);
    collectOwn();
  }
}

function perform(lib: typeof ivm, head: PrepareHead, scripts: Scripts, code: string): void {
  const ends: number[] = [];
  const nothing = (): void => undefined;
  const outward = {
    ...{ log: nothing, startFetch: nothing, cancelFetch: nothing, unhandled: nothing },
    settle: (kind: number): void => void ends.push(kind),
  };
  const host = new IsolateHost(lib, head, scripts, outward);
  const { memorySizeMb } = head;
  const identity = { functionName: '', functionVersion: '', handlerText: '', exportPath: 'handler', logStreamName: '' };
  host.load({ ...identity, memorySizeMb, environment: {}, logLevelMin: 0 }, code, Buffer.alloc(0));
  host.invoke('{"Records":[]}', '{"requestId":"","deadlineMs":0,"columns":null}');
  host.dispose();
  if (ends.at(-1) !== SETTLE_RESULT) throw new Error('the rehearsal did not end with a result');
}
