/**
 * Deliberately wrong builds of the real engine, as edits of its text: what the checker must reject (faults.md 5.1, "test the test").
 * A daemon becomes one by `preload.ts`; nothing of this is in the engine.
 */
export interface Edit {
  /** From the root of the project. */
  readonly file: string;
  /** Occurs exactly once. */
  readonly from: string;
  readonly to: string;
}

export interface WrongBuild {
  readonly name: string;
  /** At least one of them must be reported. */
  readonly breaks: readonly string[];
  /** Shows only where a worker stands still for longer than its lease. */
  readonly needsZombie?: boolean;
  readonly edits: readonly Edit[];
}

const ACK_BEFORE_RUN: WrongBuild = {
  name: 'ack before run',
  breaks: ['I1', 'I5'],
  edits: [
    {
      file: 'src/turn/turn.ts',
      from: `    await this.#settling.commit();
    if (this.#settling.paused) {
      this.#settling.undeliver();
      return await this.#leave();
    }
    const unit = this.#settling.units[0]!;`,
      to: `    const unit = this.#settling.units[0]!;
    await this.#settling.ackNow(unit);`,
    },
    {
      file: 'src/turn/settling.ts',
      from: `  async applyGap(`,
      to: `  async ackNow(unit: Unit): Promise<void> {
    const { units } = this;
    this.units = [];
    this.checkpoint = unit.last;
    this.#moved = true;
    this.#dirty = true;
    await this.commit();
    this.units = units;
  }

  async applyGap(`,
    },
  ],
};

const NO_FENCING: WrongBuild = {
  name: 'no fencing',
  needsZombie: true,
  breaks: ['I2', 'I4', 'I5'],
  edits: [
    {
      file: 'src/shard/lua/settle-N.lua',
      from: `if have[1] ~= ARGV[1] or have[2] ~= ARGV[2] then return { 'fenced', have[1] or '' } end
if have[3] == ARGV[3] then return { 'repeated', now, have[12] or '' } end
if tonumber(have[3]) + 1 ~= tonumber(ARGV[3]) then return { 'fenced', have[1] } end`,
      to: ``,
    },
    {
      file: 'src/shard/lua/settle-N.lua',
      from: `if checkpoint ~= '' and ARGV[4] == have[4] then`,
      to: `if false then`,
    },
    {
      file: 'src/shard/take.ts',
      from: `  return epoch === holding.epoch && nonce === holding.nonce;`,
      to: `  return true;`,
    },
    {
      file: 'src/queue/turn-worker.ts',
      from: `    return this.#clock.monoMs() < this.#until - LEASE_MARGIN_MS;`,
      to: `    return true;`,
    },
  ],
};

/** A failed unit becomes a job of its own with BullMQ's attempts and backoff; the shard goes on meanwhile. */
const OWN_RETRY: WrongBuild = {
  name: "the queue's own retry instead of a held shard",
  breaks: ['I2', 'I5'],
  edits: [
    { file: 'src/queue/turn-worker.ts', from: `import { DelayedError, `, to: `import { Queue, DelayedError, ` },
    {
      file: 'src/queue/turn-worker.ts',
      from: `class RenewedLock implements TurnLock {`,
      to: `class RenewedLock implements TurnLock {
  unit: unknown;
  putOff: unknown;`,
    },
    {
      file: 'src/queue/turn-worker.ts',
      from: `  const { log, clock, mapping } = options;`,
      to: `  const { log, clock, mapping } = options;
  const retries = new Queue(mapping, { connection: options.connection, prefix: options.prefix });`,
    },
    {
      file: 'src/queue/turn-worker.ts',
      from: `      const end = await options.onTurn(lock);`,
      to: `      const { shardId, unit } = job.data;
      lock.unit = unit;
      const retried = { attempts: 100, backoff: { type: 'fixed', delay: 300 }, delay: 300, removeOnComplete: true };
      lock.putOff = (failed: unknown) => retries.add('retry', { shardId, unit: failed }, retried);
      const end = await options.onTurn(lock);
      if (end.kind === 'failed') throw new Error('again');`,
    },
    {
      file: 'src/turn/turn.ts',
      from: `  #nowMs(): number {`,
      to: `  begin(): void {
    if (this.#lock.unit) this.#settling.units = [this.#lock.unit];
  }

  #nowMs(): number {`,
    },
    {
      file: 'src/executor.ts',
      from: `  if (turn.tooEarly()) return await turn.end();`,
      to: `  turn.begin();`,
    },
    {
      file: 'src/turn/turn.ts',
      from: `    let written = await this.#write(decision, slice, ran);`,
      to: `    if (decision.failed && decision.stack.length > 0) {
      const own = this.#lock.unit !== undefined;
      if (!own) await this.#lock.putOff(decision.stack[0]);
      decision = { ...decision, stack: [], notBefore: null, checkpoint: own ? null : ran.last };
      if (own) {
        await this.#write(decision, slice, ran);
        await this.end();
        return { kind: 'failed' };
      }
    }
    let written = await this.#write(decision, slice, ran);`,
    },
    {
      file: 'src/turn/settling.ts',
      from: `      this.checkpoint = decision.checkpoint ?? this.checkpoint;`,
      to: `      const settled = decision.checkpoint ?? this.checkpoint;
      const later = settled.length > this.checkpoint.length || settled > this.checkpoint;
      this.checkpoint = later ? settled : this.checkpoint;`,
    },
  ],
};

const MAXIMUM: WrongBuild = {
  name: 'the checkpoint is the maximum instead of the low-water mark',
  breaks: ['I5'],
  edits: [
    {
      file: 'src/unit/after-attempt.ts',
      from: `  draft.checkpoint = endOf(piece, n);`,
      to: `  draft.checkpoint = endOf(piece, piece.records.length);`,
    },
  ],
};

const DEATH_IS_SUCCESS: WrongBuild = {
  name: 'a killed sandbox counts as success',
  breaks: ['I1'],
  edits: [
    {
      file: 'src/sandbox/outcome.ts',
      from: `      return failed('killed', exitError(what, exitReason(end)));`,
      to: `      return { kind: 'ok', result: 'null', report };`,
    },
  ],
};

export const WRONG_BUILDS: readonly WrongBuild[] = [ACK_BEFORE_RUN, NO_FENCING, OWN_RETRY, MAXIMUM, DEATH_IS_SUCCESS];

/** Throws when the text is not there exactly once: then the engine has changed, and the build with it. */
export function editText(build: WrongBuild, file: string, text: string): string {
  return build.edits
    .filter((edit) => edit.file === file)
    .reduce((edited, { from, to }) => {
      const parts = edited.split(from);
      if (parts.length !== 2)
        throw new Error(`wrong build "${build.name}": ${file} has ${parts.length - 1} times: ${from}`);
      return parts.join(to);
    }, text);
}
