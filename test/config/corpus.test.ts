/**
 * Golden corpus of configurations: each case of `corpus/` gives exactly the problems of its `expected.json` (numbers as in the list of
 * bad configurations; from 90 on they are good, and what they resolve to is golden as well). After an intended change:
 * `MILLRACE_UPDATE_GOLDEN=1`, then read the difference.
 */
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { CONFIG_FILE_BYTES_MAX } from '../../src/config-limits.ts';
import { loadConfig } from '../../src/mapping/load-config.ts';
import { declaredFields } from '../../src/mapping/reference.ts';
import type { Config, Problem } from '../../src/mapping/types.ts';
import { CORPUS_ENV, CORPUS_OPTIONS, NEVER_SHOWN } from './corpus-setting.ts';

const corpus = path.join(import.meta.dirname, 'corpus');
const cases = readdirSync(corpus).sort();
const temp = mkdtempSync(path.join(tmpdir(), 'millrace-corpus-'));
afterAll(() => rmSync(temp, { recursive: true, force: true }));

interface Golden {
  readonly problems: readonly Problem[];
  readonly config?: unknown;
}

/** The case beside a handler, in a directory of its own, so that paths and links can be real. */
function prepare(name: string): { dir: string; config: string } {
  const dir = path.join(temp, name);
  cpSync(path.join(corpus, name), dir, { recursive: true });
  const config = existsSync(path.join(dir, 'config')) ? path.join(dir, 'config') : path.join(dir, 'millrace.yaml');
  const home = path.dirname(path.join(config, 'x')) === config && existsSync(path.join(dir, 'config')) ? config : dir;
  writeFileSync(path.join(home, 'handler.ts'), 'export const handler = async () => {};\n');
  if (name === '28-symbolic-link-out') {
    mkdirSync(path.join(temp, 'elsewhere'), { recursive: true });
    writeFileSync(path.join(temp, 'elsewhere', 'handler.ts'), 'export const handler = async () => {};\n');
    symlinkSync(path.join(temp, 'elsewhere', 'handler.ts'), path.join(dir, 'link.ts'));
    symlinkSync('handler.ts', path.join(dir, 'inside.ts'));
    symlinkSync('not-there.ts', path.join(dir, 'broken.ts'));
  }
  return { dir, config };
}

function run(name: string): { golden: Golden; text: string } {
  const { dir, config } = prepare(name);
  const result = loadConfig(config, CORPUS_ENV, CORPUS_OPTIONS);
  const shown = JSON.stringify({
    problems: result.problems,
    ...(result.config === undefined ? {} : { config: plain(result.config) }),
  });
  return {
    golden: JSON.parse(shown.replaceAll(`${dir}${path.sep}`, '')) as Golden,
    text: JSON.stringify(result.problems),
  };
}

function plain(config: Config): unknown {
  const { functions, mappings, connections } = config;
  const known = { functions: Object.fromEntries(functions), mappings: Object.fromEntries(mappings) };
  // Each is shown with the source that uses it.
  return { ...config, ...known, connections: [...connections.keys()] };
}

describe('the corpus of configurations', () => {
  it.each(cases)('%s', (name) => {
    const { golden, text } = run(name);
    const file = path.join(corpus, name, 'expected.json');
    if (process.env['MILLRACE_UPDATE_GOLDEN'] === '1') writeFileSync(file, `${JSON.stringify(golden, null, 2)}\n`);
    expect(golden).toEqual(JSON.parse(readFileSync(file, 'utf8')));
    for (const secret of NEVER_SHOWN) expect(text).not.toContain(secret);
    const errors = golden.problems.filter((problem) => problem.severity === 'error');
    expect(golden.config === undefined).toBe(errors.length > 0);
  });

  it('covers every field with at least one bad case', () => {
    const faulty = new Set<string>();
    for (const name of cases) {
      const { problems } = JSON.parse(readFileSync(path.join(corpus, name, 'expected.json'), 'utf8')) as Golden;
      for (const { severity, path: at } of problems) if (severity === 'error') faulty.add(declaredPath(at));
    }
    expect(
      declaredFields()
        .map((field) => field.path)
        .filter((field) => !faulty.has(field)),
    ).toEqual([]);
  });

  it('refuses a file of 10 MB by its size, without parsing it', () => {
    const file = path.join(temp, 'large.yaml');
    writeFileSync(file, 'a: b\n'.repeat(2 * 1024 * 1024));
    const before = process.cpuUsage();
    const { problems } = loadConfig(file, {}, CORPUS_OPTIONS);
    expect(process.cpuUsage(before).user / 1000).toBeLessThan(1000);
    expect(problems).toEqual([
      {
        severity: 'error',
        code: 'file-too-large',
        path: '',
        message: `the file has 10485760 bytes; at most ${CONFIG_FILE_BYTES_MAX} are read`,
        hint: 'split it: -c also takes a directory of YAML files',
        file,
        line: 1,
        column: 1,
      },
    ]);
  });

  it('says that a file does not exist', () => {
    const file = path.join(temp, 'not-there.yaml');
    expect(loadConfig(file, {}).problems).toMatchObject([{ code: 'file-missing', file, line: 1, column: 1 }]);
  });
});

/** `mappings.clicks.batchSize` → `mappings.<name>.batchSize`, `…allow[0]` → `…allow`. */
function declaredPath(at: string): string {
  return at
    .replace(/\[\d+\]/g, '')
    .replace(/\["[^"]*"\]/g, '.x')
    .replace(/^(connections|functions|mappings)\.[^.]+/, '$1.<name>')
    .replace(/(\.environment)\.[^.]+/, '$1.<name>');
}
