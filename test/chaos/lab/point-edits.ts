/** Edits of the engine's text that let each call of a port pass `points-preload.ts`. */
import type { Edit, WrongBuild } from '../wrong-builds/builds.ts';

/** Each method of what the factory makes is a call. */
function wraps(file: string, declaration: string, port: string): Edit {
  const [, words, name] = /^export ((?:async )?)function (\w+)\(/.exec(declaration)!;
  const outer = `export function ${name}(...all) {\n  return millracePort('${port}', ${name}Itself(...all));\n}`;
  return { file, from: declaration, to: `${outer}\n${words}function ${name}Itself(` };
}

/** Not wrong; edited as wrong builds are. */
export const POINT_EDITS: WrongBuild = {
  name: 'each call of a port is a point',
  breaks: [],
  edits: [
    {
      file: 'src/redis/scripts.ts',
      from: `  async function evaluate(
`,
      to: `  const evaluate = (...all) => millracePoint(\`script \${name}\`, () => evaluateItself(...all));
  async function evaluateItself(
`,
    },
    { file: 'src/daemon/daemon.ts', from: `id = randomUUID();`, to: `id = millraceIs(randomUUID());` },
    {
      file: 'src/sandbox/pool.ts',
      from: `spawnChild(this.#scripts.child, this.#options.hardening)`,
      to: `millracePoint('child start', () => spawnChild(this.#scripts.child, this.#options.hardening))`,
    },
    wraps('src/redis/reader.ts', 'export function createReader(', 'reader'),
    wraps('src/queue/turn-queue.ts', 'export function openTurnQueue(', 'turns'),
    wraps('src/queue/turn-worker.ts', 'export function openTurnWorker(', 'worker'),
    wraps('src/sandbox/pool.ts', 'export async function createSandbox(', 'sandbox'),
    wraps('src/source/registry.ts', 'export function openSource(', 'source'),
    wraps('src/source/registry.ts', 'export function openOutput(', 'output'),
    wraps('src/source/registry.ts', 'export function openSender(', 'notices'),
    wraps('src/source/registry.ts', 'export function openExactSender(', 'sender'),
    wraps('src/source/registry.ts', 'export function openBacklog(', 'backlog'),
  ],
};
