/** The Nodes that the suite runs on: the one that Millrace brings, and the other supported major, fetched once as a package from npm. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
/** Majors that isolated-vm has binaries for, ours first (scripts/find-node.mjs). */
export const MAJORS = ['26', '24'] as const;

export class NoSuchNode extends Error {}

/** Path of a Node of this major. */
export function nodeOf(major: string): string {
  if (process.versions.node.startsWith(`${major}.`)) return process.execPath;
  if (!MAJORS.some((known) => known === major))
    throw new NoSuchNode(`Node ${major} is not supported; there are ${MAJORS.join(' and ')}`);
  if (process.platform !== 'linux')
    throw new NoSuchNode(`Node ${major} is fetched on Linux only; elsewhere run the suite with it as the Node in use`);
  const home = path.join(ROOT, '.millrace', 'nodes', major);
  const name = `node-linux-${process.arch}`;
  const binary = path.join(home, 'node_modules', name, 'bin', 'node');
  if (!existsSync(binary)) fetchNode(home, `${name}@${major}`);
  const said = spawnSync(binary, ['-p', 'process.versions.node'], { encoding: 'utf8' });
  if (said.status !== 0 || !said.stdout.startsWith(`${major}.`))
    throw new NoSuchNode(`${binary} does not run: ${said.error?.message ?? (said.stderr || said.stdout)}`);
  return binary;
}

function fetchNode(home: string, spec: string): void {
  process.stderr.write(`fetching ${spec} into ${path.relative(ROOT, home)} (once)\n`);
  mkdirSync(home, { recursive: true });
  const args = ['install', '--prefix', home, '--ignore-scripts', '--no-audit', '--no-fund', '--no-save', spec];
  const npm = spawnSync('npm', args, { encoding: 'utf8', timeout: 10 * 60_000 });
  if (npm.status !== 0)
    throw new NoSuchNode(`npm could not fetch ${spec}: ${npm.error?.message ?? npm.stderr.trim().slice(-500)}`);
}
