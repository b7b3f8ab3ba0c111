// `npm test [-- FILES…]`: runs vitest with our Node and ends with one line that tools read: `N passed, N failed, N skipped`.
import { spawn } from 'node:child_process';
import { mkdirSync, rmSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = path.join(path.dirname(fileURLToPath(import.meta.url)), '..');
const redis = await redisOnPath();

const child = spawn(
  process.execPath,
  [
    path.join(root, 'node_modules', 'vitest', 'vitest.mjs'),
    'run',
    '--reporter=default',
    `--reporter=${path.join(root, 'scripts', 'tally-reporter.mjs')}`,
    ...process.argv.slice(2),
  ],
  {
    cwd: root,
    stdio: 'inherit',
    // Tests start `node` by name, too: it must be this one. And a developer's own Redis is none of theirs.
    env: {
      ...process.env,
      PATH: [path.dirname(process.execPath), ...redis, process.env.PATH].join(path.delimiter),
      REDIS_URL: '',
    },
  },
);
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal));
child.once('exit', (code, signal) => {
  process.exitCode = code ?? (signal === 'SIGINT' ? 130 : 1);
});

/** Directories to put on the PATH so that `redis-server` is found: none when it is there already. */
async function redisOnPath() {
  const { findRedis } = await import('../src/redis/find.ts');
  try {
    const { binary } = await findRedis({ stateDir: path.join(root, '.millrace'), say: (text) => console.error(text) });
    const dirs = (process.env.PATH ?? '').split(path.delimiter);
    if (path.basename(binary) === 'redis-server' && dirs.includes(path.dirname(binary))) return [];
    const dir = path.join(root, '.millrace', 'test-bin');
    mkdirSync(dir, { recursive: true });
    rmSync(path.join(dir, 'redis-server'), { force: true });
    symlinkSync(binary, path.join(dir, 'redis-server'));
    return [dir];
  } catch (error) {
    console.error(`Tests need a Redis: ${error.message}\n  ${error.hint ?? ''}`);
    console.log('0 passed, 0 failed, 0 skipped');
    process.exit(2);
  }
}
