/** Architecture §4 as data: which room a file lives in, which rooms it may reach into, and who may use which library. */

export type Room =
  | { readonly kind: 'cli' | 'commands' | 'daemon' | 'story' | 'redis' | 'observe' | 'vocabulary' }
  | { readonly kind: 'station' | 'connector'; readonly name: string }
  | { readonly kind: 'outside' };

const STATIONS = ['source', 'shard', 'queue', 'unit', 'event', 'filter', 'function', 'sandbox', 'failure', 'mapping'];
/** The stories and the chapters that they are told in. */
const STORIES = /^src\/(poller\.ts|executor\.ts|redrive\.ts|turn\/|watch\/|redrive\/)/;

export function roomOf(file: string): Room {
  if (file === 'src/cli.ts') return { kind: 'cli' };
  if (STORIES.test(file)) return { kind: 'story' };
  const [top, folder, ...rest] = file.split('/');
  if (top === 'connectors' && folder !== undefined) return { kind: 'connector', name: folder };
  if (top !== 'src' || folder === undefined) return { kind: 'outside' };
  if (rest.length === 0) return { kind: 'vocabulary' };
  if (STATIONS.includes(folder)) return { kind: 'station', name: folder };
  if (folder === 'commands' || folder === 'daemon' || folder === 'redis' || folder === 'observe')
    return { kind: folder };
  return { kind: 'outside' };
}

/** One way: cli → commands → daemon → stories → stations → redis, observe → vocabulary. */
const REACH: Readonly<Record<Room['kind'], readonly Room['kind'][]>> = {
  cli: ['commands', 'vocabulary'],
  commands: ['commands', 'daemon', 'story', 'station', 'connector', 'redis', 'observe', 'vocabulary'],
  daemon: ['daemon', 'story', 'station', 'redis', 'observe', 'vocabulary'],
  story: ['story', 'station', 'redis', 'observe', 'vocabulary'],
  station: ['redis', 'observe', 'vocabulary'],
  connector: ['redis', 'observe', 'vocabulary'],
  observe: ['observe', 'redis', 'vocabulary'],
  redis: ['redis', 'observe', 'vocabulary'],
  vocabulary: ['vocabulary'],
  outside: ['cli', 'commands', 'daemon', 'story', 'station', 'connector', 'redis', 'observe', 'vocabulary', 'outside'],
};

/** The sentence that says what is wrong with the import, or undefined. */
export function wrongReach(from: string, to: string): string | undefined {
  const here = roomOf(from);
  const there = roomOf(to);
  const boundary = wrongAtBoundary(from, to);
  if (boundary !== undefined) return boundary;
  if ('name' in here && 'name' in there && here.kind === there.kind) {
    return here.name === there.name ? undefined : `${here.kind} ${here.name} knows ${there.kind} ${there.name}`;
  }
  // The port is what connectors are made for; the registry is where they are named.
  if (here.kind === 'connector' && to === 'src/source/port.ts') return undefined;
  if (from === 'src/source/registry.ts' && there.kind === 'connector') return undefined;
  return REACH[here.kind].includes(there.kind) ? undefined : `${here.kind} reaches ${there.kind}`;
}

/** Folders that are a trust boundary: they see these files and nothing else. */
const BOUNDARIES: readonly { readonly inside: RegExp; readonly sees: RegExp; readonly about: string }[] = [
  {
    inside: /^src\/sandbox\/child\//,
    sees: /^src\/sandbox\/(child\/|protocol|isolate\/host\.ts)/,
    about: 'sandbox/child sees the wire protocol and what it offers the isolate, nothing else',
  },
  {
    inside: /^src\/sandbox\/isolate\//,
    sees: /^src\/sandbox\/(isolate\/|runtime\/hooks\.ts)/,
    about: 'sandbox/isolate runs inside and sees nothing outside',
  },
  {
    inside: /^src\/sandbox\/runtime\//,
    sees: /^src\/sandbox\/runtime\//,
    about: 'sandbox/runtime runs inside and sees nothing outside',
  },
];

function wrongAtBoundary(from: string, to: string): string | undefined {
  return BOUNDARIES.find((boundary) => boundary.inside.test(from) && !boundary.sees.test(to))?.about;
}

/** One vendor library, one place. Every dependency of package.json has a line here. */
export const VENDORS: Readonly<Record<string, RegExp>> = {
  bullmq: /^src\/queue\//,
  // queue/ hands connections to BullMQ, which wants the class.
  ioredis: /^src\/(redis|queue)\//,
  'isolated-vm': /^src\/sandbox\/child\//,
  commander: /^src\/(cli\.ts|commands\/)/,
  'cli-progress': /^src\/commands\//,
  zod: /^src\/mapping\//,
  yaml: /^src\/mapping\//,
  pino: /^src\/observe\//,
  'pino-pretty': /^src\/observe\//,
  'prom-client': /^src\/observe\//,
  esbuild: /^src\/esbuild\.ts$/,
  undici: /^src\/sandbox\/egress\//,
  'readable-stream': /^src\/sandbox\/runtime\//,
  yauzl: /^src\/function\/zip\//,
  'web-streams-polyfill': /^src\/sandbox\/runtime\//,
  kafkajs: /^connectors\/kafka\//,
  'kafkajs-snappy': /^connectors\/kafka\//,
  lz4js: /^connectors\/kafka\//,
  unenv: /^src\/(sandbox\/runtime|function)\//,
};
