/** One test of a pattern → a function of one value of the record: a text, a number, true, false or null. */
import { BlockList, isIPv6 } from 'node:net';
import type { AddressBlock, NumberBound, ScalarTest } from '../pattern.ts';

const [DOT, ZERO, NINE] = [46, 48, 57];

export type Matches = (value: unknown) => boolean;

export function scalarTest(test: ScalarTest): Matches {
  switch (test.op) {
    case 'equals': {
      const { value } = test;
      return (given) => given === value;
    }
    case 'equals-ignore-case': {
      const text = folded(test.text);
      return (given) => typeof given === 'string' && folded(given) === text;
    }
    case 'prefix':
    case 'suffix':
      return affix(test.op, test.text, test.ignoreCase);
    case 'numeric':
      return numeric(test.bounds);
    case 'cidr':
      return test.block.family === 4 ? cidr4(test.block) : cidr6(test.block);
    case 'wildcard':
      return wildcard(test.parts);
    case 'anything-but': {
      const none = anyOf(test.none.map(scalarTest));
      return (given) => !none(given);
    }
  }
}

export function anyOf(tests: readonly Matches[]): Matches {
  const [a, b, ...more] = tests;
  if (a === undefined) return () => false;
  if (b === undefined) return a;
  if (more.length === 0) return (given) => a(given) || b(given);
  return (given) => tests.some((test) => test(given));
}

function affix(op: 'prefix' | 'suffix', text: string, ignoreCase: boolean): Matches {
  const wanted = ignoreCase ? folded(text) : text;
  const seen = ignoreCase ? folded : (given: string) => given;
  return op === 'prefix'
    ? (given) => typeof given === 'string' && seen(given).startsWith(wanted)
    : (given) => typeof given === 'string' && seen(given).endsWith(wanted);
}

/** By itself: Node's list makes an object of every address, which takes twenty times as long. */
function cidr4({ address, bits }: AddressBlock): Matches {
  const size = 2 ** (32 - bits);
  const block = Math.floor(addressNumber(address) / size);
  return (given) => {
    if (typeof given !== 'string') return false;
    const number = addressNumber(given);
    return number >= 0 && Math.floor(number / size) === block;
  };
}

/** `a.b.c.d` as one number, each part without leading zeros; -1 for any other text. */
function addressNumber(text: string): number {
  let number = 0;
  let part = -1;
  let parts = 1;
  if (text.length > 15) return -1;
  for (let k = 0; k < text.length; k++) {
    const c = text.charCodeAt(k);
    if (c === DOT) {
      if (part < 0 || ++parts > 4) return -1;
      number = number * 256 + part;
      part = -1;
    } else {
      if (c < ZERO || c > NINE || part === 0) return -1;
      part = part < 0 ? c - ZERO : part * 10 + (c - ZERO);
      if (part > 255) return -1;
    }
  }
  return parts === 4 && part >= 0 ? number * 256 + part : -1;
}

function cidr6({ address, bits }: AddressBlock): Matches {
  const block = new BlockList();
  block.addSubnet(address, bits, 'ipv6');
  return (given) => typeof given === 'string' && isIPv6(given) && !given.includes('%') && block.check(given, 'ipv6');
}

/** Letters of both cases as one, whatever the language. */
function folded(text: string): string {
  return text.toUpperCase().toLowerCase();
}

function numeric(bounds: readonly NumberBound[]): Matches {
  const [a, b] = bounds.map(bound);
  if (a === undefined) return () => false;
  return b === undefined
    ? (given) => typeof given === 'number' && a(given)
    : (given) => typeof given === 'number' && a(given) && b(given);
}

function bound({ compare, value }: NumberBound): (given: number) => boolean {
  switch (compare) {
    case '=':
      return (given) => given === value;
    case '<':
      return (given) => given < value;
    case '<=':
      return (given) => given <= value;
    case '>':
      return (given) => given > value;
    case '>=':
      return (given) => given >= value;
  }
}

/** The first part at the beginning, the last at the end, the others in order between them: no way back is ever needed. */
function wildcard(parts: readonly string[]): Matches {
  const [first, ...rest] = parts as [string, ...string[]];
  const last = rest.pop();
  if (last === undefined) return (given) => given === first;
  return (given) => {
    if (typeof given !== 'string' || !given.startsWith(first)) return false;
    let at = first.length;
    for (const part of rest) {
      const found = given.indexOf(part, at);
      if (found < 0) return false;
      at = found + part.length;
    }
    return given.length - last.length >= at && given.endsWith(last);
  };
}
