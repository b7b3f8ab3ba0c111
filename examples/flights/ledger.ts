/**
 * What the board knows: the departures of each airport, in the order in which they came. Each carries its number among those of its
 * airport, so that a flight that is lost, doubled or out of order shows at once.
 */
import { Epochs } from '../receiver.ts';
import type { Departure } from './handler.ts';

export interface Airport {
  readonly name: string;
  readonly lines: string[];
  /** Highest number so far. */
  last: number;
  /** Numbers that were passed over, and have not come since. */
  readonly missing: Set<number>;
}

export interface Tally {
  readonly airports: number;
  readonly departures: number;
  readonly missing: readonly string[];
  readonly doubled: number;
  readonly outOfOrder: number;
  /** Requests of a worker that had lost its shard to another one: refused by their epoch. */
  readonly stale: number;
  /** Times that a gate was closed, and the departure had to be sent again. */
  readonly refused: number;
}

export interface Taken {
  /** So many, from the first. */
  readonly accepted: number;
  /** Why the next one was not. */
  readonly refused?: string;
}

export class Ledger {
  readonly airports = new Map<string, Airport>();
  /** All departures, in the order in which they came. */
  readonly journal: Departure[] = [];
  private departures = 0;
  private doubled = 0;
  private outOfOrder = 0;
  private stale = 0;
  private refused = 0;
  private readonly epochs = new Epochs();
  private readonly closedGates: Map<string, number>;

  /** `closedGates`: `airport number` → how often that departure is refused before it is taken. */
  constructor(closedGates: ReadonlyMap<string, number>) {
    this.closedGates = new Map(closedGates);
  }

  /** False when a later owner of the shard has been heard already (P7): nothing of the request may count. */
  admits(shard: string, epoch: string): boolean {
    if (this.epochs.admits(shard, epoch)) return true;
    this.stale += 1;
    return false;
  }

  /** Takes departures in order until one is refused. */
  take(departures: readonly Departure[]): Taken {
    for (const [index, departure] of departures.entries()) {
      const name = `${departure.airport} ${departure.number}`;
      const closed = this.closedGates.get(name) ?? 0;
      if (closed > 0) {
        this.closedGates.set(name, closed - 1);
        this.refused += 1;
        return { accepted: index, refused: `the gate of ${name} is closed` };
      }
      this.enter(departure);
    }
    return { accepted: departures.length };
  }

  tally(): Tally {
    const { departures, doubled, outOfOrder, stale, refused } = this;
    const airports = [...this.airports.values()];
    const missing = airports.flatMap((airport) => [...airport.missing].map((number) => `${airport.name} ${number}`));
    return { airports: airports.length, departures, missing, doubled, outOfOrder, stale, refused };
  }

  private enter(departure: Departure): void {
    const { airport: name, number, text } = departure;
    this.journal.push(departure);
    const airport = this.airports.get(name) ?? { name, lines: [], last: 0, missing: new Set<number>() };
    this.airports.set(name, airport);
    if (number > airport.last) {
      for (let passed = airport.last + 1; passed < number; passed += 1) airport.missing.add(passed);
      airport.last = number;
    } else if (airport.missing.delete(number)) this.outOfOrder += 1;
    else this.doubled += 1;
    airport.lines.push(text);
    this.departures += 1;
  }
}
