/** Secrets laid out where a hostile handler must not get at them; nothing that comes out of a sandbox may hold one. */
import { randomBytes } from 'node:crypto';
import { homedir, tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const secret = (where: string): string => `canary-${where}-${randomBytes(6).toString('hex')}`;

export const CANARIES = {
  daemon: secret('daemon'),
  environment: secret('environment'),
  code: secret('code'),
  record: secret('record'),
};

/** In the daemon's own environment, before anything is started. */
export function plantInDaemon(): void {
  process.env.MILLRACE_CANARY = CANARIES.daemon;
}

const HOME = homedir();
const HOST_TEXT = [
  ...Object.values(CANARIES),
  fileURLToPath(new URL('../..', import.meta.url)),
  process.execPath,
  path.join(tmpdir(), 'millrace-'),
  // As a directory of a user it says something; `/` does not.
  ...(HOME.length > 1 ? [`${HOME}/`] : []),
];
const HOST_FRAMES = /node:internal|isolated[-_]vm|child-[0-9a-f]+\.cjs/;
/** Our own scripts in the isolate: a function that prints stacks may see them, what Millrace reports has none. */
export const OUR_FRAMES = /millrace:(bootstrap|prelude|script)/;

/** What of the host or of another tenant stands in a text; null when nothing does. */
export function leakIn(text: string): string | null {
  const found = HOST_TEXT.find((one) => text.includes(one)) ?? HOST_FRAMES.exec(text)?.[0];
  return found ?? null;
}
