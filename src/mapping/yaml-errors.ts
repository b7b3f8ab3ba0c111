/** Syntax errors in our words: what it means and what to do. The library's own texts can quote the file, and so a secret. */
import type { ErrorCode, YAMLError } from 'yaml';

interface ErrorText {
  readonly code: string;
  readonly message: string;
  readonly hint?: string;
}

const TEXTS: Partial<Record<ErrorCode, ErrorText>> = {
  TAB_AS_INDENT: { code: 'yaml-tab', message: 'a tab is used as indentation', hint: 'indent with spaces' },
  MISSING_CHAR: {
    code: 'yaml-syntax',
    message: 'something is not closed: a quote, a bracket or a brace is missing',
    hint: 'look at where the value begins; its end was not found up to here',
  },
  BAD_INDENT: {
    code: 'yaml-indent',
    message: 'the indentation does not fit',
    hint: 'entries of one map begin in the same column',
  },
  BLOCK_AS_IMPLICIT_KEY: {
    code: 'yaml-syntax',
    message: 'a map cannot begin in the middle of a line',
    hint: 'put text that contains ": " in quotes, or write the nested map on its own lines',
  },
  MULTILINE_IMPLICIT_KEY: {
    code: 'yaml-syntax',
    message: 'a key has to be on one line, followed by a colon',
    hint: 'a ":" is missing, or a quote is not closed',
  },
  KEY_OVER_1024_CHARS: {
    code: 'yaml-syntax',
    message: 'a key has more than 1024 characters',
    hint: 'a ":" is missing, or a quote is not closed',
  },
  BLOCK_IN_FLOW: {
    code: 'yaml-syntax',
    message: 'inside brackets and braces everything has to be in brackets and braces',
  },
  BAD_ALIAS: {
    code: 'yaml-alias',
    message: 'an alias (*name) is malformed',
    hint: 'text that begins with "*" has to be quoted',
  },
  ALIAS_PROPS: { code: 'yaml-alias', message: 'an alias (*name) cannot have a tag or an anchor' },
  MULTIPLE_ANCHORS: { code: 'yaml-syntax', message: 'a value has more than one anchor' },
  MULTIPLE_TAGS: { code: 'yaml-tag', message: 'a value has more than one tag' },
  BAD_SCALAR_START: { code: 'yaml-syntax', message: 'text cannot begin with this character', hint: 'put it in quotes' },
  BAD_DQ_ESCAPE: {
    code: 'yaml-syntax',
    message: 'an escape in a double-quoted text is not known',
    hint: 'write \\\\ for a backslash, or use single quotes',
  },
  BAD_DIRECTIVE: {
    code: 'yaml-syntax',
    message: 'a line that begins with "%" is a directive, and this one is not known',
    hint: 'remove the line',
  },
  RESOURCE_EXHAUSTION: { code: 'too-deep', message: 'values are nested too deep to be read' },
  BAD_COLLECTION_TYPE: { code: 'yaml-tag', message: 'a tag does not fit its value', hint: 'remove the tag' },
};

const NOT_CLOSED: ErrorText = {
  code: 'yaml-syntax',
  message: 'a bracket or brace is not closed, or what is inside is not indented',
};

export function yamlErrorText(error: YAMLError): ErrorText {
  if (error.code === 'BAD_INDENT' && error.message.startsWith('Flow')) return NOT_CLOSED;
  return (
    TEXTS[error.code] ?? {
      code: 'yaml-syntax',
      message: 'this is not valid YAML here',
      hint: 'put text with special characters in quotes',
    }
  );
}
