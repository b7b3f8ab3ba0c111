/** What is typed behind `npm run chaos --`, and what is wrong with it. Pure. */
import { parseArgs } from 'node:util';
import { type SwarmBuild, SWARM_WRONG_BUILDS } from '../wrong-builds/swarm-builds.ts';
import { FAULTS, faultNamed, faultsFor } from './catalogue.ts';
import type { Fault, SourceKind } from './fault.ts';

export type Asked =
  | { readonly kind: 'help'; readonly text: string }
  /** A sentence. */
  | { readonly kind: 'wrong'; readonly text: string }
  | {
      readonly kind: 'files';
      readonly files: readonly string[];
      readonly seed: number;
      readonly minutes: number;
      readonly times: string;
    }
  | SwarmAsked
  | { readonly kind: 'soak'; readonly seed: number; readonly minutes: number }
  | { readonly kind: 'wrong-build'; readonly build: SwarmBuild; readonly seed: number; readonly seeds: number };

export interface SwarmAsked {
  readonly kind: 'swarm';
  readonly seed: number;
  readonly seeds: number;
  readonly minutes: number;
  readonly source: SourceKind | 'mixed';
  readonly only: readonly Fault[];
}

const SOURCES = ['redis-stream', 'kafka', 'mixed'] as const;
/** faults.md: within so many runs. */
const WRONG_BUILD_SEEDS = '100';
const DEFAULT_MINUTES = { swarm: 1, files: 5, soak: 60 };

const NOT_WITH_FILES = ['seeds', 'source', 'fault', 'wrong-build'] as const;

const HELP = `Faults drawn by a seed, alone and two at once, and then a verdict:
  npm run chaos -- [--seed N] [--seeds N] [--minutes M] [--source redis-stream|kafka|mixed] [--fault NAME]…
    --seed     the first seed (1)
    --seeds    so many, one after another (1)
    --minutes  how long faults come under each (${DEFAULT_MINUTES.swarm})
    --source   where records come from (redis-stream); mixed: odd seeds a stream, even ones a topic
    --fault    this one only, at any number; without it each seed draws some
Ends with 1 at the first seed that violates an invariant, hangs, or has a fault that never hit, and with 2 for what it does not understand.

Whether the checker rejects a wrong build, within 100 seeds unless --seeds says otherwise (ends with 1 when it does not):
  npm run chaos -- [--seed N] [--seeds N] --wrong-build NAME

Scenario files again and again under new seeds, until the time is over or one fails:
  npm run chaos -- [--seed N] [--minutes M] [--times X] FILE…        e.g. --minutes 60 --times 5 r01 r05
    --times    how often each fault is done in a run, in times of what the tests do

A soak: one mild fault after another for long, under a steady load, and whether what daemons and Redis hold stays what it is:
  npm run chaos -- soak [--seed N] [--minutes M]        (${DEFAULT_MINUTES.soak} minutes)

Faults:
`;

export function readArguments(argv: readonly string[]): Asked {
  try {
    return read(argv);
  } catch (error) {
    return { kind: 'wrong', text: (error as Error).message };
  }
}

function read(argv: readonly string[]): Asked {
  const { values, positionals } = parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: {
      help: { type: 'boolean', short: 'h', default: false },
      minutes: { type: 'string' },
      seed: { type: 'string', default: '1' },
      seeds: { type: 'string' },
      times: { type: 'string' },
      source: { type: 'string' },
      fault: { type: 'string', multiple: true },
      'wrong-build': { type: 'string' },
    },
  });
  if (values.help) return { kind: 'help', text: `${HELP}${faultList()}` };
  const kind = positionals.includes('soak') ? 'soak' : positionals.length > 0 ? 'files' : 'swarm';
  const seed = numberOf('seed', values.seed, true);
  const minutes = values.minutes === undefined ? DEFAULT_MINUTES[kind] : numberOf('minutes', values.minutes, false);
  const stray = NOT_WITH_FILES.find((name) => values[name] !== undefined);
  if (kind === 'soak') {
    const other = positionals.find((name) => name !== 'soak') ?? (values.times === undefined ? undefined : '--times');
    if (other !== undefined || stray) throw new Error(`${other ?? `--${stray}`} does not go with soak`);
    return { kind, seed, minutes };
  }
  if (kind === 'files') {
    if (stray) throw new Error(`--${stray} does not go with scenario files (${positionals.join(' ')})`);
    const times = values.times ?? '1';
    numberOf('times', times, false);
    return { kind, files: positionals, seed, minutes, times };
  }
  if (values.times !== undefined) throw new Error('--times goes with scenario files only, e.g. --times 5 r01');
  const wrongBuild = values['wrong-build'];
  if (wrongBuild !== undefined) {
    const own = (['minutes', 'source', 'fault'] as const).find((name) => values[name] !== undefined);
    if (own) throw new Error(`--${own} does not go with --wrong-build, which brings its own`);
    const seeds = numberOf('seeds', values.seeds ?? WRONG_BUILD_SEEDS, true);
    return { kind: 'wrong-build', build: buildNamed(wrongBuild), seed, seeds };
  }
  const source = SOURCES.find((name) => name === (values.source ?? 'redis-stream'));
  if (!source) throw new Error(`--source ${values.source} is none of ${SOURCES.join(', ')}`);
  const seeds = numberOf('seeds', values.seeds ?? '1', true);
  return { kind, seed, seeds, minutes, source, only: faultsOf(values.fault ?? [], source) };
}

function numberOf(name: string, text: string, whole: boolean): number {
  const number = Number(text);
  if (text.trim() !== '' && Number.isFinite(number) && number > 0 && (!whole || Number.isSafeInteger(number)))
    return number;
  throw new Error(`--${name} ${text} is not a ${whole ? 'whole ' : ''}number above 0`);
}

function faultsOf(names: readonly string[], source: SwarmAsked['source']): Fault[] {
  return names.map((name) => {
    const fault = faultNamed(name);
    if (!fault) throw new Error(`no fault is called ${name}; there are ${FAULTS.map((one) => one.name).join(', ')}`);
    const kinds = source === 'mixed' ? (['redis-stream', 'kafka'] as const) : [source];
    if (kinds.every((kind) => faultsFor(kind).includes(fault))) return fault;
    throw new Error(`${name} needs --source ${fault.source}`);
  });
}

function buildNamed(name: string): SwarmBuild {
  const build = SWARM_WRONG_BUILDS.find((one) => one.name === name);
  if (build) return build;
  throw new Error(
    `no wrong build is called "${name}"; there are ${SWARM_WRONG_BUILDS.map((one) => `"${one.name}"`).join(', ')}`,
  );
}

function faultList(): string {
  return FAULTS.map(({ name, says, source }) => `  ${name.padEnd(20)} ${says}${source ? ` (${source})` : ''}\n`).join(
    '',
  );
}
