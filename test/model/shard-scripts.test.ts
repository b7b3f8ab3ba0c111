/**
 * The shard's scripts against a plain model (fault class R28): takes, settles, zombies, repeats, losses of the source, and an operator who
 * pauses, resumes, rewinds and skips, in any order. After every command the whole of the state hash, the notices and the group marker have to equal the model.
 */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { FencedError } from '../../src/errors.ts';
import { BEFORE_ALL, compareIds } from '../../src/record.ts';
import { initShard } from '../../src/shard/init.ts';
import { type Settlement, settle } from '../../src/shard/settle.ts';
import { releaseShard, takeShard } from '../../src/shard/take.ts';
import { useRedis } from '../support/redis.ts';
import { Pause, Rewind } from './operator-steps.ts';
import {
  type Command,
  COUNTERS,
  type Holder,
  keys,
  type Model,
  type Real,
  refOf,
  SHARD,
  Step,
  targetOf,
} from './shard-model.ts';

const RUNS = Number(process.env['MILLRACE_MODEL_RUNS'] ?? 500);
const COMMANDS = Number(process.env['MILLRACE_MODEL_COMMANDS'] ?? 30);
const redis = useRedis();
class Take extends Step {
  readonly owner: string;
  readonly mode: 'turn' | 'idle' | 'act';
  constructor(owner: string, mode: 'turn' | 'idle' | 'act') {
    super();
    this.owner = owner;
    this.mode = mode;
  }
  override async act(m: Model, real: Real): Promise<void> {
    const options = { owner: this.owner, parents: [], mode: this.mode };
    const taken = await takeShard(redis.client, keys, refOf(real), options);
    if (m.done) return void expect(taken.kind).toBe('done');
    if (m.paused && this.mode !== 'act') return void expect(taken.kind).toBe('paused');
    if (this.mode === 'idle' && m.owner !== '') return void expect(taken.kind).toBe('owned');
    if (taken.kind !== 'ok') throw new Error(`take: ${taken.kind}`);
    expect(taken.ownerBefore).toBe(m.owner);
    expect(taken.state).toMatchObject({ checkpoint: m.checkpoint, revision: m.revision, generation: m.generation });
    expect(BigInt(taken.holding.epoch) > BigInt(m.epoch)).toBe(true);
    m.epoch = taken.holding.epoch;
    m.changed = false;
    m.holder = { holding: taken.holding, last: null };
    m.holders.push(m.holder);
    m.owner = this.owner;
  }
  override toString = () => `take(${this.owner}, ${this.mode})`;
}

interface SettleSpec {
  readonly who: number;
  readonly advance: number;
  readonly notices: number;
  readonly outcome: (typeof COUNTERS)[number];
  readonly twist: 'none' | 'revision-ahead' | 'other-nonce' | 'older-epoch' | 'go-back' | 'new-generation' | 'finish';
}

let noticeNumber = 0;

class Settle extends Step {
  readonly spec: SettleSpec;
  constructor(spec: SettleSpec) {
    super();
    this.spec = spec;
  }
  override check(m: Readonly<Model>): boolean {
    return m.holders.length > 0;
  }
  override async act(m: Model, real: Real): Promise<void> {
    const { who, twist, notices, outcome } = this.spec;
    // 0: the present holder, which most settles are by; beyond: one of the earlier ones.
    const holder = m.holders[Math.max(0, m.holders.length - 1 - who)]!;
    const settlement = this.#settlement(m, outcome, notices);
    const current = holder === m.holder;
    let { holding } = holder;
    if (twist === 'other-nonce') holding = { ...holding, nonce: 'of-a-lost-failover' };
    if (twist === 'older-epoch') holding = { ...holding, epoch: String(BigInt(holding.epoch) - 1n) };
    const run = settle(redis.client, keys, targetOf(real, holding), settlement);
    const fenced = !current || ['other-nonce', 'older-epoch', 'revision-ahead'].includes(twist);
    if (fenced) return void (await expect(run).rejects.toThrow(FencedError));
    // Nothing expires by what was known before an operator's act.
    if (m.changed && settlement.counts.expired > 0) return void expect(await run).toMatchObject({ kind: 'paused' });
    if (twist === 'go-back' && compareIds(settlement.checkpoint!, m.checkpoint) < 0) {
      return void expect(await run).toMatchObject({ kind: 'refused', reason: expect.stringContaining('go back') });
    }
    expect(await run).toMatchObject({ kind: 'ok', paused: m.changed });
    holder.last = settlement;
    this.#adopt(m, settlement);
  }

