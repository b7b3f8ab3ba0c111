/**
 * Fills a mapping's spools from its topic: membership of the group says which partitions, the spools say from where, and the group's
 * committed offsets follow what is settled. What the group believes decides nothing: each step on a spool is fenced by itself.
 */
import { messageOf } from '../../src/errors.ts';
import {
  KAFKA_COMMIT_MS,
  KAFKA_CUT_MS,
  KAFKA_LEAVE_MS,
  KAFKA_METADATA_MS,
  KAFKA_RETRY_MS,
} from '../../src/kafka-limits.ts';
import type { Log } from '../../src/observe/log.ts';
import type { Feed, StartingPosition } from '../../src/source/port.ts';
import type { SpoolClaim, Spools, SpoolStep } from '../../src/spool.ts';
import type { Clock } from '../../src/time.ts';
import type {
  CommitEntry,
  Committed,
  GroupEvents,
  GroupMember,
  KafkaClient,
  MemberFacts,
  PartitionEnds,
  TopicFacts,
} from './client.ts';
import { explainKafka } from './explain.ts';
import { GonePartitions } from './gone.ts';
import { PartitionFeed } from './partition-feed.ts';
import { FeedProblems } from './problems.ts';
import { barOf, refusal } from './refused.ts';
import { beginShards, shardIdOf } from './start.ts';
import { commitOf, isOurs, OURS, type Where, whereToFetch } from './where.ts';

export interface KafkaFeedOptions {
  readonly client: KafkaClient;
  readonly spools: Spools;
  readonly clock: Clock;
  readonly log: Log;
  readonly topic: string;
  readonly groupId: string;
  /** Who we are to the cluster. */
  readonly principal: string;
  readonly readUncommitted: boolean;
  readonly position: StartingPosition;
  /** For `status`, from time to time. */
  readonly tell: (members: readonly MemberFacts[]) => Promise<void>;
}

/** What is known of a partition that is about to begin. */
interface Facts {
  readonly member: GroupMember;
  readonly claim: SpoolClaim;
  readonly committed: Committed | undefined;
  readonly ends: PartitionEnds;
}

export class KafkaFeed implements Feed {
  readonly #options: KafkaFeedOptions;
  readonly #stop = new AbortController();
  readonly #feeds = new Map<number, PartitionFeed>();
  /** Partitions whose log seems to be cut, and since when (local monotonic ms). */
  readonly #doubtful = new Map<number, number>();
  readonly #running: Promise<unknown>;
  /** Rises with every assignment: what was begun for an earlier one ends. */
  #assignment = 0;
  #member: GroupMember | null = null;
  /** Partitions may be assigned before joining comes back. */
  #joining: Promise<GroupMember> | null = null;
  #ended: (() => void) | null = null;
  /** As it was last heard; '' while it is not known. */
  #topicId = '';
  /** Shards without a partition. */
  #missing: readonly string[] = [];
  readonly #gone: GonePartitions;
  readonly #problems: FeedProblems;

