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

const total = [0, 0, 0];
let worst = 0;
for (const some of args.length === 0 ? await everything() : [args]) {
  const { code, signal } = await vitest(some);
  const counts = countsIn(readTally(), code === 0);
  for (const [i, count] of counts.entries()) total[i] += count;
  if (code !== 0) worst = code ?? (signal === 'SIGINT' ? 130 : 1);
  if (signal !== null) break;
}
end(`${total[0]} passed, ${total[1]} failed, ${total[2]} skipped`, worst);

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

/** E.g. no file matched, or a floor of the coverage was missed: that is a failure, too. */
function countsIn(line, succeeded) {
  const [passed, failed, skipped] = line.match(/\d+/g).map(Number);
  return [passed, succeeded || failed > 0 ? failed : 1, skipped];
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
    console.error(`Tests need a Redis: ${error.message}\n  ${error.hint ?? ''}`);
    return end('0 passed, 1 failed, 0 skipped', 2);
  }
}

/** A run that broke off before it could count is a failure. */
function readTally() {
  try {
    return readFileSync(tally, 'utf8').trim();
  } catch {
    // vitest ended before its reporters were told.
    return '0 passed, 1 failed, 0 skipped';
  }
}

function end(line, code) {
  endBroker();
  if (withoutKafka)
    console.log('Kafka was left out (--without-kafka): nothing in test/kafka was run, nor the fault tests with Kafka.');
  rmSync(scratch, { recursive: true, force: true });
  console.log(line);
  process.exit(code);
}
