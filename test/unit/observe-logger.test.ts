import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { promisify } from 'node:util';
import { describe, expect, it, onTestFinished } from 'vitest';
import { MillraceError } from '../../src/errors.ts';
import { createLogger, type LoggerOptions } from '../../src/observe/logger.ts';
import { lineRedactor, textRedactor } from '../../src/observe/redact.ts';

function capture(options: LoggerOptions = {}) {
  const text: string[] = [];
  const log = createLogger({ ...options, write: (line) => void text.push(line) });
  return { log, text, lines: () => text.map((line) => JSON.parse(line) as Record<string, unknown>) };
}

describe('the log', () => {
  it('writes a JSON line with level as text, time and msg', () => {
    const { log, lines, text } = capture();
    log.info({ mapping: 'clicks', n: 3 }, 'ready 100% %s');
    log.child({ shard: 's' }).warn({}, 'blocked');
    expect(lines()).toEqual([
      {
        level: 'info',
        time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
        mapping: 'clicks',
        n: 3,
        msg: 'ready 100% %s',
      },
      { level: 'warn', time: expect.any(String), shard: 's', msg: 'blocked' },
    ]);
    expect(text[0]).toMatch(/^\{.*\}\n$/);
  });

  it('leaves out what is below the level, but nothing that a handler wrote', () => {
    const { log, lines } = capture({ level: 'warn' });
    log.info({}, 'not this');
    const write = log.handler({ function: 'enrich', mapping: 'clicks', shard: 'shardId-000000000000' });
    write({ level: 'debug', text: 'a\nb %d', requestId: 'r-1' });
    expect(lines()).toEqual([
      {
        ...{ level: 'debug', time: expect.any(String), msg: 'a\nb %d', function: 'enrich', mapping: 'clicks' },
        ...{ shard: 'shardId-000000000000', requestId: 'r-1', stream: 'handler' },
      },
    ]);
  });

  it('shows our own errors as sentences and a defect with its stack', () => {
    const { log, lines } = capture();
    log.error({ err: new MillraceError('redis-unreachable', 'no answer', { hint: 'start it' }) }, 'x');
    log.error({ err: new TypeError('oops') }, 'x');
    expect(lines()[0]!.err).toEqual({ code: 'redis-unreachable', message: 'no answer', hint: 'start it' });
    expect(lines()[1]!.err).toMatchObject({ type: 'TypeError', stack: expect.stringContaining('oops') as string });
  });

  it('keeps secrets out of every line, in nested fields, names, errors and handler text', () => {
    const secret = 'p"ä\\ss/wörd\n1';
    const { log, text, lines } = capture({ secrets: [secret, 'short', '12345678'] });
    log.info({ deep: { list: [`x${secret}y`], [secret]: 1 } }, `now ${secret}, short`);
    log.warn({ err: new Error(secret), event: JSON.stringify({ secret }) }, 'failed');
    log.handler({ function: 'f' })({ level: 'info', text: `Bearer ${secret}`, requestId: 'r' });
    log.info({ number: 12345678, text: 'id 12345678' }, 'numbers too');
    expect(lines()[0]).toMatchObject({
      deep: { list: ['x[redacted]y'], '[redacted]': 1 },
      msg: 'now [redacted], short',
    });
    expect(lines()[1]!.event).toBe('{"secret":"[redacted]"}');
    expect(lines()[2]!.msg).toBe('Bearer [redacted]');
    expect(lines()[3]).toMatchObject({ number: '[redacted]', text: 'id [redacted]' });
    for (const line of text) {
      expect(line).toMatch(/^\{.*\}\n$/);
      expect(line).not.toMatch(/wörd|12345678/);
    }
    log.addSecrets(['new-secret']);
    log.info({}, `new-secret and ${secret}`);
    expect(lines()[4]!.msg).toBe('[redacted] and [redacted]');
  });

  it('reaches standard output before the process ends, for people when asked', async () => {
    const script = (pretty: boolean) => `
      const { createLogger } = await import(${JSON.stringify(new URL('../../src/observe/logger.ts', import.meta.url).href)});
      const log = createLogger({ pretty: ${pretty}, secrets: ['hushhush'] });
      for (let i = 0; i < 500; i++) log.info({ i }, 'line hushhush');
      await log.end();
      process.exit(0);`;
    const run = (pretty: boolean) =>
      promisify(execFile)(process.execPath, ['--input-type=module', '-e', script(pretty)]);
    const [json, people] = await Promise.all([run(false), run(true)]);
    const lines = json.stdout.trim().split('\n');
    expect(lines).toHaveLength(500);
    expect(JSON.parse(lines[499]!)).toMatchObject({ i: 499, msg: 'line [redacted]' });
    expect(people.stdout.trim().split('\n')).toHaveLength(500);
    expect(people.stdout).toMatch(/^\[\d\d:\d\d:\d\d\.\d{3}\] INFO: line \[redacted\] \{"i":0\}/);
  });
});

describe('a log that nobody reads', () => {
  it.each([
    ['stalled', false],
    ['gone', true],
  ])('lets a process end that was not told to: the reader is %s', async (_, gone) => {
    const script = `
      const { createLogger } = await import(${JSON.stringify(new URL('../../src/observe/logger.ts', import.meta.url).href)});
      const log = createLogger({ pretty: false });
      process.once('message', () => {
        for (let i = 0; i < 2_000; i++) log.info({}, 'x'.repeat(900));
        process.exit(3);
      });
      process.send('ready');`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
    });
    onTestFinished(() => void child.kill('SIGKILL'));
    const exited = once(child, 'exit');
    await once(child, 'message');
    if (gone) child.stdout!.destroy();
    child.send('go');
    expect(await exited).toEqual([3, null]);
  });
});

describe('redaction', () => {
  it('takes the longest secret where one begins with another, and leaves short values alone', () => {
    expect(textRedactor(['password', 'password-two', 'abc'])('password-two abc password')).toBe(
      '[redacted] abc [redacted]',
    );
    expect(textRedactor([])('x')).toBe('x');
  });

  it('treats a secret as text, not as a pattern', () => {
    expect(textRedactor(['a.c*(d)[e]$'])('a.c*(d)[e]$ abccccd')).toBe('[redacted] abccccd');
  });

  it('gives JSON even when a secret crosses the structure of the line', () => {
    const line = '{"a":true,"b":"x"}\n';
    const redacted = lineRedactor(['true,"b":"x"'])(line);
    expect(() => JSON.parse(redacted)).not.toThrow();
  });
});
