/** The commands that a user would type, on the example's servers. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const here = path.dirname(fileURLToPath(import.meta.url));
const MILLRACE = path.join(here, '..', '..', 'bin', 'millrace');
const CONFIG = path.join(here, 'millrace.yaml');

/** `words`: `['failures', 'list']`. What it prints is seen, unless it is `quiet`. */
export function millrace(words: readonly string[], env: Readonly<Record<string, string>>, quiet = false): ChildProcess {
  return spawn(MILLRACE, [...words, '--config', CONFIG], {
    env: { ...process.env, ...env },
    stdio: ['ignore', quiet ? 'ignore' : 'inherit', 'inherit'],
  });
}

/** Its exit code. */
export async function ended(child: ChildProcess): Promise<number | null> {
  if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
  const [code] = (await once(child, 'exit')) as [number | null];
  return code;
}
