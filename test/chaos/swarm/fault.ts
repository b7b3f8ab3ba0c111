/** A fault as an object: it is done once, healed, and says whether it hit anything that was at work. */
import type { Cluster } from '../../support/kafka/cluster.ts';
import type { Lab, LabDaemon } from '../lab/lab.ts';
import type { Operator } from '../lab/operators.ts';
import type { Random } from '../lab/random.ts';
import type { Daemons } from './daemons.ts';

export type SourceKind = 'redis-stream' | 'kafka';

/** What a strike works on; two that work on one thing are not done at once. */
export type Touches = 'daemon' | 'redis' | 'broker' | 'shard' | 'everything';

export interface World {
  readonly lab: Lab;
  readonly daemons: Daemons;
  readonly operator: Operator;
  /** The only broker; null: there is none. */
  readonly cluster: Cluster | null;
  /** Of this strike: what another one draws beside it changes nothing in it. */
  readonly random: Random;
}

export interface Fault {
  readonly name: string;
  /** For `--help` and for docs: what is done, and when it has hit. */
  readonly says: string;
  readonly touches: Touches | readonly Touches[];
  /** Sources that it can be done to. Absent: all. */
  readonly source?: SourceKind;
  /** Daemons have ways to Redis of their own, that break. */
  readonly needsLinks?: boolean;
  /** A seed does not draw it: a strike takes longer than those of a minute's run may. */
  readonly onlyAsked?: boolean;
  /** It makes history of a kind that these cannot be judged with. */
  readonly without?: readonly string[];
  /** Before the first daemon starts. */
  prepare?(lab: Lab): Promise<void>;
  /** When all is settled: what the history has to be told before it is judged. */
  tell?(world: Omit<World, 'random'>): Promise<void>;
  /** Done once and healed when it resolves: true when it hit. */
  strike(world: World): Promise<boolean>;
}

export const touchesOf = ({ touches }: Fault): readonly Touches[] => [touches].flat();

/** Some daemon has a shard in hand. */
export const anyTurn = async (lab: Lab): Promise<boolean> =>
  (await lab.look()).some(({ state }) => Boolean(state['owner']));

export type Role = 'poller' | 'executor';

export const hasRole = ({ args }: LabDaemon, role: Role): boolean => {
  const at = args.indexOf('--role');
  return at < 0 || args[at + 1] === role;
};
