/** Stack lines of the bundle → the user's files and lines. Only for errors, bounded, decoded by Node. */
import { readFileSync, statSync } from 'node:fs';
import { SourceMap, type SourceMapPayload } from 'node:module';
import { SOURCE_MAP_BYTES_MAX } from '../limits.ts';

/** What the bundle is called in the isolate (child/host.ts), and so in its stacks. */
const BUNDLE_FRAME = /\/var\/task\/index\.js:(\d+):(\d+)/;
const OWN_FRAME = /millrace:|<isolated-vm|node:internal|\/isolated-vm\//;
const MAPS_KEPT = 32;

const maps = new Map<string, SourceMap | null>();

/** null leaves the line out: it belongs to us or to the host. */
export function mapFrame(line: string, sourceMapPath: string | null): string | null {
  if (OWN_FRAME.test(line)) return null;
  const at = BUNDLE_FRAME.exec(line);
  if (at === null || sourceMapPath === null) return line;
  const map = mapAt(sourceMapPath);
  const entry = map?.findEntry(Number(at[1]) - 1, Number(at[2]) - 1);
  if (entry === undefined || !('originalSource' in entry)) return line;
  const place = `/var/task/${relative(entry.originalSource)}:${entry.originalLine + 1}:${entry.originalColumn + 1}`;
  return line.slice(0, at.index) + place + line.slice(at.index + at[0].length);
}

/** Sources are written relative to the function's directory; whatever leads out of it is not shown. */
function relative(source: string): string {
  const parts = source.replace(/^[a-z][\w-]*:\/*/i, '').split(/[\\/]/);
  const modules = parts.lastIndexOf('node_modules');
  if (modules >= 0) return parts.slice(modules).join('/');
  return source.startsWith('/')
    ? (parts.at(-1) ?? '')
    : parts.filter((part) => part !== '..' && part !== '.' && part !== '').join('/');
}

function mapAt(path: string): SourceMap | null {
  const known = maps.get(path);
  if (known !== undefined) return known;
  let map: SourceMap | null = null;
  try {
    if (statSync(path).size <= SOURCE_MAP_BYTES_MAX)
      map = new SourceMap(JSON.parse(readFileSync(path, 'utf8')) as SourceMapPayload);
  } catch {
    // Without its map a stack names the bundle's lines: less helpful, but the error itself is reported.
    map = null;
  }
  const oldest = maps.keys().next();
  if (maps.size >= MAPS_KEPT && oldest.done === false) maps.delete(oldest.value);
  maps.set(path, map);
  return map;
}
