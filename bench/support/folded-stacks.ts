/** Stacks as flame graphs are drawn of them: outermost frame first, with `;` between frames, and what each weighs. A frame is `function [where]`. */
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Profile } from './cpu-profile.ts';

export type Stacks = ReadonlyMap<string, number>;

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const HARMLESS = /[;\s[\]]+/g;

export const frameOf = (name: string, where: string): string => `${name.replaceAll(HARMLESS, ' ').trim()} [${where}]`;
export const whereOf = (frame: string): string => /\[([^\]]*)\]$/.exec(frame)?.[1] ?? '';

/** Of the last part of the profile, in µs; idle time is left out. Each frame of this product stands for itself, those of a library in a row for one. */
export function stacksOf(profile: Profile, lastUs: number): Stacks {
  const nodes = new Map(profile.nodes.map((node) => [node.id, node]));
  const parents = new Map(profile.nodes.flatMap(({ id, children = [] }) => children.map((child) => [child, id])));
  const known = new Map<number, string | null>();
  const stackOf = (id: number): string | null => {
    const frames: string[] = [];
    for (let at: number | undefined = id; at !== undefined; at = parents.get(at)) {
      const { functionName, url } = nodes.get(at)!.callFrame;
      if (functionName === '(idle)') return null;
      if (functionName !== '(root)') frames.unshift(frameOf(functionName || '(anonymous)', placeOf(url)));
    }
    return shortened(frames).join(';');
  };
  const stacks = new Map<string, number>();
  let left = lastUs;
  for (let n = profile.samples.length - 1; n >= 0 && left > 0; n--) {
    const [id, us] = [profile.samples[n]!, profile.timeDeltas[n]!];
    left -= us;
    if (!known.has(id)) known.set(id, stackOf(id));
    const stack = known.get(id)!;
    if (stack !== null) stacks.set(stack, (stacks.get(stack) ?? 0) + us);
  }
  return stacks;
}

function placeOf(url: string): string {
  if (url === '') return 'V8';
  if (url.startsWith('node:')) return 'Node';
  const file = url.startsWith('file:') ? fileURLToPath(url) : url;
  const library = /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(file)?.[1];
  return library ?? path.relative(ROOT, file);
}

/** Of frames in a row that are of one library, the first: who called it stands before it. */
export function shortened(frames: readonly string[]): string[] {
  const own = (where: string) => where.startsWith('src/') || where.startsWith('connectors/');
  return frames.filter((frame, n) => {
    const where = whereOf(frame);
    return n === 0 || own(where) || whereOf(frames[n - 1]!) !== where;
  });
}

/** The same stacks below one more frame, weighing `weight` in all. */
export function scaled(stacks: Stacks, frame: string, weight: number): Stacks {
  const all = [...stacks.values()].reduce((sum, one) => sum + one, 0);
  return new Map([...stacks].map(([stack, one]) => [`${frame};${stack}`, (one / all) * weight]));
}

export interface Frame {
  readonly name: string;
  /** Its own and what is above it. */
  weight: number;
  readonly above: Map<string, Frame>;
}

export function treeOf(stacks: Iterable<readonly [stack: string, weight: number]>): Frame {
  const root: Frame = { name: '', weight: 0, above: new Map() };
  for (const [stack, weight] of stacks) {
    root.weight += weight;
    let at = root;
    for (const name of stack.split(';')) {
      const next = at.above.get(name) ?? { name, weight: 0, above: new Map() };
      at.above.set(name, next);
      next.weight += weight;
      at = next;
    }
  }
  return root;
}

const DIGITS = 4;

/** Lines `a;b;c weight`, in order; what is less than this share of all counts for what it stands on. */
export function foldedLines(stacks: Stacks, leastShare: number): string[] {
  const root = treeOf(stacks);
  const least = root.weight * leastShare;
  const lines: string[] = [];
  const visit = (frame: Frame, below: readonly string[]) => {
    const kept = [...frame.above.values()].filter(({ weight }) => weight >= least);
    const own = frame.weight - kept.reduce((sum, { weight }) => sum + weight, 0);
    if (below.length > 0 && own > root.weight / 1e6)
      lines.push(`${below.join(';')} ${Number(own.toPrecision(DIGITS))}`);
    for (const one of kept) visit(one, [...below, one.name]);
  };
  visit(root, []);
  return lines;
}

export function parseFolded(lines: readonly string[]): [stack: string, weight: number][] {
  return lines.map((line) => {
    const at = line.lastIndexOf(' ');
    return [line.slice(0, at), Number(line.slice(at + 1))];
  });
}
