/** Loaded by a daemon before anything else (`--import`): on SIGURG, which means nothing to Node, its loop stands still for as long as a file beside its configuration says. */
import { readFileSync } from 'node:fs';
import path from 'node:path';

process.on('SIGURG', () => {
  const config = process.argv[process.argv.indexOf('-c') + 1]!;
  const ms = Number(readFileSync(path.join(path.dirname(config), `block-${process.pid}`), 'utf8'));
  // As a busy loop would, and leaves the CPU to the other daemons.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
});
