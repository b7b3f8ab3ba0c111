/**
 * The audit log: who did what to a running system, from where and when (contract.md, "Acting on a running system"). A bounded stream, whose
 * ids are the times. A script that acts writes its entry itself, in the same step; `audit` is for what is no single script.
 */
import { hostname, userInfo } from 'node:os';
import { AUDIT_ENTRIES_MAX, AUDIT_READ_ENTRIES, AUDIT_TEXT_CHARS_MAX } from '../operator-limits.ts';
import { BEFORE_ALL, idMs } from '../record.ts';
import type { Redis } from '../redis/connect.ts';
import type { Keys } from '../redis/keys.ts';
import { loadScript } from '../redis/scripts.ts';

/** For scripts that act: `writeAudit(key, at)` appends the entry that `auditArgs` gave, the first of them being ARGV[at]; gives its id. */
export const AUDIT_LUA = `
local function writeAudit(key, at)
  return redis.call('XADD', key, 'MAXLEN', '~', ARGV[at], '*', 'who', ARGV[at + 1], 'host', ARGV[at + 2], 'command', ARGV[at + 3],
    'mapping', ARGV[at + 4], 'shard', ARGV[at + 5], 'detail', ARGV[at + 6])
end
`;

const script = loadScript(new URL('./lua/', import.meta.url), 'audit-1.lua', { with: AUDIT_LUA });

export interface Act {
  /** As it is typed: `mapping pause`. */
  readonly command: string;
  readonly mapping?: string;
  /** Absent: all of the mapping's. */
  readonly shard?: string;
  /** A sentence, without secrets. */
  readonly detail: string;
  /** Absent: the user of this process. */
  readonly who?: string;
}

/** As `millrace audit --json` has it. */
export interface AuditEntry {
  readonly time: string;
  readonly who: string;
  readonly host: string;
  readonly command: string;
  readonly mapping: string | null;
  readonly shard: string | null;
  readonly detail: string;
}

/** What a script takes to write the entry: most entries of the log, then who, host, command, mapping, shard, detail. */
export function auditArgs(act: Act): (string | number)[] {
  const texts = [act.who ?? userName(), hostname(), act.command, act.mapping ?? '', act.shard ?? '', act.detail];
  return [AUDIT_ENTRIES_MAX, ...texts.map((text) => text.slice(0, AUDIT_TEXT_CHARS_MAX))];
}

/** Call it when the act is done, or, where it may end halfway, before it begins. */
export async function audit(redis: Redis, keys: Keys, act: Act): Promise<void> {
  await script.run(redis, [keys.audit()], auditArgs(act));
}

/** Oldest first. */
export async function readAudit(redis: Redis, keys: Keys): Promise<AuditEntry[]> {
  const entries: AuditEntry[] = [];
  for (let after: string = BEFORE_ALL; ;) {
    const found = await redis.xrange(keys.audit(), `(${after}`, '+', 'COUNT', AUDIT_READ_ENTRIES);
    entries.push(...found.map(([id, fields]) => toEntry(id, fields)));
    if (found.length < AUDIT_READ_ENTRIES) return entries;
    after = found.at(-1)![0];
  }
}

function toEntry(id: string, flat: readonly string[]): AuditEntry {
  const fields = new Map<string, string>();
  for (let i = 0; i + 1 < flat.length; i += 2) fields.set(flat[i]!, flat[i + 1]!);
  const text = (name: string) => fields.get(name) ?? '';
  return {
    ...{ time: new Date(idMs(id)).toISOString(), who: text('who'), host: text('host'), command: text('command') },
    ...{ mapping: text('mapping') || null, shard: text('shard') || null, detail: text('detail') },
  };
}

/** Whoever has become another user by sudo is named, too. */
function userName(): string {
  const sudo = process.env['SUDO_USER'];
  let name: string;
  try {
    name = userInfo().username;
  } catch {
    // A container may run under a number that has no name.
    name = `uid ${process.getuid?.() ?? 'unknown'}`;
  }
  return sudo ? `${sudo} as ${name}` : name;
}
