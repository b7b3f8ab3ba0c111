/** A daemon that is killed with SIGKILL while it is at work, so that another one has to go on from where it was. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const here = path.dirname(fileURLToPath(import.meta.url));
const MILLRACE = path.join(here, '..', '..', 'bin', 'millrace');
const POLL_MS = 20;
const DEADLINE_MS = 60_000;

/** Resolves when it is dead. Rejects when it ends by itself, or never comes to the point. */
export async function killedDaemon(url: string, isTime: () => Promise<boolean>): Promise<void> {
  const args = ['start', '--config', path.join(here, 'millrace.yaml'), '--http', 'off', '--log-level', 'error'];
  const child = spawn(MILLRACE, args, {
    env: { ...process.env, REDIS_URL: url },
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  const exited = once(child, 'exit');
  const until = performance.now() + DEADLINE_MS;
  try {
    while (!(await isTime())) {
      if (child.exitCode !== null) throw new Error(`the daemon ended by itself with ${child.exitCode}`);
      if (performance.now() > until) throw new Error('the daemon settled nothing within a minute');
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  } finally {
    child.kill('SIGKILL');
    await exited;
  }
}
