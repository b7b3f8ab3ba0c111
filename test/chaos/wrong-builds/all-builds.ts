/** Every wrong build, wherever it shows: what `preload.ts` makes a daemon into, and what has to fit the engine's text. */
import { WRONG_BUILDS, type WrongBuild } from './builds.ts';
import { DEPLOY_WRONG_BUILDS } from './deploy-builds.ts';
import { LANE_WRONG_BUILDS } from './lane-builds.ts';
import { OPERATOR_WRONG_BUILDS } from './operator-builds.ts';
import { KAFKA_PIPELINE_WRONG_BUILDS, OTHER_REDIS_WRONG_BUILDS, PIPELINE_WRONG_BUILDS } from './pipeline-builds.ts';
import { SIMULATED_WRONG_BUILDS } from './simulated-builds.ts';
import { SLOT_WRONG_BUILDS } from './slot-builds.ts';
import { SWARM_WRONG_BUILDS } from './swarm-builds.ts';
import { WINDOW_WRONG_BUILDS } from './window-builds.ts';

export const ALL_WRONG_BUILDS: readonly WrongBuild[] = [
  ...WRONG_BUILDS,
  ...PIPELINE_WRONG_BUILDS,
  ...KAFKA_PIPELINE_WRONG_BUILDS,
  ...OTHER_REDIS_WRONG_BUILDS,
  ...WINDOW_WRONG_BUILDS,
  ...LANE_WRONG_BUILDS,
  ...OPERATOR_WRONG_BUILDS,
  ...DEPLOY_WRONG_BUILDS,
  ...SLOT_WRONG_BUILDS,
  ...SIMULATED_WRONG_BUILDS,
  ...SWARM_WRONG_BUILDS,
];
