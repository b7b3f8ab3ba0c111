/**
 * Loaded by a daemon before anything else (`--import`): each call of a port passes here, and the daemon kills itself before or after one at
 * which none has died yet (crashes.ts). Writes down which calls there were.
 */
import { appendFileSync, closeSync, openSync, readFileSync } from 'node:fs';
import { registerHooks } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { Redis } from 'ioredis';
import { editText } from '../wrong-builds/builds.ts';
import { linesFile, type Planned, planFile, type PointLine, takenFile } from './crash-plan.ts';
import { POINT_EDITS } from './point-edits.ts';
import type { Side } from './points.ts';
import { LAB_DIR } from './project.ts';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const dir = process.env[LAB_DIR]!;
/** Those at which somebody may still die, by `<side> <call>`. */
const open = Map.groupBy(JSON.parse(readFileSync(planFile(dir), 'utf8')) as Planned[], pointOf);
const seen = new Set<string>();
const passed = new Map<string, number>();
let daemon = '';

function pointOf({ side, call }: { readonly side: Side; readonly call: string }): string {
  return `${side} ${call}`;
}

function say(line: PointLine): void {
  appendFileSync(linesFile(dir), `${JSON.stringify(line)}\n`);
}

/** False: another daemon died there. */
function take({ id }: Planned): boolean {
  try {
    closeSync(openSync(takenFile(dir, id), 'wx'));
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

function pass(call: string, side: Side): void {
  const point = pointOf({ side, call });
  const times = (passed.get(point) ?? 0) + 1;
  passed.set(point, times);
  const planned = open.get(point) ?? [];
  const due = planned.filter(({ nth }) => nth <= times);
  for (const crash of due) {
    if (take(crash)) {
      say({ kind: 'crash', id: crash.id, daemon, pid: process.pid });
      process.kill(process.pid, 'SIGKILL');
    }
    planned.splice(planned.indexOf(crash), 1);
  }
}

const isPromise = (value: unknown): value is Promise<unknown> =>
  typeof (value as Partial<Promise<unknown>> | null)?.then === 'function';

function millracePoint<T>(call: string, does: () => T): T {
  if (!seen.has(call)) {
    seen.add(call);
    say({ kind: 'seen', call });
  }
  pass(call, 'before');
  const result = does();
  // Whoever waits for it comes after this; a failure is theirs.
  if (isPromise(result))
    void result.then(
      () => pass(call, 'after'),
      () => undefined,
    );
  else pass(call, 'after');
  return result;
}

/** `made`: by a factory, or the promise of it. */
function millracePort(name: string, made: object): object {
  if (isPromise(made)) return made.then((object) => millracePort(name, object as object));
  return new Proxy(made, {
    get(target, property) {
      const member: unknown = Reflect.get(target, property, target);
      if (typeof member !== 'function') return member;
      return (...args: unknown[]): unknown =>
        millracePoint(`${name} ${String(property)}`, () => Reflect.apply(member, target, args) as unknown);
    },
  });
}

function millraceIs(id: string): string {
  daemon = id;
  return id;
}

Object.assign(globalThis, { millracePoint, millracePort, millraceIs });

registerHooks({
  load(url, context, next) {
    const loaded = next(url, context);
    const file = url.startsWith('file:') ? path.relative(root, fileURLToPath(url)) : '';
    if (!POINT_EDITS.edits.some((edit) => edit.file === file)) return loaded;
    return {
      ...loaded,
      source: editText(POINT_EDITS, file, Buffer.from(loaded.source as Uint8Array).toString('utf8')),
    };
  },
});

type Sends = (this: Redis, command: { readonly name: string }, ...rest: unknown[]) => unknown;
type Defines = (this: Redis, name: string, definition: object) => void;
const redis = Redis.prototype as unknown as { sendCommand: Sends; defineCommand: Defines };
const { sendCommand, defineCommand } = redis;
const sent = new WeakSet<object>();

redis.sendCommand = function (command, ...rest) {
  // Scripts have names of their own. What waited for a connection comes by a second time.
  if (/^eval/i.test(command.name) || sent.has(command)) return sendCommand.call(this, command, ...rest);
  sent.add(command);
  return millracePoint(`redis ${command.name.toLowerCase()}`, () => sendCommand.call(this, command, ...rest));
};

/** BullMQ's scripts; nobody else defines any. */
redis.defineCommand = function (name, definition) {
  defineCommand.call(this, name, definition);
  const own = this as unknown as Record<string, (...args: unknown[]) => unknown>;
  const run = own[name]!;
  own[name] = (...args) => millracePoint(`queue ${name.split(':')[0]!}`, () => run.apply(this, args));
};
