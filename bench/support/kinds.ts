/** The three jobs that the matrix has done with each batch: the same work for every system, as text for a sandbox and as a function for a peer. */

export const KINDS = ['parse', 'cpu', 'http'] as const;
export type Kind = (typeof KINDS)[number];

export const KIND_MEANS: Readonly<Record<Kind, string>> = {
  parse: 'each record is parsed',
  cpu: 'each record is parsed, and costs 50 µs of CPU in V8',
  http: 'each record is parsed; then the invocation waits for one answer of a local HTTP server, which takes 5 ms',
};

export interface KindOptions {
  /** Rounds of `spin` that take 50 µs on this machine. */
  readonly rounds: number;
  /** Of the HTTP server. */
  readonly url: string;
}

const CPU_US = 50;

/** As text, so that it is the same in a sandbox. */
const SPIN = `(seed, rounds) => {
  let hash = seed | 0;
  for (let n = 0; n < rounds; n++) hash = Math.imul(hash ^ n, 16777619);
  return hash & 1;
}`;

function spin(seed: number, rounds: number): number {
  let hash = seed | 0;
  for (let n = 0; n < rounds; n++) hash = Math.imul(hash ^ n, 16777619);
  return hash & 1;
}

const TRIES = 40;
const TRY_ROUNDS = 1_000_000;

/** How many rounds take 50 µs: of the quickest of some tries, since whoever else runs here makes them slower only. */
export function roundsFor50us(): number {
  let best = Infinity;
  let sum = 0;
  for (let n = 0; n < TRIES; n++) {
    const from = performance.now();
    sum += spin(n, TRY_ROUNDS);
    best = Math.min(best, performance.now() - from);
  }
  if (sum < 0) throw new Error('a bit is never negative');
  return Math.round((TRY_ROUNDS * CPU_US) / (best * 1_000));
}

/** A Lambda handler for Kinesis events, or for Kafka's. */
export function handlerText(kind: Kind, { rounds, url }: KindOptions, event: 'kinesis' | 'kafka'): string {
  const [list, data] =
    event === 'kinesis'
      ? ['event.Records', 'record.kinesis.data']
      : ['Object.values(event.records).flat()', 'record.value'];
  return `const spin = ${SPIN};
export const handler = async (event) => {
  let sum = 0;
  for (const record of ${list}) {
    const { id } = JSON.parse(Buffer.from(${data}, 'base64'));
    sum += ${kind === 'cpu' ? `spin(id, ${rounds})` : 'id'};
  }
  ${kind === 'http' ? `await (await fetch('${url}')).arrayBuffer();` : ''}
  return { sum };
};
`;
}

/** The same for a peer in Node. */
export function workOf(kind: Kind, { rounds, url }: KindOptions): (texts: readonly string[]) => Promise<number> {
  return async (texts) => {
    let sum = 0;
    for (const text of texts) {
      const { id } = JSON.parse(text) as { id: number };
      sum += kind === 'cpu' ? spin(id, rounds) : id;
    }
    if (kind === 'http') await (await fetch(url)).arrayBuffer();
    return sum;
  };
}

/** The last arguments of a peer's command line. */
export function kindArgs(kind: Kind, options: KindOptions): string[] {
  return [kind, String(options.rounds), options.url];
}

export function kindOf([kind, rounds, url]: readonly string[]): ReturnType<typeof workOf> {
  return workOf(kind as Kind, { rounds: Number(rounds), url: url! });
}
