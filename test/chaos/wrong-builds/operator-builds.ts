/** Wrong builds that show only where an operator acts (operators.test.ts). */
import type { WrongBuild } from './builds.ts';

interface OperatorBuild extends WrongBuild {
  readonly verb: 'skip' | 'rewind';
}

const SKIP_WITHOUT_NOTICE: OperatorBuild = {
  verb: 'skip',
  name: 'a skip leaves no notice',
  breaks: ['I1'],
  edits: [
    {
      file: 'src/turn/settling.ts',
      from: '    this.#notices.push(...noticesOf(',
      to: "    if (giveUp.condition !== 'SkippedByOperator') this.#notices.push(...noticesOf(",
    },
  ],
};

const SKIP_BEYOND: OperatorBuild = {
  verb: 'skip',
  name: 'a skip gives up one record more than was named',
  breaks: ['I1'],
  edits: [
    {
      file: 'src/unit/skipped.ts',
      from: 'return beyond === -1 ? records.length : beyond;',
      to: 'return beyond <= 0 ? (beyond === -1 ? records.length : 0) : beyond + 1;',
    },
  ],
};

const REWIND_KEEPS_UNITS: OperatorBuild = {
  verb: 'rewind',
  name: 'a rewind keeps the unit that was under way',
  breaks: ['I1', 'I2'],
  edits: [
    {
      file: 'src/shard/lua/rewind-N.lua',
      from: `'gen', tonumber(have[2]) + 1, 'units', '[]', 'lanes'`,
      to: `'gen', tonumber(have[2]) + 1, 'lanes'`,
    },
  ],
};

const REWIND_WITHOUT_FENCING: OperatorBuild = {
  verb: 'rewind',
  name: 'a rewind does not fence who has the turn',
  breaks: ['I1', 'I2', 'I5'],
  edits: [
    {
      file: 'src/shard/lua/rewind-N.lua',
      from: `  redis.call('HSET', state, 'epoch', epoch, 'nonce', '', 'owner', '')
`,
      to: '',
    },
  ],
};

const REWIND_IN_GENERATION: OperatorBuild = {
  verb: 'rewind',
  name: 'a rewind stays in the generation that was',
  breaks: ['I5'],
  edits: [
    {
      file: 'src/shard/lua/rewind-N.lua',
      from: `'gen', tonumber(have[2]) + 1, 'units'`,
      to: `'gen', have[2], 'units'`,
    },
  ],
};

export const OPERATOR_WRONG_BUILDS: readonly OperatorBuild[] = [
  ...[SKIP_WITHOUT_NOTICE, SKIP_BEYOND],
  ...[REWIND_KEEPS_UNITS, REWIND_WITHOUT_FENCING, REWIND_IN_GENERATION],
];
