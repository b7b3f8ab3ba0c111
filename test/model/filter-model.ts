/** The pattern language said plainly: evaluated from the pattern as it was written, each time anew, without regard to speed. */

type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json };
type JsonObject = { readonly [name: string]: Json };

/** Does the pattern match the event? Both without dots in names. */
export function plainMatch(pattern: JsonObject, event: Json | undefined): boolean {
  if (Array.isArray(event) && event.length > 0) return event.some((one: Json) => plainMatch(pattern, one));
  return Object.keys(pattern).every((name) => {
    const inner = pattern[name]!;
    if (name === '$or') return (inner as readonly JsonObject[]).some((choice) => plainMatch(choice, event));
    const value = isObject(event) && Object.hasOwn(event, name) ? event[name] : undefined;
    return isObject(inner) ? plainMatch(inner, value) : plainLeaf(inner as readonly Json[], value);
  });
}

function plainLeaf(tests: readonly Json[], value: Json | undefined): boolean {
  const values = scalarsIn(value);
  return tests.some((test) => {
    const operator = isObject(test) ? Object.keys(test)[0]! : undefined;
    if (operator === 'exists') return (test as JsonObject)['exists'] === values.length > 0;
    return values.some((one) => holds(test, one));
  });
}

function scalarsIn(value: Json | undefined): (null | boolean | number | string)[] {
  if (value === undefined || isObject(value)) return [];
  return Array.isArray(value) ? value.flatMap(scalarsIn) : [value as string];
}

function holds(test: Json, value: null | boolean | number | string): boolean {
  if (!isObject(test)) return test === value;
  const [operator, operand] = Object.entries(test)[0]!;
  const text = typeof value === 'string' ? value : undefined;
  switch (operator) {
    case 'prefix':
    case 'suffix': {
      const ignoring = isObject(operand);
      const wanted = ignoring ? (operand['equals-ignore-case'] as string).toLowerCase() : (operand as string);
      const given = ignoring ? text?.toLowerCase() : text;
      if (given === undefined) return false;
      const end = operator === 'prefix' ? given.slice(0, wanted.length) : given.slice(given.length - wanted.length);
      return wanted.length <= given.length && end === wanted;
    }
    case 'equals-ignore-case':
      return text?.toLowerCase() === (operand as string).toLowerCase();
    case 'wildcard': {
      const source = (operand as string).split('*').map((part) => part.replace(/[^a-z0-9]/gi, '\\$&'));
      return text !== undefined && new RegExp(`^${source.join('[^]*')}$`).test(text);
    }
    case 'numeric': {
      if (typeof value !== 'number') return false;
      const rule = operand as readonly (string | number)[];
      return [0, 2].slice(0, rule.length / 2).every((k) => compares(value, rule[k] as string, rule[k + 1] as number));
    }
    case 'anything-but': {
      const nested = isObject(operand) ? Object.entries(operand)[0]! : undefined;
      const listed = nested === undefined ? operand : nested[1];
      const none = Array.isArray(listed) ? (listed as Json[]) : [listed];
      return none.every((one) => !holds(nested === undefined ? one! : { [nested[0]]: one! }, value));
    }
    default:
      throw new Error(`the model knows no ${operator}`);
  }
}

function compares(value: number, operator: string, bound: number): boolean {
  if (operator === '=') return value === bound;
  if (operator.startsWith('>')) return value > bound || (operator === '>=' && value === bound);
  return value < bound || (operator === '<=' && value === bound);
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export type { JsonObject };
