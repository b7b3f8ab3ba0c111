/** README as a newcomer follows it: the quickstart, then its example from the first command to the last. Every other command is parsed. */
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Command, CommanderError } from 'commander';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { parse } from 'yaml';
import manifest from '../../package.json' with { type: 'json' };
import { auditCommand } from '../../src/commands/audit.ts';
import { devCommand } from '../../src/commands/dev.ts';
import { failuresCommand } from '../../src/commands/failures.ts';
import { invokeCommand } from '../../src/commands/invoke.ts';
import { mappingCommand } from '../../src/commands/mapping.ts';
import { startCommand } from '../../src/commands/start.ts';
import { statusCommand } from '../../src/commands/status.ts';
import { streamCommand } from '../../src/commands/stream.ts';
import { validateCommand } from '../../src/commands/validate.ts';
import { type Block, blocks, blocksOf } from '../support/documents.ts';
import { ROOT } from '../support/house/files.ts';
import { useRedis } from '../support/redis.ts';
import { MILLRACE, run, start } from '../support/run.ts';

function newDirectory(): string {
  const dir = mkdtempSync(path.join(tmpdir(), 'millrace-readme-'));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  mkdirSync(path.join(dir, 'bin'));
  return dir;
}

/** A program in the directory's `bin`, which the shell's PATH begins with. */
function program(dir: string, name: string, script: string): void {
  const file = path.join(dir, 'bin', name);
  writeFileSync(`${file}.cjs`, script);
  writeFileSync(file, `#!/bin/sh\nexec "${process.execPath}" "${file}.cjs" "$@"\n`);
  chmodSync(file, 0o755);
}

const shell = (dir: string, text: string, env: Readonly<Record<string, string>> = {}) =>
  run('/bin/sh', ['-euc', text], { cwd: dir, env: { PATH: `${dir}/bin:${process.env['PATH']}`, ...env } });

describe('every command of the documents', () => {
  /** The words of each command that a block would run, as the shell makes them. */
  async function commandsOf(block: Block): Promise<string[][]> {
    const dir = newDirectory();
    const record = `require('node:fs').appendFileSync(${JSON.stringify(path.join(dir, 'ran'))}, JSON.stringify(process.argv.slice(1)) + '\\n');`;
    for (const name of ['millrace', 'npm', 'docker', 'redis-cli']) program(dir, name, record);
    writeFileSync(path.join(dir, 'clicks.ndjson'), '');
    const { code, stderr } = await shell(dir, block.text);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const lines = readFileSync(path.join(dir, 'ran'), 'utf8').trim().split('\n');
    return lines
      .map((line) => JSON.parse(line) as string[])
      .map(([file, ...words]) => [path.basename(file!, '.cjs'), ...words]);
  }

  /** Rejects as the command line would; nothing is done. */
  async function parseOnly(words: readonly string[]): Promise<void> {
    const root = new Command('millrace').helpCommand('help [VERB]');
    const acting = [auditCommand, failuresCommand, mappingCommand];
    for (const make of [devCommand, invokeCommand, ...acting, startCommand, statusCommand, streamCommand]) {
      root.addCommand(make());
    }
    root.addCommand(validateCommand());
    const still = (command: Command): void => {
      command.exitOverride().configureOutput({ writeOut: () => undefined, writeErr: () => undefined });
      if (command.commands.length === 0) command.action(() => undefined);
      for (const sub of command.commands) still(sub);
    };
    still(root);
    try {
      await root.parseAsync(words, { from: 'user' });
    } catch (error) {
      if (!(error instanceof CommanderError) || error.code !== 'commander.help') throw error;
    }
  }

  const scripts = manifest.scripts as Readonly<Record<string, string>>;
  const { services } = parse(readFileSync(path.join(ROOT, 'docker-compose.yml'), 'utf8'), { merge: true }) as {
    services: Readonly<Record<string, unknown>>;
  };

  test.for(blocks('sh').map((block): [string, Block] => [`${block.file}:${block.line}`, block]))(
    'is one that there is: %s',
    async ([, block]) => {
      for (const [name, ...words] of await commandsOf(block)) {
        const told = `${name} ${words.join(' ')}`;
        if (name === 'millrace') await expect(parseOnly(words), told).resolves.toBeUndefined();
        else if (name === 'npm') expect(scripts, told).toHaveProperty(words[0] === 'run' ? words[1]! : words[0]!);
        else if (name === 'docker') {
          expect(words.slice(0, 2), told).toEqual(['compose', 'up']);
          for (const [, service] of told.matchAll(/--scale (\w+)=/g)) expect(services, told).toHaveProperty(service!);
        } else expect(words[0], told).toBe('XADD');
      }
    },
  );

  test('a command that there is not would be found', async () => {
    await expect(parseOnly(['start', '--nope'])).rejects.toThrow("unknown option '--nope'");
    await expect(parseOnly(['strat'])).rejects.toThrow();
    await expect(parseOnly(['stream', 'split', 'clicks'])).rejects.toThrow("missing required argument 'SHARD'");
    await expect(parseOnly(['start', '--role', 'boss'])).rejects.toThrow('The roles are');
  });
});

