/** Wrong builds that show in the simulation (test/sim), where crashes, repeated commands and clocks are as frequent as the seed likes. */
import type { WrongBuild } from './builds.ts';

const UNCOUNTED: WrongBuild = {
  name: 'a delivery is not made durable before the run',
  breaks: ['I4'],
  edits: [
    {
      file: 'src/turn/turn.ts',
      from: `    await this.#settling.commit();
    if (this.#settling.paused) {
      this.#settling.undeliver();`,
      to: `    if (this.#settling.paused) {
      this.#settling.undeliver();`,
    },
  ],
};

const WALL_CLOCK: WrongBuild = {
  name: "expiry by the worker's wall clock",
  breaks: ['I7'],
  edits: [
    {
      file: 'src/turn/turn.ts',
      from: `    return this.#redisTime.nowMs();`,
      to: `    return this.#deps.clock.wallMs();`,
    },
  ],
};

const TWICE: WrongBuild = {
  name: 'a settle that arrives twice is done twice',
  breaks: ['I1'],
  edits: [
    {
      file: 'src/shard/lua/settle-N.lua',
      from: `if have[3] == ARGV[3] then return { 'repeated', now, have[12] or '' } end
if tonumber(have[3]) + 1 ~= tonumber(ARGV[3]) then return { 'fenced', have[1] } end`,
      to: ``,
    },
  ],
};

const NEW_ONLY: WrongBuild = {
  name: 'what the last holder had in hand is not taken up',
  breaks: ['I1', 'I5'],
  edits: [
    {
      file: 'src/shard/state.ts',
      from: `    checkpoint: field.get('cp')!,`,
      to: `    checkpoint: (JSON.parse(field.get('units') ?? '[]') as Unit[]).at(-1)?.last ?? field.get('cp')!,`,
    },
    {
      file: 'src/shard/state.ts',
      from: `    units: JSON.parse(field.get('units') ?? '[]') as Unit[],`,
      to: `    units: [],`,
    },
  ],
};

const DEATH_RETURNED: WrongBuild = {
  name: 'an attempt whose sandbox died counts as returned',
  breaks: ['I1'],
  edits: [
    {
      file: 'src/turn/attempt.ts',
      from: `  const { errorType, errorMessage, trace } = invoked.error;`,
      to: `  if (invoked.metric !== 'error') return { outcome: { kind: 'returned', result: 'null' }, invoked };
  const { errorType, errorMessage, trace } = invoked.error;`,
    },
  ],
};

const BLIND: WrongBuild = {
  name: 'the sweep does not see records',
  breaks: ['I8'],
  edits: [
    {
      file: 'src/watch/judge.ts',
      from: `  if (view.nextId !== null) return { kind: 'work', first: view.nextId };`,
      to: ``,
    },
  ],
};

const ACK_BEFORE_CHECKPOINT: WrongBuild = {
  name: 'the group marker is moved before the checkpoint',
  breaks: ['I6'],
  edits: [
    {
      file: 'src/shard/lua/settle-N.lua',
      from: `return { 'ok', now, have[12] or '' }`,
      to: `local ahead = string.match(ARGV[7], '.*"last":"([%d-]+)"')
if ahead then redis.pcall('XGROUP', 'SETID', KEYS[2], ARGV[14], ahead, 'ENTRIESREAD', ARGV[6]) end
return { 'ok', now, have[12] or '' }`,
    },
  ],
};

/** Shows where a holder that stood still settles in between the two. */
const TAKE_IN_STEPS: WrongBuild = {
  name: 'the state is read in one step and the shard taken in another',
  breaks: ['I1', 'I4', 'I5'],
  edits: [
    {
      file: 'src/shard/take.ts',
      from: `  const reply = (await takeScript.run(`,
      to: `  const before = (await redis.call('HGETALL', [stateKeys[0]!])) as string[];
  const reply = (await takeScript.run(`,
    },
    {
      file: 'src/shard/take.ts',
      from: `    state: parseState(fields),`,
      to: `    state: parseState(before.map((text, i) => (before[i - 1] === 'rev' ? fields[fields.indexOf('rev') + 1]! : text))),`,
    },
  ],
};

export const SIMULATED_WRONG_BUILDS: readonly WrongBuild[] = [
  UNCOUNTED,
  WALL_CLOCK,
  TWICE,
  NEW_ONLY,
  DEATH_RETURNED,
  BLIND,
  ACK_BEFORE_CHECKPOINT,
  TAKE_IN_STEPS,
];
