/** `millrace dev` and the quickstart as a user runs them, without a terminal. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { ROOT } from '../support/house/files.ts';
import { useRedis } from '../support/redis.ts';
import { MILLRACE, type Running, run, start } from '../support/run.ts';

const CONFIG = `
namespace: dev-test
redis: \${REDIS_URL:-redis://127.0.0.1:6379}
http: 127.0.0.1:0
functions:
  echo: { code: echo.ts, handler: handler }
mappings:
  letters:
    function: echo
    source: { type: redis-stream, stream: letters }
    startingPosition: TRIM_HORIZON
`;
const handlerThatSays = (
  word: string,
) => `export async function handler(event: { Records: { kinesis: { data: string } }[] }) {
  for (const record of event.Records) console.log('${word}', Buffer.from(record.kinesis.data, 'base64').toString());
}`;

let dir = '';
beforeEach(() => {
  dir = mkdtempSync(path.join(tmpdir(), 'millrace-dev-'));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  writeFileSync(path.join(dir, 'millrace.yaml'), CONFIG);
  writeFileSync(path.join(dir, 'echo.ts'), handlerThatSays('first'));
});

function dev(...args: string[]): Running {
  const running = start(MILLRACE, ['dev', ...args], { cwd: dir, env: { REDIS_URL: undefined } });
  onTestFinished(async () => {
    running.kill('SIGKILL');
    await running.ended;
  });
  return running;
}

async function put(redis: string, ...letters: string[]): Promise<void> {
  const input = letters.map((letter) => `{"letter":"${letter}"}\n`).join('');
  const { code, stderr } = await run(MILLRACE, ['stream', 'put', 'letters', '--redis', redis], { cwd: dir, input });
  expect({ code, stderr: code === 0 ? '' : stderr }).toEqual({ code: 0, stderr: '' });
}

const redisOf = async (running: Running) => (await running.until(/Redis (redis:\S+)/))[1]!;

describe('millrace dev', () => {
  test('reloads changed code between batches, keeps the last good one, and keeps positions from run to run', async () => {
    const running = dev();
    const redis = await redisOf(running);
    await put(redis, 'a', 'b');
    await running.until(/letters\/shardId-000000000000 first \{"letter":"b"\}/);

    writeFileSync(path.join(dir, 'echo.ts'), handlerThatSays('second'));
    await running.until(/Reloaded/);
    await put(redis, 'c');
    await running.until(/second \{"letter":"c"\}/);

    writeFileSync(path.join(dir, 'echo.ts'), 'export const handler = (;');
    await running.until(/Not reloaded, the last good version goes on: .*echo\.ts:1/);
    await put(redis, 'd');
    await running.until(/second \{"letter":"d"\}/);
    writeFileSync(path.join(dir, 'millrace.yaml'), `${CONFIG}  nonsense: 1\n`);
    await running.until(/Not reloaded, the last good version goes on: .*problem/);
    writeFileSync(path.join(dir, 'millrace.yaml'), CONFIG);
    writeFileSync(path.join(dir, 'echo.ts'), handlerThatSays('third'));
    await running.until(/Reloaded/);

    running.kill('SIGTERM');
    expect(await running.ended).toEqual({ code: 0, signal: null });
    expect(running.output()).toMatch(/records +4 settled, 0 left/);

    const again = dev('--until-drained');
    expect(await again.ended).toEqual({ code: 0, signal: null });
    expect(again.output()).toMatch(/Drained after .*records +4 settled, 0 left/s);
    expect(again.output()).not.toContain('"letter"');
  }, 60_000);

  test('one at a time in a directory; the Redis of one that was killed is stopped, and the next one takes over', async () => {
    const first = dev();
    await put(await redisOf(first), 'a');
    const { code, stderr } = await run(MILLRACE, ['dev'], { cwd: dir });
    expect(code).toBe(2);
    expect(stderr).toMatch(/^millrace: another millrace dev \(process \d+\) runs on .*\n {2}Stop it first/);
    first.kill('SIGKILL');
    await first.ended;

    const next = dev('--until-drained');
    expect(await next.ended).toEqual({ code: 0, signal: null });
    const note = path.join(dir, '.millrace', 'redis.json');
    expect(() => readFileSync(note)).toThrow('ENOENT');
  }, 60_000);

  test('a mapping that is not served is not taken for drained', async () => {
    expect(await dev('--until-drained').ended).toMatchObject({ code: 0 });
    writeFileSync(path.join(dir, 'millrace.yaml'), CONFIG.replace('stream: letters', 'stream: others'));
    const refused = dev('--until-drained');
    expect(await refused.ended).toMatchObject({ code: 1 });
    expect(refused.output()).toMatch(
      /not served, because the name has another source in this Redis: letters\n {2}Give/,
    );
  }, 60_000);

  test('a wrong configuration is said before anything is started', async () => {
    writeFileSync(path.join(dir, 'millrace.yaml'), 'functions: 7\n');
    const { code, stderr } = await run(MILLRACE, ['dev'], { cwd: dir });
    expect(code).toBe(1);
    expect(stderr).toContain('millrace.yaml:1:');
  });
});

describe('the quickstart', () => {
  const redis = useRedis();

  test('every flight arrives once and in order, but for the one that is given up', async () => {
    const main = [path.join(ROOT, 'examples', 'main.ts'), '--until-drained'];
    const { code, stdout, stderr } = await run(process.execPath, main, { env: { REDIS_URL: redis.url } });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/records +20,000 settled, 0 left/);
    expect(stdout).toMatch(/notices +1 in the Redis stream flights-demo:failures:departures/);
    expect(stdout).toMatch(/arrived +19,999 of 20,000 flights from 220 airports; 24 times a gate was closed/);
    expect(stdout).toContain('out of order 0, doubled 0, lost 0, given up 1 (MCO 198)');
    expect(stdout).toContain('Where to look next');
  }, 60_000);

  test('its arguments are checked', async () => {
    const { code, stderr } = await run(process.execPath, [path.join(ROOT, 'examples', 'main.ts'), '--nope']);
    expect(code).toBe(1);
    expect(stderr).toContain("Unknown option '--nope'");
  });
});
