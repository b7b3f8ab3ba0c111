// `npm test [-- FILES…]`: runs vitest with our Node and ends with one line that tools read: `N passed, N failed, N skipped`.
// Without FILES it is what CI runs: everything. The files whose coverage is measured run first, for that, and not once more with the others.
// `--without-kafka` leaves out what needs a Kafka broker (Java and, once, Maven), and says so before that line.
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = path.join(path.dirname(fileURLToPath(import.meta.url)), '..');
const scratch = mkdtempSync(path.join(tmpdir(), 'millrace-test-'));
const tally = path.join(scratch, 'tally');
const node = process.execPath;
const withoutKafka = process.argv.includes('--without-kafka');
const args = process.argv.slice(2).filter((arg) => arg !== '--without-kafka');

const env = {
  ...process.env,
  // Daemons and commands start in half the time with it (a run starts a thousand). Where test/support/daemon.ts keeps its caches, too.
  NODE_COMPILE_CACHE: path.join(tmpdir(), 'millrace-test-cache', 'compiled'),
  // Tests start `node` and `redis-server` by name. And a developer's own Redis is none of theirs.
  PATH: [path.dirname(node), ...(await redisOnPath()), process.env.PATH].join(path.delimiter),
  REDIS_URL: '',
  MILLRACE_TALLY: tally,
  // One Kafka broker for all files of the run (test/support/kafka/use-kafka.ts).
  MILLRACE_RUN_DIR: scratch,
};
let child;
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child?.kill(signal));

const total = { passed: 0, skipped: 0, failures: [] };
let worst = 0;
for (const some of args.length === 0 ? await everything() : [args]) {
  const { code, signal } = await vitest(some);
  const { passed, skipped, failures } = readTally();
  total.passed += passed;
  total.skipped += skipped;
  total.failures.push(...failures);
  // E.g. no file matched, or a floor of the coverage was missed: that is a failure, too.
  if (code !== 0 && failures.length === 0)
    total.failures.push(`${some.join(' ')}: the runner ended with ${code ?? signal}`);
  if (code !== 0) worst = code ?? (signal === 'SIGINT' ? 130 : 1);
  if (signal !== null) break;
}
end(total, worst);

function vitest(some) {
  rmSync(tally, { force: true });
  const words = ['run', ...reporters(), ...withoutThose(), ...some];
  child = spawn(node, [path.join(root, 'node_modules/vitest/vitest.mjs'), ...words], {
    cwd: root,
    stdio: 'inherit',
    env,
  });
  return new Promise((resolve) => child.once('close', (code, signal) => resolve({ code, signal })));
}

/** What starts the most processes, and has time limits of Millrace's own to keep, has fewer files beside it than what mostly waits. */
async function everything() {
  const { default: covered } = await import('../vitest.coverage.config.ts');
  const full = ['chaos', 'hostile', 'sim'].map((folder) => `test/${folder}/`);
  const others = [...covered.test.include, ...full.map((folder) => `${folder}**`)];
  return [
    ['--config', 'vitest.coverage.config.ts'],
    full,
    ['--maxWorkers=3', ...others.flatMap((pattern) => ['--exclude', pattern])],
  ];
}

function reporters() {
  return ['--reporter=default', `--reporter=${path.join(root, 'scripts', 'tally-reporter.mjs')}`];
}

function withoutThose() {
  return withoutKafka ? ['--exclude', 'test/kafka/**', '--exclude', 'test/**/*-kafka-*.test.ts'] : [];
}

/** The broker that the run's tests shared, if there was one. */
function endBroker() {
  try {
    process.kill(JSON.parse(readFileSync(path.join(scratch, 'kafka.json'), 'utf8')).pid, 'SIGKILL');
  } catch {
    // None was started, or it is gone already.
  }
}

/** Directories to put on the PATH so that `redis-server` is found: none when it is there already. */
async function redisOnPath() {
  const { findRedis } = await import('../src/redis/find.ts');
  try {
    const { binary } = await findRedis({ stateDir: path.join(root, '.millrace'), say: (text) => console.error(text) });
    const dirs = (process.env.PATH ?? '').split(path.delimiter);
    if (path.basename(binary) === 'redis-server' && dirs.includes(path.dirname(binary))) return [];
    const dir = path.join(scratch, 'bin');
    mkdirSync(dir);
    symlinkSync(binary, path.join(dir, 'redis-server'));
    return [dir];
  } catch (error) {
    return end(
      { passed: 0, skipped: 0, failures: [`Tests need a Redis: ${error.message}\n    ${error.hint ?? ''}`] },
      2,
    );
  }
}

/** A run that broke off before it could count is a failure. */
function readTally() {
  try {
    return JSON.parse(readFileSync(tally, 'utf8'));
  } catch {
    return { passed: 0, skipped: 0, failures: ['vitest ended before its reporters were told'] };
  }
}

/** Failures once more at the end: between the lines of three thousand tests nobody finds them, and a log may keep its end only. */
function end({ passed, skipped, failures }, code) {
  endBroker();
  if (withoutKafka)
    console.log('Kafka was left out (--without-kafka): nothing in test/kafka was run, nor the fault tests with Kafka.');
  rmSync(scratch, { recursive: true, force: true });
  for (const failure of failures) console.log(`failed: ${failure}`);
  console.log(`${passed} passed, ${failures.length} failed, ${skipped} skipped`);
  process.exit(code);
}
