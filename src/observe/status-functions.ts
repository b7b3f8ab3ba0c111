/** The functions of `status`: what live daemons said of theirs, summed up. */
import type { Redis } from '../redis/connect.ts';
import type { Keys } from '../redis/keys.ts';
import type { FunctionShare, FunctionStatus, LostChildren } from './status-types.ts';

const NO_LOSSES: LostChildren = { timeout: 0, outOfMemory: 0, exit: 0, protocol: 0, startFailed: 0 };

/** A share, and the moment (Redis ms) at which it was said. */
interface Said extends FunctionShare {
  readonly saidMs: number;
}

/** `inForce`: function → version, of the mappings that are shown; a function that runs nowhere is there, too. */
export async function readFunctions(
  redis: Redis,
  keys: Keys,
  daemons: readonly { readonly id: string; readonly lastSeen: string }[],
  inForce: ReadonlyMap<string, string>,
  only: boolean,
): Promise<FunctionStatus[]> {
  const texts = daemons.length === 0 ? [] : await redis.mget(daemons.map(({ id }) => keys.daemonFunctions(id)));
  const shares = texts.flatMap((text, i) => {
    if (text === null) return [];
    const saidMs = Date.parse(daemons[i]!.lastSeen);
    return (JSON.parse(text) as FunctionShare[]).map((share): Said => ({ ...share, saidMs }));
  });
  const names = new Set([...inForce.keys(), ...(only ? [] : shares.map(({ name }) => name))]);
  return [...names].toSorted().map((name) =>
    sumUp(
      name,
      inForce.get(name),
      shares.filter((share) => share.name === name),
    ),
  );
}

function sumUp(name: string, version: string | undefined, shares: readonly Said[]): FunctionStatus {
  const total = (of: (share: Said) => number) => shares.reduce((sum, share) => sum + of(share), 0);
  const lost = Object.fromEntries(
    Object.keys(NO_LOSSES).map((reason) => [reason, total((share) => share.lost[reason as keyof LostChildren])]),
  ) as unknown as LostChildren;
  const lossMs = (share: Said) => share.saidMs - share.lastLoss!.agoMs;
  const losers = shares.filter(({ lastLoss }) => lastLoss !== null);
  const last = losers.toSorted((a, b) => lossMs(b) - lossMs(a))[0];
  const slowedUntil = Math.max(0, ...shares.map((s) => (s.slowedForMs > 0 ? s.saidMs + s.slowedForMs : 0)));
  return {
    name,
    version: version ?? shares[0]?.version ?? '',
    children: total((share) => share.children),
    rssBytes: total((share) => share.rssBytes),
    coldStarts: total((share) => share.coldStarts),
    lost,
    lastLoss: last ? toLastLoss(last.lastLoss!, lossMs(last)) : null,
    slowedUntil: slowedUntil === 0 ? null : new Date(slowedUntil).toISOString(),
    delayMs: Math.max(0, ...shares.map((share) => share.delayMs)),
  };
}

function toLastLoss(loss: NonNullable<FunctionShare['lastLoss']>, timeMs: number): FunctionStatus['lastLoss'] {
  const { reason, errorType, errorMessage, mapping, shardId } = loss;
  return { time: new Date(timeMs).toISOString(), reason, errorType, errorMessage, mapping, shardId };
}
