/**
 * `${VAR}` and `${VAR:-default}` in text. As in the shell, the default stands in for a variable that is unset or empty.
 * `$${` writes a literal `${`. References do not nest.
 */
import { VARIABLE_PATTERN } from './syntax.ts';

export interface InterpolationFault {
  readonly code: 'env-unset' | 'env-syntax' | 'env-nested';
  readonly message: string;
  readonly hint: string;
}

export interface Interpolated {
  readonly value: string;
  readonly variables: readonly string[];
  readonly faults: readonly InterpolationFault[];
}

export type Environment = Readonly<Record<string, string | undefined>>;

export function hasReference(text: string): boolean {
  return /(?<!\$)\$\{/.test(text);
}

export function interpolate(text: string, env: Environment): Interpolated {
  const variables: string[] = [];
  const faults: InterpolationFault[] = [];
  let value = '';
  let at = 0;
  while (at < text.length) {
    const dollar = text.indexOf('$', at);
    if (dollar === -1) break;
    value += text.slice(at, dollar);
    at = dollar;
    if (text.startsWith('$${', at)) {
      value += '${';
      at += 3;
    } else if (!text.startsWith('${', at)) {
      value += '$';
      at += 1;
    } else {
      const end = text.indexOf('}', at);
      const body = text.slice(at + 2, end === -1 ? undefined : end);
      const replaced = end === -1 ? unclosed() : reference(body, env, variables);
      if (typeof replaced === 'string') value += replaced;
      else faults.push(replaced);
      // What follows a nested reference cannot be told apart from the outer one's end.
      if (end === -1 || (typeof replaced !== 'string' && replaced.code === 'env-nested'))
        return { value, variables, faults };
      at = end + 1;
    }
  }
  return { value: value + text.slice(at), variables, faults };
}

function reference(body: string, env: Environment, variables: string[]): string | InterpolationFault {
  const colon = body.indexOf(':-');
  const name = colon === -1 ? body : body.slice(0, colon);
  if (body.includes('${')) {
    return {
      code: 'env-nested',
      message: 'environment references cannot be nested',
      hint: 'write ${VAR} or ${VAR:-default}, with plain text as the default',
    };
  }
  if (!VARIABLE_PATTERN.test(name)) {
    return {
      code: 'env-syntax',
      message: name === '' ? 'an environment reference names no variable' : 'an environment reference is malformed',
      hint: 'write ${VAR} or ${VAR:-default}; $${ stands for a literal ${',
    };
  }
  variables.push(name);
  const value = Object.hasOwn(env, name) ? env[name] : undefined;
  if (colon !== -1) return value === undefined || value === '' ? body.slice(colon + 2) : value;
  if (value !== undefined) return value;
  return {
    code: 'env-unset',
    message: `the environment variable ${name} is not set`,
    hint: `set it, or write \${${name}:-default}`,
  };
}

function unclosed(): InterpolationFault {
  return {
    code: 'env-syntax',
    message: 'an environment reference is not closed',
    hint: 'write ${VAR} or ${VAR:-default}; $${ stands for a literal ${',
  };
}
