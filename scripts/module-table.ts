/** Which of Node's modules a handler finds, and which of their members: asked of a real isolate, beside the Node that runs this. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { builtinModules, createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { silentLog } from '../src/observe/log.ts';
import { buildPrelude } from '../src/sandbox/build-prelude.ts';
import { createSandbox } from '../src/sandbox/pool.ts';

/** The Node whose members are counted. */
export const NODE_MAJOR = 26;

const BEGIN = '<!-- modules: begin (node scripts/generate-module-table.ts) -->';
const END = '<!-- modules: end -->';

/** A module's own members, or those of the class that a module is; a refusal hangs on the prototype and does not count. */
const HANDLER = `exports.handler = async (asked) => asked.map(([name, members]) => {
  const module = require(name);
  return members.filter((member) => typeof module === 'function' || name === 'process' || name === 'console' ? module[member] !== undefined : Object.hasOwn(module, member));
});`;

type Asked = readonly [name: string, members: readonly string[]];

function membersOfNode(): Asked[] {
  const require = createRequire(import.meta.url);
  const names = builtinModules.map((name) => name.replace(/^node:/, '')).filter((name) => !name.startsWith('_'));
  // Some members warn when they are looked at, and some modules when they are loaded.
  const { emitWarning } = process;
  process.emitWarning = () => undefined;
  try {
    return names.toSorted().map((name) => {
      const module = require(`node:${name}`) as object;
      return [name, Object.keys(module).filter((member) => !member.startsWith('_') && member !== 'default')];
    });
  } finally {
    process.emitWarning = emitWarning;
  }
}

async function ask(asked: readonly Asked[]): Promise<string[][]> {
  const directory = mkdtempSync(path.join(tmpdir(), 'millrace-modules-'));
  const bundlePath = path.join(directory, 'ask.js');
  writeFileSync(bundlePath, HANDLER);
  const sandbox = await createSandbox({
    ...{ cacheDir: directory, preludePath: (await buildPrelude(directory)).path, log: silentLog },
    egress: () => Promise.resolve({ ok: false, error: { name: 'Error', message: 'refused', code: 'REFUSED' } }),
  });
  try {
    const outcome = await sandbox.invoke({
      version: {
        ...{ name: 'modules', hash: 'modules', bundlePath, sourceMapPath: null, codeCachePath: null },
        ...{ exportPath: 'handler', handlerText: 'index.handler', memorySizeMb: 256, timeoutMs: 30_000 },
        ...{ environment: {}, networkAllow: [], secrets: [], concurrencyPerProcess: 1 },
      },
      event: Buffer.from(JSON.stringify(asked)),
      ascii: false,
      context: { requestId: 'modules' },
      lease: null,
      log: () => undefined,
    });
    if (outcome.kind !== 'ok') throw new Error(`the isolate did not answer: ${JSON.stringify(outcome)}`);
    return JSON.parse(outcome.result) as string[][];
  } finally {
    await sandbox.close();
    rmSync(directory, { recursive: true, force: true });
  }
}

const code = (names: readonly string[]) => names.map((name) => `\`${name}\``).join(', ');

async function moduleTable(): Promise<string> {
  const asked = membersOfNode();
  const present = await ask(asked);
  const whole: string[] = [];
  const refused: string[] = [];
  const partial: string[] = [];
  asked.forEach(([name, members], i) => {
    const there = new Set(present[i]);
    const missing = members.filter((member) => !there.has(member));
    if (missing.length === 0) whole.push(name);
    else if (there.size === 0) refused.push(name);
    else partial.push(`| \`${name}\` | ${there.size} of ${members.length} | ${code(missing)} |`);
  });
  return [
    '| | |',
    '|---|---|',
    `| there | ${code(whole)} |`,
    `| can be imported, throw when used | ${code(refused)} |`,
    '',
    `| there in part | members, of those of Node ${NODE_MAJOR} | missing |`,
    '|---|---|---|',
    ...partial,
  ].join('\n');
}

/** The document with its table as it is now. */
export async function withModuleTable(document: string): Promise<string> {
  const [before, rest] = document.split(BEGIN) as [string, string | undefined];
  const after = rest?.split(END)[1];
  if (after === undefined) throw new Error('the document has no place for the table');
  return `${before}${BEGIN}\n\n${await moduleTable()}\n\n${END}${after}`;
}