describe('the quickstart', () => {
  const redis = useRedis();

  test('npm start -- --until-drained', async () => {
    const { code, stdout } = await run('npm', ['start', '--silent', '--', '--until-drained'], {
      env: { REDIS_URL: redis.url },
    });
    expect({ code, stdout }).toEqual({
      code: 0,
      stdout: expect.stringContaining('out of order 0, doubled 0, lost 0') as string,
    });
  }, 120_000);
});

describe('the example', () => {
  const redis = useRedis();

  /** What the example sends its records to: takes them under their number, refuses those that say so. */
  async function openSink() {
    const taken = new Map<string, { readonly body: string; readonly epoch: string }>();
    const server = http.createServer((request, response) => {
      let body = '';
      request.on('data', (data: Buffer) => (body += data.toString()));
      request.on('end', () => {
        const good = request.method === 'PUT' && !body.includes('"bad"');
        if (good)
          taken.set(`${request.headers['x-millrace-shard'] as string}${request.url}`, {
            body,
            epoch: String(request.headers['x-millrace-epoch']),
          });
        response.writeHead(good ? 204 : 400).end();
      });
    });
    server.listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    onTestFinished(() => {
      server.closeAllConnections();
      server.close();
    });
    return { taken, address: `127.0.0.1:${(server.address() as AddressInfo).port}` };
  }

  /** Its files where README says they are, with our sink in the place of theirs. */
  function writeExample(dir: string, sink: string): void {
    const all = blocksOf('README.md');
    const [yaml] = all.filter(({ language }) => language === 'yaml');
    const [handler] = all.filter(({ language }) => language === 'ts');
    const settings = yaml!.text
      .replace('https://api.example.com', `http://${sink}`)
      .replace('api.example.com:443', sink);
    expect(settings).not.toContain('example.com');
    writeFileSync(path.join(dir, 'millrace.yaml'), settings);
    mkdirSync(path.join(dir, 'functions'));
    writeFileSync(path.join(dir, 'functions', 'deliver.ts'), handler!.text);
    const clicks = Array.from({ length: 200 }, (_, n) => ({
      user: `user-${n % 20}`,
      n,
      ...(n === 77 && { bad: true }),
    }));
    writeFileSync(path.join(dir, 'clicks.ndjson'), clicks.map((click) => `${JSON.stringify(click)}\n`).join(''));
  }

  test('runs from its first command to its last', async () => {
    const dir = newDirectory();
    const sink = await openSink();
    writeExample(dir, sink.address);
    symlinkSync(MILLRACE, path.join(dir, 'bin', 'millrace'));
    const client = JSON.stringify(path.join(ROOT, 'node_modules', 'ioredis'));
    program(
      dir,
      'redis-cli',
      `const { Redis } = require(${client}); const redis = new Redis(process.env.REDIS_URL);
redis.call(...process.argv.slice(2)).then((reply) => { console.log(reply); redis.disconnect(); });`,
    );
    const env = { REDIS_URL: redis.url };
    /** When `count` records came to an end, how many of them were given up. */
    const settled = (count: number) =>
      vi.waitFor(
        async () => {
          const { stdout } = await shell(dir, 'millrace status --json', env);
          const { mappings } = JSON.parse(stdout) as { mappings: { shards: { settled: Record<string, number> }[] }[] };
          const shards = mappings.flatMap((mapping) => mapping.shards);
          const sum = (name: string) => shards.reduce((total, shard) => total + shard.settled[name]!, 0);
          expect(sum('succeeded') + sum('givenUp')).toBe(count);
          return sum('givenUp');
        },
        { timeout: 60_000, interval: 100 },
      );

    const executed = blocksOf('README.md').filter(
      ({ language, text }) => language === 'sh' && !/^npm |docker |--role /m.test(text),
    );
    expect(executed.length).toBeGreaterThanOrEqual(6);
    const out: string[] = [];
    let daemon: ReturnType<typeof start> | undefined;
    for (const { text, line } of executed) {
      const commands = text.replace(/^millrace start$/m, '');
      const { code, stdout, stderr } = await shell(dir, commands, env);
      expect({ line, code, stderr }).toEqual({ line, code: 0, stderr: expect.any(String) as string });
      out.push(stdout);
      if (commands === text) continue;
      const started = (daemon = start(MILLRACE, ['start'], { cwd: dir, env }));
      onTestFinished(() => started.kill('SIGKILL'));
      await daemon.until(/"msg":"ready"/);
      expect(await settled(200)).toBe(1);
    }
    expect(await settled(201)).toBe(1);
    const bodies = [...sink.taken.values()].map(({ body }) => JSON.parse(body) as { user: string; n?: number });
    expect(bodies.length).toBe(200);
    expect(bodies.map(({ n }) => n)).not.toContain(77);
    expect(bodies).toContainEqual({ user: 'ada' });
    expect([...sink.taken.values()].every(({ epoch }) => /^\d{16}$/.test(epoch))).toBe(true);
    expect(out.join('')).toContain('RetryAttemptsExhausted');
    expect(out.join('')).toContain('"batchItemFailures":[]');
    daemon!.kill('SIGTERM');
    expect(await daemon!.ended).toEqual({ code: 0, signal: null });
    expect(existsSync(path.join(dir, '.millrace', 'cache'))).toBe(true);
  }, 180_000);
});