  constructor(options: KafkaFeedOptions) {
    this.#options = options;
    this.#problems = new FeedProblems(options.log, options.topic);
    this.#gone = new GonePartitions(options);
    this.#running = Promise.all([
      this.#loop(KAFKA_RETRY_MS, () => this.#beMember(), 'member'),
      this.#loop(KAFKA_COMMIT_MS, () => this.#commit(), null),
      this.#loop(KAFKA_METADATA_MS, () => this.#lookAtTopic(), 'topic'),
    ]);
  }

  get problem(): string | null {
    return this.#problems.first;
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    this.#ended?.();
    await this.#running;
  }

  get #stopped(): boolean {
    return this.#stop.signal.aborted;
  }

  /** `part`: while it fails the mapping is not served. A commit fails at every rebalance, and is made again. */
  async #loop(pauseMs: number, work: () => Promise<void>, part: 'member' | 'topic' | null): Promise<void> {
    const { clock, log, topic } = this.#options;
    while (!this.#stopped) {
      try {
        await work();
      } catch (error) {
        const reason = explainKafka(error, this.#options);
        if (this.#stopped) return;
        if (part) this.#problems.set(part, reason, 'Kafka: interrupted, it is tried again');
        else log.debug({ topic, error: reason }, 'Kafka: interrupted, it is tried again');
      }
      await clock.sleep(pauseMs, this.#stop.signal);
    }
  }

  /** One life of a member of the group. */
  async #beMember(): Promise<void> {
    const { client, topic, groupId, readUncommitted } = this.#options;
    if (!(await this.#mayBegin('member'))) return;
    this.#problems.clear('topic');
    const ended = new Promise<void>((resolve) => (this.#ended = resolve));
    const events: GroupEvents = {
      assigned: (partitions) => this.#assigned(partitions),
      batch: (batch) => Promise.resolve(this.#feeds.get(batch.partition)?.take(batch)),
      outOfRange: (partition) => this.#feeds.get(partition)?.give('the log has no such offset'),
      ended: (error) => {
        const reason = explainKafka(error, this.#options);
        this.#problems.set('member', reason, 'Kafka: the member ended, it is made anew');
        this.#ended?.();
      },
    };
    this.#joining = client.join({ topic, groupId, readUncommitted, events });
    const member = await this.#joining;
    this.#member = member;
    if (!this.#stopped) await ended;
    this.#assignment++;
    await this.#part(member);
  }

  /** With what is settled told once more, if that can be had soon: others see to it as soon as they have the partitions. */
  async #part(member: GroupMember): Promise<void> {
    const { clock, log, topic } = this.#options;
    const leaving = (async () => {
      if (this.#stopped) await this.#commit();
      this.#member = null;
      this.#closeFeeds();
      await member.leave();
    })().catch((error: unknown) => {
      log.warn({ topic, error: messageOf(error) }, 'Kafka: the group was not left in order');
    });
    await Promise.race([leaving, clock.sleep(KAFKA_LEAVE_MS)]);
    this.#member = null;
    this.#closeFeeds();
  }

  #closeFeeds(): void {
    for (const feed of this.#feeds.values()) feed.close();
    this.#feeds.clear();
  }

  /** False while there is no such topic, or the login may not read it as a member of the group; then that is the part's problem. */
  async #mayBegin(part: 'member' | 'topic'): Promise<boolean> {
    const { client, groupId, principal } = this.#options;
    const facts = await client.facts(this.#options.topic);
    const bar = barOf(facts, this.#options);
    if (bar !== null) return this.#waits(part, bar);
    if (part === 'member' && !(await client.mayJoin(groupId)))
      return this.#waits(part, refusal({ kind: 'join-group', name: groupId }, principal));
    this.#noteTopicId((facts as TopicFacts | null)?.id ?? '');
    return (await this.#beginShards()) || this.#waits(part, barOf('missing', this.#options)!);
  }

  #waits(part: 'member' | 'topic', why: string): false {
    this.#problems.set(part, why, 'Kafka: the topic cannot be read; it is waited for');
    return false;
  }

  /** False when there is no such topic yet. */
  async #beginShards(): Promise<boolean> {
    const gone = await beginShards(this.#options);
    if (gone !== null) this.#missing = gone;
    return gone !== null;
  }

  /** Another topic under the same name ends what was begun on the old one. */
  #noteTopicId(id: string): void {
    if (this.#topicId !== '' && id !== '' && id !== this.#topicId)
      for (const feed of [...this.#feeds.values()]) feed.give('the topic was made anew');
    if (id !== '') this.#topicId = id;
  }

  /** New partitions, a topic that is gone, and how much is left to fetch. */
  async #lookAtTopic(): Promise<void> {
    if (!this.#member || !(await this.#mayBegin('topic'))) return;
    const { client, spools, topic } = this.#options;
    const ends = await client.ends(topic);
    this.#problems.clear('topic');
    const feeds = [...this.#feeds.values()];
    await spools.look(
      feeds.map(({ hold }) => hold),
      feeds.map(({ partition }) => ends.get(partition)?.high),
    );
    // By one of the members: there is always a partition 0, and one member has it.
    if (this.#feeds.has(0)) await this.#gone.look(this.#missing, this.#topicId);
    await this.#tellMembers();
  }

  /** Nothing depends on it, so that a coordinator that is away is no reason to stop here. */
  async #tellMembers(): Promise<void> {
    const { client, topic, groupId, tell, log } = this.#options;
    try {
      await tell(await client.members(groupId, topic));
    } catch (error) {
      log.debug(
        { topic, groupId, error: explainKafka(error, this.#options) },
        'Kafka: the members of the group could not be asked for',
      );
    }
  }

  #assigned(partitions: readonly number[]): void {
    const { log, topic } = this.#options;
    this.#closeFeeds();
    this.#problems.clear('member');
    const assignment = ++this.#assignment;
    log.info({ topic, partitions: [...partitions].sort((a, b) => a - b) }, 'Kafka: partitions assigned');
    if (partitions.length > 0) void this.#begin(partitions, assignment);
  }

  /** Claims the spools and begins to fetch, again and again until that is done or the partitions are somebody else's. */
  async #begin(partitions: readonly number[], assignment: number): Promise<void> {
    const { clock, log, topic } = this.#options;
    const current = () => assignment === this.#assignment && !this.#stopped;
    const said = new Map<number, string>();
    for (let left = partitions; current() && left.length > 0;) {
      try {
        const waiting = await this.#tryBegin(left, current);
        for (const [partition, why] of waiting) {
          if (said.get(partition) !== why) log.warn({ topic, partition, reason: why }, 'Kafka: a partition waits');
          said.set(partition, why);
        }
        left = [...waiting.keys()];
      } catch (error) {
        if (current())
          log.warn(
            { topic, error: explainKafka(error, this.#options) },
            'Kafka: partitions could not be begun, it is tried again',
          );
      }
      if (left.length > 0) await clock.sleep(KAFKA_RETRY_MS, this.#stop.signal);
    }
  }

  /** What the partitions that were not begun wait for. */
  async #tryBegin(partitions: readonly number[], current: () => boolean): Promise<Map<number, string>> {
    const { client, spools, topic, groupId } = this.#options;
    const waiting = new Map<number, string>();
    const claims = new Map<number, SpoolClaim>();
    for (const partition of partitions) {
      const claim = await spools.claim(shardIdOf(topic, partition), this.#topicId);
      if (claim) claims.set(partition, claim);
      else waiting.set(partition, 'its state is not there yet');
    }
    if (waiting.size > 0) await this.#beginShards();
    const member = await this.#joining;
    // After the claims: until then the poller before may have gone on, beyond ends that are asked for too early.
    const [committed, ends] = await Promise.all([client.committed(groupId, topic), client.ends(topic)]);
    for (const [partition, claim] of claims) {
      if (!member || !current()) return new Map();
      const end = ends.get(partition);
      const why = end
        ? await this.#beginOne(partition, { member, claim, committed: committed.get(partition), ends: end })
        : 'the broker does not know the partition';
      if (why !== null) waiting.set(partition, why);
    }
    return waiting;
  }

  /** Null when it was begun, else what it waits for. */
  async #beginOne(partition: number, { member, claim, committed, ends }: Facts): Promise<string | null> {
    const { topic, log, spools } = this.#options;
    const { view, origin } = claim;
    const where = whereToFetch({ view, committed, ends, origin, topicId: this.#topicId });
    if (where.kind === 'restart' && where.doubt !== null) {
      if (!this.#lasts(partition)) return where.doubt;
    } else this.#doubtful.delete(partition);
    if (where.kind === 'fetch') {
      await spools.look([claim.hold], [ends.high]);
      await this.#fetch(member, partition, claim, committed ?? null);
      return null;
    }
    const { step, why } = await this.#mend(claim, where);
    if (step.kind === 'unsettled') return `${why}; what is spooled is settled first`;
    if (step.kind === 'refused') return `${why}; its notice cannot be written: ${step.reason}`;
    log.warn({ topic, partition, from: claim.view.next, to: nextOf(where) }, `Kafka: ${why}`);
    // A reset is one once, whatever happens next: from here on the group's offset is ours.
    if (where.kind === 'restart') await member.commit([{ partition, offset: where.restart.next, metadata: OURS }]);
    return 'it begins anew';
  }

  /** Whether the partition has been doubtful for long enough. */
  #lasts(partition: number): boolean {
    const nowMs = this.#options.clock.monoMs();
    const since = this.#doubtful.get(partition) ?? nowMs;
    this.#doubtful.set(partition, since);
    return nowMs - since >= KAFKA_CUT_MS;
  }

  async #mend(
    { hold, view }: SpoolClaim,
    where: Exclude<Where, { kind: 'fetch' }>,
  ): Promise<{ step: SpoolStep; why: string }> {
    const { spools } = this.#options;
    if (where.kind === 'restart') return { step: await spools.restart(hold, where.restart), why: where.why };
    const why = 'records were removed from the log before they were fetched';
    return { step: await spools.lose(hold, view.next, where.next, where.loss), why };
  }

  async #fetch(member: GroupMember, partition: number, claim: SpoolClaim, committed: Committed | null): Promise<void> {
    const { spools, clock, log, topic } = this.#options;
    const assignment = this.#assignment;
    // An offset of somebody else's, taken over as the start: marked as ours before anything moves, or it would be a reset the next time.
    if (committed && !isOurs(committed)) await member.commit([{ partition, ...commitOf(claim.view) }]);
    if (assignment !== this.#assignment || this.#stopped) return;
    const feed = new PartitionFeed(partition, claim, {
      ...{ spools, clock, log },
      pause: () => member.pause(partition),
      resume: () => member.resume(partition),
      lost: (why) => {
        log.warn({ topic, partition, reason: why }, 'Kafka: where to fetch is looked up again');
        member.pause(partition);
        this.#feeds.delete(partition);
        void clock.sleep(KAFKA_RETRY_MS / 10, this.#stop.signal).then(() => this.#begin([partition], assignment));
      },
    });
    feed.committed = committed;
    this.#feeds.set(partition, feed);
    member.begin(partition, claim.view.next);
  }

  /** The group's offsets follow what is settled, as far as the group lets us: whoever has a partition commits it. */
  async #commit(): Promise<void> {
    const member = this.#member;
    const feeds = [...this.#feeds.values()].filter((feed) => !feed.closed);
    if (!member || feeds.length === 0) return;
    const { spools } = this.#options;
    const views = await spools.look(feeds.map((feed) => feed.hold));
    const entries: CommitEntry[] = [];
    for (const [i, feed] of feeds.entries()) {
      const view = views[i]!;
      if (view.fenced) feed.give('another poller has the partition, or its state is gone');
      else if (view.damaged) {
        await spools.refetch(feed.hold);
        feed.give('the spool lost what it held: it is fetched again');
      } else {
        const { offset, metadata } = commitOf(view);
        if (feed.committed?.offset === offset && feed.committed.metadata === metadata) continue;
        entries.push({ partition: feed.partition, offset, metadata });
      }
    }
    if (entries.length === 0) return;
    await member.commit(entries);
    for (const { partition, ...committed } of entries) {
      const feed = this.#feeds.get(partition);
      if (feed) feed.committed = committed;
    }
  }
}

function nextOf(where: Exclude<Where, { kind: 'fetch' }>): number {
  return where.kind === 'restart' ? where.restart.next : where.next;
}
