/** All faults that a swarm draws from. */
import { DAEMON_FAULTS } from './daemon-faults.ts';
import type { Fault, SourceKind } from './fault.ts';
import { LOSSY_FAULTS } from './lossy-faults.ts';
import { NETWORK_FAULTS } from './network-faults.ts';
import { OPERATOR_FAULTS } from './operator-faults.ts';
import { REFUSAL_FAULTS } from './refusal-faults.ts';
import { SERVER_FAULTS } from './server-faults.ts';

export const FAULTS: readonly Fault[] = [
  ...[...DAEMON_FAULTS, ...NETWORK_FAULTS, ...SERVER_FAULTS, ...OPERATOR_FAULTS, ...LOSSY_FAULTS, ...REFUSAL_FAULTS],
];

export const faultsFor = (source: SourceKind): readonly Fault[] =>
  FAULTS.filter((fault) => (fault.source ?? source) === source);

export const faultNamed = (name: string): Fault | undefined => FAULTS.find((fault) => fault.name === name);
