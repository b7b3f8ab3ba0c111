/** Corners of Node that packages lean on, found by running them. */
import { describe, expect, test } from 'vitest';
import { resultOf, useRuntime } from '../support/runtime.ts';

const box = useRuntime();
const run = async (body: string) => resultOf(await box.run(body));

test('Buffer.allocUnsafeSlow and allocUnsafe can be called with `new`', async () => {
  expect(
    await run(`return [new Buffer.allocUnsafeSlow(3).length, new Buffer.allocUnsafe(4) instanceof Buffer]`),
  ).toEqual([3, true]);
});

test('URLSearchParams can be extended by a class whose entries() are made of keys()', async () => {
  const result = await run(`
    class Headers extends URLSearchParams {
      *entries() { for (const name of this.keys()) yield [name, this.get(name)]; }
      [Symbol.iterator]() { return this.entries() }
    }
    return [[...new Headers('a=1&b=2')], [...new Headers('a=1').values()]]`);
  expect(result).toEqual([
    [
      ['a', '1'],
      ['b', '2'],
    ],
    ['1'],
  ]);
});

test('util.getCallSites names callers, innermost first, and nothing of the runtime', async () => {
  const sites = (await run(`
    const util = require('node:util');
    function inner() { return util.getCallSites() }
    return (function outer() { return inner() })()`)) as {
    functionName: string;
    scriptName: string;
    lineNumber: number;
  }[];
  expect(sites.slice(0, 2).map((site) => site.functionName)).toEqual(['inner', 'outer']);
  expect(sites.every(({ scriptName, lineNumber }) => scriptName === '/var/task/index.js' && lineNumber > 0)).toBe(true);
});

describe('console.Console', () => {
  test('writes to the streams it was given, each call a line, indented within groups', async () => {
    const result = await run(`
      const { Console } = require('node:console');
      const out = []; const err = [];
      const to = (list) => ({ write: (text) => { list.push(text) } });
      const { log, warn, group, groupEnd, count } = new Console({ stdout: to(out), stderr: to(err) });
      log('%s is %d', 'a', 1, { b: [2] }); group('in'); log('two\\nlines'); groupEnd(); warn('careful'); count(); count();
      return [out, err, console.Console === Console]`);
    expect(result).toEqual([
      ['a is 1 { b: [ 2 ] }\n', 'in\n', '  two\n  lines\n', 'default: 1\n', 'default: 2\n'],
      ['careful\n'],
      true,
    ]);
  });

  test('with process.stdout it writes to the log, bytes too', async () => {
    const { logs } = await box.run(`
      const { Console } = require('node:console');
      new Console(process.stdout, process.stderr).error('bad'); process.stdout.write(Buffer.from('bytes ü\\n'));`);
    expect(logs.map(({ level, text }) => [level, text])).toEqual([
      ['error', 'bad'],
      ['info', 'bytes ü'],
    ]);
  });
});

test('tracing channels tell of a promise from start to end, and of its failure', async () => {
  const result = await run(`
    const { tracingChannel } = require('node:diagnostics_channel');
    const told = []; const channel = tracingChannel('job');
    const before = channel.hasSubscribers;
    channel.subscribe(Object.fromEntries(['start', 'end', 'asyncStart', 'asyncEnd', 'error'].map((name) => [name, (m) => told.push(name + ' ' + m.id)])));
    const value = await channel.tracePromise(async (n) => n + 1, { id: 1 }, null, 4);
    const error = await channel.tracePromise(async () => { throw new Error('no') }, { id: 2 }).catch((e) => e.message);
    return { before, value, error, told }`);
  expect(result).toEqual({
    before: false,
    value: 5,
    error: 'no',
    told: [
      'start 1',
      'end 1',
      'asyncStart 1',
      'asyncEnd 1',
      'start 2',
      'end 2',
      'error 2',
      'asyncStart 2',
      'asyncEnd 2',
    ],
  });
});

test('dates are in UTC, wherever the daemon runs, or in the zone of TZ; a TZ that is a path is none', async () => {
  const body = `return [new Date(0).getTimezoneOffset(), Intl.DateTimeFormat().resolvedOptions().timeZone]`;
  const inZone = async (TZ: string) => resultOf(await box.run(body, {}, { environment: { TZ } }));
  expect(await run(body)).toEqual([0, 'UTC']);
  expect(await inZone('Asia/Tokyo')).toEqual([-540, 'Asia/Tokyo']);
  expect(await inZone(':Asia/Tokyo')).toEqual([-540, 'Asia/Tokyo']);
  expect(await inZone('/etc/passwd')).toEqual([0, 'UTC']);
});
