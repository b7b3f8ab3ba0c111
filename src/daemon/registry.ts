/** What the daemons of a namespace agree on through Redis: mappings by name, function versions by order (product.md, "Namespaces and mappings"). */
import type { Redis } from '../redis/connect.ts';
import type { Keys } from '../redis/keys.ts';
import type { MappingConfig } from '../mapping/types.ts';
import { auditArgs } from '../observe/audit.ts';
import { loadScript } from '../redis/scripts.ts';
import type { Member } from './membership.ts';

const lua = new URL('./lua/', import.meta.url);
const registerScript = loadScript(lua, 'register-3.lua');
const versionScript = loadScript(lua, 'version-1.lua');
const startedScript = loadScript(lua, 'started-1.lua');

export interface MappingRecord {
  readonly name: string;
  readonly pinned: string;
  readonly source: MappingConfig['source'];
  readonly output: MappingConfig['output'];
  readonly function: string;
  readonly functionVersion: string;
  readonly enabled: boolean;
  /** Of all its settings. */
  readonly configHash: string;
}

export type Registered =
  | { readonly kind: 'ok' }
  /** Other daemons run the mapping with other pinned fields, or its name belongs to another source. */
  | { readonly kind: 'config-conflict' | 'source-conflict'; readonly stored: string };

/** What makes a source the same one: a mapping's name belongs to it for good. */
export function sourceIdentity(source: MappingRecord['source']): string {
  const { type } = source;
  if (type === 'redis-stream') return JSON.stringify({ type, stream: source.stream });
  return JSON.stringify({ type, topic: source.topic, consumerGroupId: source.consumerGroupId });
}

/** What `status` shows of it: nothing of how a cluster is reached. */
function shownSource(source: MappingRecord['source']): Readonly<Record<string, unknown>> {
  if (source.type === 'redis-stream') return { ...source };
  const { cluster: _cluster, ...shown } = source;
  return shown;
}

/**
 * Stored pinned fields are replaced only when nobody alive runs the mapping as it is stored, or `force` says so (mapping apply). What is
 * changed is audited.
 */
export async function registerMapping(
  redis: Redis,
  keys: Keys,
  record: MappingRecord,
  runsAsStored: (storedPinned: string) => boolean,
  force = false,
): Promise<Registered> {
  const attempt = async (replace: boolean) => {
    const state = record.enabled ? 'Enabled' : 'Disabled';
    const args = [
      record.name,
      record.pinned,
      sourceIdentity(record.source),
      record.function,
      record.functionVersion,
      state,
    ];
    return (await registerScript.run(
      redis,
      [keys.mapping(record.name), keys.mappings(), keys.audit()],
      [
        ...[...args, replace ? '1' : '', JSON.stringify(shownSource(record.source))],
        ...[record.output ? JSON.stringify(record.output) : '', record.configHash],
        ...auditArgs({ command: force ? 'mapping apply' : 'start', detail: '' }).slice(0, 4),
      ],
    )) as string[];
  };
  let [kind, stored] = await attempt(force);
  if (kind === 'conflict' && !runsAsStored(stored!)) {
    [kind, stored] = await attempt(true);
  }
  if (kind === 'ok') return { kind };
  return { kind: kind === 'source' ? 'source-conflict' : 'config-conflict', stored: stored ?? '' };
}

/** The version's place in the order of registrations; `anew` makes it the newest (a roll-back). */
export async function registerVersion(
  redis: Redis,
  keys: Keys,
  name: string,
  hash: string,
  anew = false,
): Promise<number> {
  return (await versionScript.run(redis, [keys.functionVersions(name)], [hash, anew ? '1' : ''])) as number;
}

/** True while somebody alive has a newer version of the function. */
export function isSuperseded(name: string, order: number, others: readonly Member[]): boolean {
  // A daemon that only polls runs no function, so it supersedes nobody's.
  const executors = others.filter((member) => member.roles.includes('executor'));
  return executors.some((member) => (member.functions[name] ?? 0) > order);
}

/** The shards that were there when the mapping first started have their positions. */
export async function markStarted(redis: Redis, keys: Keys, name: string): Promise<void> {
  await startedScript.run(redis, [keys.mapping(name)], []);
}
