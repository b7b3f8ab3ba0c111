/** What is left out of what an outbox holds: in any order of settles, sends, deaths, late pollers and lost writes. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ExactWay } from '../../src/daemon/exact-way.ts';
import type { ExactSender, OutgoingEntry } from '../../src/outbox.ts';

/** An id is a place in the outbox here: what is lost gives it to another entry, as clocks may. */
interface Entry extends OutgoingEntry {
  readonly id: number;
}

/** All that Redis has of a shard: what its settles wrote, the ids of it that were removed, and which read was the last. */
interface Source {
  readonly written: readonly Entry[];
  readonly removed: ReadonlySet<number>;
  readonly read: number;
}

/** Entries of one read of the outbox. */
const READ_MAX = 3;

class Refused extends Error {}

class Place {
  readonly got: OutgoingEntry[] = [];
  last: string | null = null;
  #sender = 0;

  /** The newest one fences those before it. It knows what is there as of then. */
  sender(): ExactSender {
    let own = 0;
    let position: string | null = null;
    const last = () => {
      if (own !== this.#sender || own === 0) {
        own = ++this.#sender;
        position = this.last;
      }
      return Promise.resolve(position);
    };
    return {
      last,
      send: async (entries, after) => {
        if (own !== this.#sender) {
          own = 0;
          throw new Refused('fenced');
        }
        if (position !== after) throw new Refused('moved');
        this.got.push(...entries);
        this.last = position = entries.at(-1)!.mark;
      },
      close: () => Promise.resolve(),
    };
  }
}

type Act =
  | { readonly kind: 'settle'; readonly count: number }
  | { readonly kind: 'lose'; readonly writes: number }
  | { readonly kind: 'go'; readonly poller: number; readonly steps: number }
  | { readonly kind: 'die'; readonly poller: number };

const poller = fc.nat(1);
const act: fc.Arbitrary<Act> = fc.oneof(
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('settle' as const), count: fc.integer({ min: 1, max: 4 }) }) },
  {
    weight: 5,
    arbitrary: fc.record({ kind: fc.constant('go' as const), poller, steps: fc.integer({ min: 1, max: 8 }) }),
  },
  fc.record({ kind: fc.constant('die' as const), poller }),
);
const lose: fc.Arbitrary<Act> = fc.record({
  kind: fc.constant('lose' as const),
  writes: fc.integer({ min: 1, max: 6 }),
});

/** As daemon/forwarding.ts goes on: read, send, remove and read in one step. It may stop anywhere, for any time. */
class Poller {
  readonly #world: World;
  readonly #way: ExactWay;
  #entries: readonly Entry[] = [];
  #sent: readonly Entry[] = [];
  #read = -1;

  constructor(world: World) {
    this.#world = world;
    this.#way = new ExactWay(world.place.sender());
  }

  async step(): Promise<void> {
    if (this.#entries.length === 0) {
      const sent = { read: this.#read, ids: this.#sent.map(({ id }) => id) };
      [this.#sent, this.#entries, this.#read] = [[], ...this.#world.removeAndRead(sent)];
      return;
    }
    try {
      if (await this.#way.send(this.#entries)) this.#sent = this.#entries;
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
    }
    this.#entries = [];
  }
}

class World {
  readonly place = new Place();
  #source: Source = { written: [], removed: new Set(), read: 0 };
  readonly #before: Source[] = [];
  readonly #pollers = [new Poller(this), new Poller(this)];
  #names = 0;

  get written(): readonly Entry[] {
    return this.#source.written;
  }

  #write(change: Partial<Source>): void {
    this.#before.push(this.#source);
    this.#source = { ...this.#source, ...change };
  }

  async run(one: Act): Promise<void> {
    if (one.kind === 'settle') this.#settle(one.count);
    else if (one.kind === 'lose') this.#source = this.#before.splice(-one.writes)[0] ?? this.#source;
    else if (one.kind === 'die') this.#pollers[one.poller] = new Poller(this);
    else for (let step = 0; step < one.steps; step++) await this.#pollers[one.poller]!.step();
  }

  #settle(count: number): void {
    const { written } = this.#source;
    const made = Array.from({ length: count }, (_, i): Entry => {
      return {
        id: written.length + i,
        mark: `m${++this.#names}`,
        partitionKey: 'k',
        data: Buffer.alloc(0),
        headers: [],
        origin: 'o',
      };
    });
    this.#write({ written: [...written, ...made] });
  }

  /** As shard/lua/outbox-2.lua does. */
  removeAndRead(sent: { readonly read: number; readonly ids: readonly number[] }): [Entry[], number] {
    const { removed, read } = this.#source;
    const now = new Set(sent.read === read ? [...removed, ...sent.ids] : removed);
    this.#write({ removed: now, read: ++this.#names });
    return [this.written.filter(({ id }) => !now.has(id)).slice(0, READ_MAX), this.#source.read];
  }

  /** A new poller sends what is left. */
  async end(): Promise<void> {
    const last = new Poller(this);
    for (let steps = 6 + 2 * this.written.length; steps > 0; steps--) await last.step();
  }
}

async function play(acts: readonly Act[]): Promise<World> {
  const world = new World();
  for (const one of acts) await world.run(one);
  await world.end();
  return world;
}

test('nothing that Redis has at the end is left out, whatever it lost before', () =>
  fc.assert(
    fc.asyncProperty(fc.array(fc.oneof({ weight: 12, arbitrary: act }, lose), { maxLength: 60 }), async (acts) => {
      const { place, written } = await play(acts);
      const first = written.map((entry) => place.got.indexOf(entry));
      expect(first).not.toContain(-1);
      expect(first).toEqual(first.toSorted((a, b) => a - b));
    }),
    { numRuns: 3_000 },
  ));

test('where Redis loses nothing each is there once, in order', () =>
  fc.assert(
    fc.asyncProperty(fc.array(act, { maxLength: 60 }), async (acts) => {
      const { place, written } = await play(acts);
      expect(place.got).toEqual(written);
    }),
    { numRuns: 3_000 },
  ));
