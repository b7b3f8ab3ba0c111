/** What examples/handlers needs from npm. Only the tests of it call this: no other test, and not `npm start`, needs the network. */
import path from 'node:path';
import { ROOT } from './house/files.ts';
import { run } from './run.ts';

export const EXAMPLES = path.join(ROOT, 'examples', 'handlers');
/** The first installation brings 118 MB; later ones look at a stamp. */
export const INSTALL_MS = 600_000;

/** As the root's own packages: by the lock file, once, under a lock. Throws with what npm said. */
export async function installExamples(): Promise<void> {
  const setup = path.join(ROOT, 'scripts', 'setup.mjs');
  const { code, stderr } = await run(process.execPath, [setup, path.relative(ROOT, EXAMPLES)]);
  if (code !== 0) throw new Error(`the packages of examples/handlers cannot be installed.\n${stderr}`);
}
