/** Wrong builds that show where versions of a function are live at once (r24-redeployed.test.ts). */
import type { WrongBuild } from './builds.ts';

const VERSION_BEFORE: WrongBuild = {
  name: 'a notice names the version of the attempt before the last',
  breaks: ['version'],
  edits: [
    {
      file: 'src/turn/settling.ts',
      from: `      justRan ? null : this.units.find(`,
      to: `      this.units.find(`,
    },
  ],
};

export const DEPLOY_WRONG_BUILDS: readonly WrongBuild[] = [VERSION_BEFORE];