  #settlement(m: Model, outcome: (typeof COUNTERS)[number], notices: number): Settlement {
    const { twist, advance } = this.spec;
    const generation = m.generation + (twist === 'new-generation' ? 1 : 0);
    const ahead = (m.stream?.ids ?? []).filter((id) => compareIds(id, m.checkpoint) > 0).slice(0, advance);
    let checkpoint = ahead[ahead.length - 1] ?? null;
    if (twist === 'new-generation') checkpoint = BEFORE_ALL;
    if (twist === 'go-back') checkpoint = BEFORE_ALL;
    const none = { succeeded: 0, expired: 0, givenUp: 0, filtered: 0, lostBySource: 0 };
    return {
      ...{ revision: m.revision + (twist === 'revision-ahead' ? 2 : 1), generation, checkpoint },
      entriesRead: twist === 'new-generation' ? 0 : m.read + ahead.length,
      ...{ units: [], notBefore: 0, expiresAt: 0, blocked: '', lastProcessingResult: null, why: '' },
      ...{ done: twist === 'finish', counts: { ...none, [outcome]: ahead.length } },
      notices: Array.from({ length: notices }, () => `{"n":${noticeNumber++}}`),
    };
  }

  #adopt(m: Model, s: Settlement): void {
    m.revision = s.revision;
    m.generation = s.generation;
    m.done = s.done;
    for (const name of COUNTERS) m.counts[name] += s.counts[name];
    m.notices.push(...s.notices);
    if (s.checkpoint === null) return;
    m.checkpoint = s.checkpoint;
    m.read = s.entriesRead;
    if (m.stream) m.marker = s.checkpoint;
  }
  override toString = () => `settle(${JSON.stringify(this.spec)})`;
}

/** What a lost reply makes of a settle: the same once more, also after the shard changed hands. */
class Repeat extends Step {
  readonly who: number;
  constructor(who: number) {
    super();
    this.who = who;
  }
  #holder(m: Readonly<Model>): Holder | undefined {
    return m.holders.filter((h) => h.last !== null).at(-1 - this.who);
  }
  override check(m: Readonly<Model>): boolean {
    return this.#holder(m) !== undefined;
  }
  override async act(m: Model, real: Real): Promise<void> {
    const holder = this.#holder(m)!;
    const run = settle(redis.client, keys, targetOf(real, holder.holding), holder.last!);
    if (holder === m.holder) expect(await run).toMatchObject({ kind: 'ok' });
    else await expect(run).rejects.toThrow(FencedError);
  }
  override toString = () => `repeat(${this.who})`;
}

class Release extends Step {
  readonly who: number;
  constructor(who: number) {
    super();
    this.who = who;
  }
  override check(m: Readonly<Model>): boolean {
    return m.holders.length > 0;
  }
  override async act(m: Model): Promise<void> {
    const holder = m.holders[Math.max(0, m.holders.length - 1 - this.who)]!;
    await releaseShard(redis.client, keys, holder.holding, {});
    if (holder === m.holder) m.owner = '';
  }
  override toString = () => `release(${this.who})`;
}

/** What `millrace mapping skip` does to the shard: it is taken, also while paused, records are given up with a notice, and it is let go. */
class Skip extends Step {
  readonly records: number;
  constructor(records: number) {
    super();
    this.records = records;
  }
  override check(m: Readonly<Model>): boolean {
    return !m.done;
  }
  override async act(m: Model, real: Real): Promise<void> {
    await new Take('operator', 'act').act(m, real);
    await new Settle({ who: 0, advance: this.records, notices: 1, outcome: 'givenUp', twist: 'none' }).act(m, real);
    await new Release(0).act(m);
  }
  override toString = () => `skip(${this.records})`;
}

