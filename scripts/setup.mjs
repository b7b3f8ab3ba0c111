// Brings a fresh clone to the state in which everything runs: what package-lock.json names is installed, and `.millrace/node`
// points at the Node to run it with. Quick and offline when that is so already. `npm start` and `npm test` call it first.
// With a directory (`node scripts/setup.mjs examples/handlers`) it does the same for the package there, which has its own lock file:
// the tests call it for what only they need. Plain JavaScript for Node 18 and later: this runs before anything is installed.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, readlinkSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { findNode, platformSupported } from './find-node.mjs';

const root = path.join(path.dirname(fileURLToPath(import.meta.url)), '..');
const part = process.argv[2];
/** What is set up: the checkout, or a package in it. */
const home = path.resolve(root, part ?? '.');
const stamp = path.join(home, 'node_modules', '.millrace-stamp');
const lock = path.join(root, '.millrace', `${part === undefined ? 'setup' : path.basename(home)}.lock`);
const LOCK_WAIT_MS = 10 * 60_000;

class SetupError extends Error {
  constructor(message, hint) {
    super(message);
    this.hint = hint;
  }
}

async function setup() {
  if (!platformSupported()) {
    throw new SetupError(
      `Millrace runs on Linux (x64, arm64) and macOS (arm64), not on ${process.platform}/${process.arch}.`,
      process.platform === 'win32'
        ? 'On Windows use WSL 2.'
        : 'A container of one of these platforms will do (see Dockerfile).',
    );
  }
  try {
    mkdirSync(path.join(root, '.millrace'), { recursive: true });
  } catch (error) {
    throw new SetupError(
      `Cannot write to ${root} (${error.code}).`,
      'Run it as the owner of the checkout, or clone it to a place of your own.',
    );
  }
  const wanted = createHash('sha256')
    .update(readFileSync(path.join(home, 'package-lock.json')))
    .digest('hex');
  if (!complete(wanted)) await oneAtATime(() => install(wanted));
  if (part === undefined) linkNode();
}

/** Without a Node to run with, what is there is not all that was wanted: npm leaves out optional packages that it could not get. */
function complete(wanted) {
  return installed(wanted) && (part !== undefined || findNode(root) !== undefined);
}

function installed(wanted) {
  if (readText(stamp) === wanted) return true;
  // Installed by hand: npm's own record of what is there names every package of the lock in its version.
  const have = parse(readText(path.join(home, 'node_modules', '.package-lock.json')))?.packages;
  const want = parse(readText(path.join(home, 'package-lock.json')))?.packages;
  if (have === undefined || want === undefined) return false;
  return Object.entries(want).every(
    ([name, entry]) => name === '' || entry.optional === true || have[name]?.version === entry.version,
  );
}

async function install(wanted) {
  if (complete(wanted)) return;
  const began = Date.now();
  say(`Installing what ${path.relative(root, path.join(home, 'package-lock.json'))} names (once) …`);
  // Without install scripts (.npmrc): isolated-vm ships a prebuilt binary for our Node and would be compiled for this one.
  const args = [
    'ci',
    '--ignore-scripts',
    '--include=dev',
    '--include=optional',
    '--prefer-offline',
    '--no-audit',
    '--no-fund',
  ];
  // A missing network is noticed in seconds, a bad one is given three tries.
  args.push('--fetch-retries=2', '--fetch-retry-mintimeout=1000', '--fetch-retry-maxtimeout=8000', '--loglevel=warn');
  const { code, output } = await npm(args);
  if (code !== 0) throw installError(output);
  writeFileSync(stamp, wanted);
  say(`Installed in ${Math.round((Date.now() - began) / 1000)} s.`);
}

