/** What is wrong with a filter pattern. */

/** `path`: below the pattern in the YAML; `inText`: below that in the JSON text that stands there, when there is one. */
export interface Where {
  readonly path: readonly (string | number)[];
  readonly inText: readonly (string | number)[] | undefined;
}

export class PatternFault extends Error {
  readonly where: Where;
  readonly hint: string | undefined;
  constructor(where: Where, message: string, hint?: string) {
    super(message);
    this.where = where;
    this.hint = hint;
  }
}
