/** `configHash` and `pinned`: what daemons compare with each other. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { requireConfig } from '../../src/mapping/require-config.ts';
import type { MappingConfig } from '../../src/mapping/types.ts';

const root = mkdtempSync(path.join(tmpdir(), 'millrace-hash-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const YAML = `functions:
  enrich: { code: handler.ts, handler: handler, environment: { A: "1", S: { secret: "\${SECRET}" } } }
  other: { code: handler.ts, handler: handler }
mappings:
  clicks: { function: enrich, source: { type: redis-stream, stream: clicks }, startingPosition: LATEST }
`;

const unchanged = (yaml: string) => yaml;

function clicks(change: (yaml: string) => string, home = 'a', secret = 'secret-number-one'): MappingConfig {
  const dir = path.join(root, home);
  mkdirSync(dir, { recursive: true });
  writeFileSync(path.join(dir, 'handler.ts'), 'export const handler = async () => {};\n');
  const yaml = change(YAML);
  if (change !== unchanged) expect(yaml).not.toBe(YAML);
  writeFileSync(path.join(dir, 'millrace.yaml'), yaml);
  return requireConfig(path.join(dir, 'millrace.yaml'), { SECRET: secret }).mappings.get('clicks')!;
}

const base = clicks(unchanged, 'base');

describe('configHash', () => {
  it('is the same for the same settings, wherever they lie, however they are written', () => {
    expect(base.configHash).toMatch(/^[0-9a-f]{64}$/);
    expect(clicks(unchanged, 'b').configHash).toBe(base.configHash);
    expect(clicks((yaml) => `# a comment\n${yaml}`).configHash).toBe(base.configHash);
    expect(
      clicks((yaml) => yaml.replace('startingPosition: LATEST', 'batchSize: 100, startingPosition: LATEST')).configHash,
    ).toBe(base.configHash);
    expect(
      clicks((yaml) => yaml.replace('{ A: "1", S: { secret: "${SECRET}" } }', '{ S: { secret: "${SECRET}" }, A: "1" }'))
        .configHash,
    ).toBe(base.configHash);
  });

  it('does not depend on another function, nor on the value of a secret', () => {
    expect(
      clicks((yaml) => yaml.replace('other: { code: handler.ts', 'other: { timeout: 9, code: handler.ts')).configHash,
    ).toBe(base.configHash);
    expect(clicks(unchanged, 'c', 'secret-number-two').configHash).toBe(base.configHash);
  });

  it.each([
    [
      'batchSize',
      (yaml: string) => yaml.replace('startingPosition: LATEST', 'batchSize: 99, startingPosition: LATEST'),
    ],
    [
      'an age that is written out',
      (yaml: string) =>
        yaml.replace('startingPosition: LATEST', 'maximumRecordAgeInSeconds: 86400, startingPosition: LATEST'),
    ],
    ['the function', (yaml: string) => yaml.replace('function: enrich', 'function: other')],
    [
      'the function’s timeout',
      (yaml: string) => yaml.replace('handler: handler, env', 'handler: handler, timeout: 4, env'),
    ],
    ['a variable', (yaml: string) => yaml.replace('A: "1"', 'A: "2"')],
    ['a secret declared as one', (yaml: string) => yaml.replace('A: "1"', 'A: { secret: "${SECRET}" }')],
    ['the source', (yaml: string) => yaml.replace('stream: clicks', 'stream: other')],
  ])('changes with %s', (_what, change) => {
    expect(clicks(change).configHash).not.toBe(base.configHash);
  });
});

describe('pinned', () => {
  it('holds what Redis keeps, and nothing else', () => {
    expect(base.pinned).toEqual({
      eventFormat: 'kinesis',
      parallelizationFactor: 1,
      source: { type: 'redis-stream', stream: 'clicks', arrival: 'id', trim: 'never' },
      startingPosition: 'LATEST',
      tumblingWindowInSeconds: 0,
    });
    expect(
      clicks((yaml) => yaml.replace('startingPosition: LATEST', 'batchSize: 7, startingPosition: LATEST')).pinned,
    ).toEqual(base.pinned);
  });

  it('is written the same by everybody', () => {
    const other = clicks((yaml) =>
      yaml.replace(
        '{ type: redis-stream, stream: clicks }',
        '{ trim: never, stream: clicks, arrival: id, type: redis-stream }',
      ),
    );
    expect(JSON.stringify(other.pinned)).toBe(JSON.stringify(base.pinned));
  });
});
