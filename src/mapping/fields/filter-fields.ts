/** Everything that can be written under `filterCriteria` of a mapping. */
import { z } from 'zod';
import { FILTERS_MAX } from '../../config-limits.ts';
import { field } from '../field.ts';
import { PatternFault } from '../pattern/pattern-fault.ts';
import { readPattern } from '../pattern/read-pattern.ts';

const pattern = z.union([z.record(z.string(), z.unknown()), z.string()]).check((ctx) => {
  try {
    readPattern(ctx.value);
  } catch (error) {
    if (!(error instanceof PatternFault)) throw error;
    const { path, inText } = error.where;
    // Within JSON text the place is told by its path: the text has one line and column in the file.
    const place = inText === undefined || inText.length === 0 ? '' : ` (at ${placeIn(inText)} of the JSON text)`;
    const params = { code: 'bad-filter-pattern', hint: error.hint };
    ctx.issues.push({ code: 'custom', input: ctx.value, path: [...path], message: `${error.message}${place}`, params });
  }
});

/** `data.a[0]` */
function placeIn(path: readonly (string | number)[]): string {
  return path.map((key, at) => (typeof key === 'number' ? `[${key}]` : at === 0 ? key : `.${key}`)).join('');
}

const filter = z.strictObject({
  pattern: field(pattern, {
    about:
      'What a record must look like, as an object or as JSON text: AWS’s pattern language, see [filters](filters.md).',
    example: '{ data: { type: [ order ] } }',
    expects: 'an object, or JSON text of one',
    alsoCalled: ['Pattern'],
  }),
});

export const filterCriteriaField = field(
  z
    .strictObject({
      filters: field(
        z
          .array(filter)
          .max(FILTERS_MAX, { error: `must have at most ${FILTERS_MAX} entries` })
          .default([]),
        {
          about: 'A record that one of them matches is for the function.',
          example: '[ { pattern: { data: { type: [ order ] } } } ]',
        },
      ),
    })
    .exactOptional(),
  {
    about:
      'Which records the function is to see. The others count as settled (`filtered`) once those before them are. None: all of them.',
    example: '{ filters: [ { pattern: { data: { type: [ order ] } } } ] }',
    alsoCalled: ['filters', 'filter'],
  },
);