function npm(args) {
  // The npm that runs us, with the Node that runs it: `npm ci` replaces node_modules, which may hold the Node of this process.
  const cli = process.env.npm_execpath;
  const [command, first] =
    cli !== undefined && /npm-cli\.[cm]?js$/.test(cli)
      ? [process.env.npm_node_execpath ?? process.execPath, [cli]]
      : ['npm', []];
  return new Promise((resolve, reject) => {
    const child = spawn(command, [...first, ...args], { cwd: home, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    const keep = (data) => (output = (output + data).slice(-20_000));
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    child.once('error', () =>
      reject(new SetupError('npm was not found on the PATH.', 'Install Node 20 or later with its npm.')),
    );
    child.once('close', (code) => resolve({ code, output }));
  });
}

function installError(output) {
  const errors = output.split('\n').filter((line) => /^npm (error|ERR!)/.test(line));
  const text = errors.join('\n');
  if (
    /ENOTFOUND|EAI_AGAIN|ETIMEDOUT|ECONNREFUSED|ECONNRESET|ENETUNREACH|EHOSTUNREACH|ERR_SOCKET_TIMEOUT|network/i.test(
      text,
    )
  ) {
    return new SetupError(
      'npm cannot reach its registry.',
      'The first run needs the network: check it, or the proxy settings of npm, and run this again.',
    );
  }
  if (/ENOSPC/.test(text)) return new SetupError('The disk is full.', 'About 500 MB are needed in node_modules.');
  if (/EACCES|EPERM|EROFS/.test(text)) {
    return new SetupError(
      `npm may not write to ${path.join(home, 'node_modules')}.`,
      'Run it as the owner of the checkout.',
    );
  }
  const shown = errors.slice(0, 12).map((line) => `  ${line.replace(/^npm (error|ERR!) ?/, '')}`);
  return new SetupError(
    'npm could not install what package-lock.json names:',
    `\n${shown.join('\n')}\n  Run \`npm ci\` for all of it.`,
  );
}

/** `.millrace/node` → the Node to run with, so that package.json's scripts can exec it. */
function linkNode() {
  const link = path.join(root, '.millrace', 'node');
  const node = findNode(root);
  if (node === undefined) {
    throw new SetupError(
      'There is no Node to run Millrace with: its own package was not installed, and none on the PATH is Node 24 or 26.',
      `Run \`npm ci --include=optional\` in ${root} again, or install Node 26.`,
    );
  }
  try {
    if (readlinkSync(link) === node) return;
  } catch {
    // Not there yet, or no link: made now.
  }
  const fresh = `${link}.${process.pid}`;
  rmSync(fresh, { force: true });
  symlinkSync(node, fresh);
  renameSync(fresh, link);
}

/** `npm start` and `npm test` in two terminals of a fresh clone: the second waits for the first. */
async function oneAtATime(work) {
  const until = Date.now() + LOCK_WAIT_MS;
  while (!takeLock()) {
    if (Date.now() > until)
      throw new SetupError('Another set-up has been running here for ten minutes.', `If it is none, remove ${lock}`);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  try {
    await work();
  } finally {
    rmSync(lock, { force: true });
  }
}

function takeLock() {
  try {
    writeFileSync(lock, String(process.pid), { flag: 'wx' });
    return true;
  } catch {
    const holder = Number(readText(lock) ?? '');
    // Empty for an instant, between creation and writing.
    if (holder > 0 && !alive(holder)) rmSync(lock, { force: true });
    return false;
  }
}

function alive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

function readText(file) {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}

function parse(text) {
  try {
    return text === undefined ? undefined : JSON.parse(text);
  } catch {
    return undefined;
  }
}

function say(text) {
  process.stderr.write(`${text}\n`);
}

// An interrupted set-up leaves no lock behind. npm, in the same process group, gets the signal itself.
for (const [signal, code] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
]) {
  process.once(signal, () => {
    if (readText(lock) === String(process.pid)) rmSync(lock, { force: true });
    process.exit(code);
  });
}

try {
  await setup();
} catch (error) {
  say(`Set-up failed: ${error.message}${error.hint === undefined ? '' : `\n  ${error.hint}`}`);
  if (!(error instanceof SetupError)) say('  This is a defect of scripts/setup.mjs; please report it.');
  process.exitCode = 2;
}
