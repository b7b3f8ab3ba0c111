/** What a simulated daemon asks of Redis, by name: scripts as their files are called, commands as they are. */
import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../src/', import.meta.url));
/** Script → its text below the first line: what it uses may be put in between (redis/scripts.ts). */
const SCRIPTS = globSync('*/lua/*.lua', { cwd: root }).map((file) => {
  const text = readFileSync(path.join(root, file), 'utf8');
  return { name: path.basename(file).replace(/-[^-]+\.lua$/, ''), body: text.slice(text.indexOf('\n')) };
});
const names = new Map<string, string>();

/** `text`: of a script that the server knows by its SHA-1. Null: the server will not know it, and does nothing. */
export function callOf([command, first]: readonly string[], text: (sha1: string) => string | undefined): string | null {
  if (!/^EVAL/i.test(command!)) return `redis ${command!.toLowerCase()}`;
  const lua = /^EVALSHA$/i.test(command!) ? text(first!) : first!;
  return lua === undefined ? null : `script ${nameOf(lua)}`;
}

function nameOf(lua: string): string {
  const known = names.get(lua);
  if (known !== undefined) return known;
  const script = SCRIPTS.find(({ body }) => lua.endsWith(body));
  if (!script) throw new Error(`no script's file has this: ${lua.slice(0, 200)}`);
  names.set(lua, script.name);
  return script.name;
}