/** What users and other tools do to the stream. */
class Source extends Step {
  readonly kind: 'add' | 'trim' | 'delete-entry' | 'destroy-group' | 'delete-key';
  readonly n: number;
  constructor(kind: Source['kind'], n: number) {
    super();
    this.kind = kind;
    this.n = n;
  }
  override check(m: Readonly<Model>): boolean {
    return this.kind === 'add' || m.stream !== null;
  }
  override async act(m: Model, real: Real): Promise<void> {
    const client = redis.client;
    if (this.kind === 'add') {
      m.stream ??= { ids: [], added: 0 };
      const pipeline = client.pipeline();
      for (let i = 0; i <= this.n; i++) {
        const id = `${++m.ms}-0`;
        pipeline.xadd(real.stream, id, 'data', 'x');
        m.stream.ids.push(id);
        m.stream.added++;
      }
      await pipeline.exec();
      return;
    }
    const stream = m.stream!;
    if (this.kind === 'trim') {
      await client.xtrim(real.stream, 'MAXLEN', this.n);
      stream.ids = this.n === 0 ? [] : stream.ids.slice(-this.n);
    } else if (this.kind === 'delete-entry') {
      const id = stream.ids[this.n % Math.max(1, stream.ids.length)];
      if (id === undefined) return;
      await client.xdel(real.stream, id);
      stream.ids = stream.ids.filter((other) => other !== id);
    } else if (this.kind === 'destroy-group') {
      await client.xgroup('DESTROY', real.stream, keys.group(real.mapping));
      m.marker = null;
    } else {
      await client.del(real.stream);
      m.stream = null;
      m.marker = null;
    }
  }
  override toString = () => `${this.kind}(${this.n})`;
}

const holderIndex = fc.oneof({ weight: 4, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.nat(3) });
const commands = [
  fc
    .tuple(fc.constantFrom('a', 'b', 'c'), fc.constantFrom('turn' as const, 'turn' as const, 'idle' as const))
    .map(([owner, mode]): Command => new Take(owner, mode)),
  fc
    .record({
      who: holderIndex,
      advance: fc.nat(4),
      notices: fc.oneof({ weight: 2, arbitrary: fc.constant(0) }, fc.nat(3)),
      outcome: fc.constantFrom(...COUNTERS),
      twist: fc.oneof(
        { weight: 12, arbitrary: fc.constant('none' as const) },
        fc.constantFrom('revision-ahead', 'other-nonce', 'older-epoch', 'go-back', 'new-generation'),
        fc.constantFrom('none' as const, 'finish' as const),
      ) as fc.Arbitrary<SettleSpec['twist']>,
    })
    .map((spec): Command => new Settle(spec)),
  holderIndex.map((who): Command => new Repeat(who)),
  holderIndex.map((who): Command => new Release(who)),
  fc.constantFrom('pause' as const, 'resume' as const, 'resume' as const).map((verb): Command => new Pause(verb)),
  fc
    .tuple(fc.nat(6), fc.constantFrom('no' as const, 'no' as const, 'no' as const, 'generation', 'trimmed'))
    .map(([back, stale]): Command => new Rewind(back, stale)),
  fc.nat(4).map((records): Command => new Skip(records)),
  fc
    .tuple(
      fc.constantFrom('add' as const, 'add' as const, 'trim', 'delete-entry', 'destroy-group', 'delete-key'),
      fc.nat(5),
    )
    .map(([kind, n]): Command => new Source(kind, n)),
];

let run = 0;

async function begin(): Promise<{ model: Model; real: Real }> {
  const real = { mapping: `m${run}`, stream: `s${run++}`, client: redis.client };
  await redis.client.xadd(real.stream, '1-0', 'data', 'x');
  const shard = { shardId: SHARD, key: real.stream, parents: [], checkpoint: BEFORE_ALL, entriesRead: 0 };
  await redis.client.hset(keys.mapping(real.mapping), 'identity', 'x');
  expect(await initShard(redis.client, keys, real.mapping, shard)).toBe(true);
  const model: Model = {
    ...{
      checkpoint: BEFORE_ALL,
      read: 0,
      generation: 1,
      revision: 0,
      done: false,
      owner: '',
      epoch: '0',
      holder: null,
      paused: false,
      pauses: 0,
      changed: false,
      redelivered: 0,
      holders: [],
    },
    ...{ counts: { succeeded: 0, expired: 0, givenUp: 0, filtered: 0, lostBySource: 0 }, notices: [] },
    ...{ stream: { ids: ['1-0'], added: 1 }, ms: 1, marker: BEFORE_ALL },
  };
  return { model, real };
}

it(
  `${RUNS} histories of a shard equal their model`,
  async () => {
    const history = fc.asyncProperty(fc.commands(commands, { maxCommands: COMMANDS, size: 'max' }), async (steps) => {
      const { model, real } = await begin();
      await fc.asyncModelRun(() => ({ model, real }), steps);
      await redis.client.del(
        real.stream,
        keys.mapping(real.mapping),
        keys.shard(real.mapping, SHARD),
        keys.failures(real.mapping),
      );
    });
    await fc.assert(history, { numRuns: RUNS });
  },
  Math.max(60_000, RUNS * COMMANDS * 10),
);
