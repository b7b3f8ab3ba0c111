/** The commands that a user would type, on an example's servers. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const here = path.dirname(fileURLToPath(import.meta.url));
const MILLRACE = path.join(here, '..', 'bin', 'millrace');
const POLL_MS = 20;
const DEADLINE_MS = 60_000;

export interface Command {
  /** Whose millrace.yaml it is about. */
  readonly example: string;
  readonly env: Readonly<Record<string, string>>;
  /** What it prints is not shown, but for errors. */
  readonly quiet?: boolean;
}

/** `words`: `['failures', 'list']`. */
export function millrace(words: readonly string[], { example, env, quiet = false }: Command): ChildProcess {
  return spawn(MILLRACE, [...words, '--config', path.join(here, example, 'millrace.yaml')], {
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

/** While the command runs. Rejects when it ends before, and after a minute. */
export async function until(isSo: () => Promise<boolean>, child: ChildProcess, otherwise: string): Promise<void> {
  for (const last = performance.now() + DEADLINE_MS; !(await isSo());) {
    if (child.exitCode !== null) throw new Error(`${otherwise}: the command ended with ${child.exitCode}`);
    if (performance.now() > last) throw new Error(`${otherwise} within a minute`);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}
