/** Puts planned notices into the redrives of their shards, as much at once as a script takes. */
import { REDRIVE_ENQUEUE_BYTES, REDRIVE_ENQUEUE_NOTICES } from '../failure-limits.ts';
import { type EnqueuedNotice, enqueueNotices } from '../shard/redrive-line.ts';
import { eachNotice, type FailuresPlace, type Remark } from './failures-destinations.ts';
import type { Planned } from './redrive-plan.ts';

/** Those that were put there now: not those that somebody else was first with. `notices`: shard by shard, in order. */
export async function enqueue(
  place: FailuresPlace,
  mapping: string,
  notices: readonly Planned[],
  remark: Remark,
): Promise<Planned[]> {
  const texts = await textsOf(place, notices, remark);
  const put: Planned[] = [];
  for (const some of portions(notices)) {
    const entries = some.flatMap(({ first, ticket, place: { kind } }): EnqueuedNotice[] => {
      const text = texts.get(ticket);
      return kind === 'kafka-topic' ? [{ first, ticket, text: text! }] : [{ first, ticket }];
    });
    const { redis, keys } = place;
    const done = await enqueueNotices(redis, keys, { mapping, shardId: some[0]!.shardId }, entries);
    put.push(...some.filter((_, i) => done[i]));
  }
  return put;
}

/** Of one shard each. */
function portions(notices: readonly Planned[]): Planned[][] {
  const found: Planned[][] = [];
  let bytes = 0;
  for (const notice of notices) {
    const last = found.at(-1);
    bytes += notice.bytes;
    const fits = last && last.length < REDRIVE_ENQUEUE_NOTICES && bytes <= REDRIVE_ENQUEUE_BYTES;
    if (fits && last[0]!.shardId === notice.shardId) last.push(notice);
    else {
      found.push([notice]);
      ({ bytes } = notice);
    }
  }
  return found;
}

/** Those of topics are brought along: executors do not read there. */
async function textsOf(
  place: FailuresPlace,
  notices: readonly Planned[],
  remark: Remark,
): Promise<ReadonlyMap<string, string>> {
  const texts = new Map<string, string>();
  const byId = new Map(notices.filter((one) => one.place.kind === 'kafka-topic').map((one) => [one.id, one]));
  const [first] = byId.values();
  if (!first) return texts;
  const take = ({ id }: { readonly id: string }, text: string) => {
    const planned = byId.get(id);
    if (planned) texts.set(planned.ticket, text);
  };
  await eachNotice(place, first.place, take, remark);
  return texts;
}
