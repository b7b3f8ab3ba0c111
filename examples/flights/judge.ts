/** What must be on the board: every flight once, behind the earlier ones of its airport, as it is in the data; one alone is given up. */
import type { Verdict } from '../run-example.ts';
import type { NumberedFlight } from './fill.ts';
import type { Departure } from './handler.ts';

export interface Found {
  /** In the order in which the board took them. */
  readonly departures: readonly Departure[];
  /** `airport number`, from the failure notices. */
  readonly givenUp: readonly string[];
  /** Times that a gate was closed. */
  readonly refused: number;
}

/** So many flights of a kind are named; there are 20,000. */
const NAMED = 10;

export function judgeFlights(flights: readonly NumberedFlight[], { departures, givenUp, refused }: Found): Verdict {
  const expected = new Map(flights.map((flight) => [nameOf(flight.origin, flight.number), flight]));
  const taken = new Set<string>();
  const last = new Map<string, number>();
  const [doubled, outOfOrder, otherwise, unknown]: string[][] = [[], [], [], []];
  for (const { airport, number, text } of departures) {
    const name = nameOf(airport, number);
    const flight = expected.get(name);
    if (flight === undefined) unknown!.push(name);
    else if (!text.startsWith(`${flight.date}  ${flight.origin} → ${flight.destination}  `)) otherwise!.push(name);
    if (taken.has(name)) doubled!.push(name);
    else if (number < (last.get(airport) ?? 0)) outOfOrder!.push(name);
    taken.add(name);
    last.set(airport, Math.max(number, last.get(airport) ?? 0));
  }
  const poison = flights
    .filter(({ distance }) => typeof distance !== 'number')
    .map(({ origin, number }) => nameOf(origin, number));
  const lost = [...expected.keys()].filter((name) => !taken.has(name) && !givenUp.includes(name));
  const wrong = [
    ...named('lost', lost),
    ...named('on the board twice', doubled!),
    ...named('out of order', outOfOrder!),
    ...named('on the board, but otherwise than in the data', otherwise!),
    ...named('on the board, and in no data', unknown!),
    ...named(
      'on the board, and given up',
      givenUp.filter((name) => taken.has(name)),
    ),
    ...named(
      'given up without a reason',
      givenUp.filter((name) => !poison.includes(name)),
    ),
    ...named(
      'given up twice',
      givenUp.filter((name, index) => givenUp.indexOf(name) !== index),
    ),
  ];
  const arrived = `${departures.length.toLocaleString('en-US')} of ${flights.length.toLocaleString('en-US')} flights from ${last.size} airports`;
  const lines = [
    '  board',
    `    arrived   ${arrived}; ${refused} times a gate was closed and the flight came again`,
    `    order     out of order ${outOfOrder!.length}, doubled ${doubled!.length}, lost ${lost.length}, given up ${givenUp.length} (${givenUp.join(', ') || 'none'})`,
  ];
  return { lines, wrong };
}

function nameOf(airport: string, number: number): string {
  return `${airport} ${number}`;
}

function named(what: string, names: readonly string[]): string[] {
  if (names.length === 0) return [];
  const more = names.length > NAMED ? ` and ${names.length - NAMED} more` : '';
  return [`${what}: ${names.slice(0, NAMED).join(', ')}${more}.`];
}
