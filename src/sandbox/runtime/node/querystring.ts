/** node:querystring, by way of unenv. */
import { decode, encode, escape, parse, stringify, unescape, unescapeBuffer } from 'unenv/node/querystring';

export const querystring = { decode, encode, escape, parse, stringify, unescape, unescapeBuffer };
