/** What can be checked of Dockerfile and docker-compose.yml without an engine. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { ROOT } from '../support/house/files.ts';

interface Service {
  readonly image?: string;
  readonly build?: string;
  readonly init?: boolean;
  readonly read_only?: boolean;
  readonly command?: readonly string[];
  readonly healthcheck?: object;
  readonly tmpfs?: readonly string[];
}

const read = (file: string) => readFileSync(path.join(ROOT, file), 'utf8');
const compose = parse(read('docker-compose.yml'), { merge: true }) as { services: Record<string, Service> };
const dockerfile = read('Dockerfile').replaceAll('\\\n', ' ').split('\n');

test('the services are Redis, pollers and executors, each with an init and a read-only root', () => {
  expect(Object.keys(compose.services)).toEqual(['redis', 'poller', 'executor']);
  for (const service of Object.values(compose.services)) {
    expect(service).toMatchObject({ init: true, read_only: true });
    expect(service.tmpfs).toHaveLength(1);
  }
});

test('Redis keeps what it accepted and evicts nothing', () => {
  const command = compose.services['redis']!.command!.join(' ');
  expect(command).toContain('--appendonly yes');
  expect(command).toContain('--maxmemory-policy noeviction');
  expect(compose.services['redis']).toHaveProperty('healthcheck');
});

test.for(['poller', 'executor'])('the command of %s is one that the command line has', (name) => {
  const command = compose.services[name]!.command!;
  expect(command).toContain(name);
  const help = execFileSync(path.join(ROOT, 'bin', 'millrace'), [command[0]!, '--help'], { encoding: 'utf8' });
  for (const option of command.filter((word) => word.startsWith('--'))) expect(help).toContain(option);
});

test('everything that the image copies is there, and is let through to the build', () => {
  const allowed = read('.dockerignore')
    .split('\n')
    .filter((line) => line.startsWith('!'));
  const copied = dockerfile
    .filter((line) => /^COPY (?!--from)/.test(line))
    .flatMap((line) => line.split(/\s+/).slice(1, -1));
  expect(copied.length).toBeGreaterThan(5);
  for (const file of copied) {
    expect(existsSync(path.join(ROOT, file)), file).toBe(true);
    expect(allowed).toContain(`!${file}`);
  }
});

test('the image runs as a plain user and says whether it is ready', () => {
  expect(dockerfile).toContain('USER node');
  expect(dockerfile.find((line) => line.startsWith('HEALTHCHECK'))).toContain('/readyz');
  const majors = dockerfile.flatMap((line) => /^FROM node:(\d+)/.exec(line)?.[1] ?? []);
  expect(majors).toEqual(['26', '26']);
});
