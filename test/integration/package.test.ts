/** The npm package as somebody installs it: built, packed, unpacked into an empty project, run from there. */
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, expectTypeOf, test } from 'vitest';
import type { InvocationContext } from '../../src/sandbox/types.ts';
import { VERSION } from '../../src/version.ts';
import { ROOT } from '../support/house/files.ts';
import { useRedis } from '../support/redis.ts';
import { run } from '../support/run.ts';
import type { MillraceFacts } from '../../types/index.d.ts';

let dir = '';
let app = '';
let millrace = '';

async function must(command: string, args: readonly string[], cwd: string): Promise<string> {
  const { code, stdout, stderr } = await run(command, args, { cwd });
  if (code !== 0) throw new Error(`${command} ${args.join(' ')}: ${stdout}${stderr}`);
  return stdout;
}

/** What package.json's `prepack` and `npm pack` do, in a directory of its own. */
async function pack(): Promise<string> {
  const source = path.join(dir, 'source');
  mkdirSync(source);
  for (const file of ['package.json', 'bin', 'LICENSE', 'schema', 'types']) {
    if (existsSync(path.join(ROOT, file))) cpSync(path.join(ROOT, file), path.join(source, file), { recursive: true });
  }
  await must(process.execPath, [path.join(ROOT, 'scripts', 'build.mjs'), path.join(source, 'dist')], ROOT);
  await must('npm', ['pack', '--ignore-scripts', '--offline'], source);
  return path.join(source, `millrace-${VERSION}.tgz`);
}

beforeAll(async () => {
  dir = mkdtempSync(path.join(tmpdir(), 'millrace-package-'));
  app = path.join(dir, 'app');
  const modules = path.join(app, 'node_modules');
  const home = path.join(modules, 'millrace');
  mkdirSync(path.join(modules, '.bin'), { recursive: true });
  mkdirSync(home);
  await must('tar', ['-xzf', await pack(), '-C', home, '--strip-components=1'], dir);
  // Its dependencies, hoisted beside it.
  for (const name of readdirSync(path.join(ROOT, 'node_modules'))) {
    if (!name.startsWith('.')) symlinkSync(path.join(ROOT, 'node_modules', name), path.join(modules, name));
  }
  millrace = path.join(modules, '.bin', 'millrace');
  symlinkSync('../millrace/bin/millrace', millrace);
}, 60_000);

afterAll(() => rmSync(dir, { recursive: true, force: true }));

describe('the package', () => {
  const redis = useRedis();

  test('holds what it needs to run, and no sources', () => {
    const home = path.join(app, 'node_modules', 'millrace');
    expect(readdirSync(home)).toEqual(expect.arrayContaining(['LICENSE', 'bin', 'dist', 'package.json']));
    expect(existsSync(path.join(home, 'src'))).toBe(false);
    expect(existsSync(path.join(home, 'dist', 'src', 'shard', 'lua'))).toBe(true);
  });

  test('millrace --version, through the link that npm makes', async () => {
    expect(await run(millrace, ['--version'], { cwd: app })).toMatchObject({
      code: 0,
      stdout: `${VERSION}\n`,
      stderr: '',
    });
  });

  test('has types for handlers, which say what they get and refuse what there is not', async () => {
    const facts = ['mapping', 'shardId', 'epoch', 'attempt', 'firstSequenceNumber', 'lastSequenceNumber'];
    const handler = (uses: readonly string[]) => `import type { Context, KinesisStreamEvent } from 'aws-lambda';
import type { WithMillrace } from 'millrace';
export const handler = async (event: KinesisStreamEvent, { awsRequestId, millrace }: WithMillrace<Context>) =>
  [event.Records.length, awsRequestId, ${uses.map((fact) => `millrace.${fact}`).join(', ')}];
`;
    writeFileSync(path.join(app, 'right.ts'), handler(facts));
    writeFileSync(path.join(app, 'wrong.ts'), handler(['shard']));
    const compiler = path.join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc');
    const check = (file: string) =>
      run(process.execPath, [compiler, '--noEmit', '--strict', '--module', 'nodenext', '--types', 'node', file], {
        cwd: app,
      });
    expect(await check('right.ts')).toMatchObject({ code: 0, stdout: '' });
    expect((await check('wrong.ts')).stdout).toContain("Property 'shard' does not exist on type 'MillraceFacts'");
    // What a sandbox is handed, with the mapping's name under its own name.
    type Handed = NonNullable<InvocationContext['mapping']>;
    expectTypeOf<Omit<MillraceFacts, 'mapping'> & { readonly name: string }>().branded.toEqualTypeOf<Handed>();
  }, 60_000);

  test('runs a function in its sandbox', async () => {
    writeFileSync(path.join(app, 'f.ts'), 'export const handler = async (event: { n: number }) => event.n * 2;');
    const config = 'functions:\n  f: { code: f.ts, handler: handler }\nmappings: {}\n';
    writeFileSync(path.join(app, 'millrace.yaml'), config);
    const { code, stdout, stderr } = await run(millrace, ['invoke', 'f', '--event', '-'], {
      cwd: app,
      input: '{"n":21}',
    });
    expect({ code, stdout }, stderr).toEqual({ code: 0, stdout: '42\n' });
  });

  test('works on a stream', async () => {
    const on = ['--redis', redis.url, '--namespace', 'packaged'];
    await must(millrace, ['stream', 'create', 's', '--shards', '2', ...on], app);
    expect(await must(millrace, ['stream', 'list', ...on], app)).toBe('s\n');
  });
});
