/** Whether `code:` names something that can be a function. Looks at the file system, reads no code. */
import { type Stats, lstatSync, readdirSync, realpathSync, statSync } from 'node:fs';
import path from 'node:path';
import { didYouMean } from './did-you-mean.ts';

export interface CodeFault {
  readonly code: string;
  readonly message: string;
  readonly hint?: string;
}

export type CodePath = { readonly path: string; readonly directory: boolean } | { readonly fault: CodeFault };

const EXTENSIONS = ['.ts', '.mts', '.js', '.mjs', '.cjs'];

/** `root`: nothing outside of it is taken, also not through a symbolic link. `from`: directory of the YAML file. */
export function resolveCode(written: string, from: string, root: string): CodePath {
  const absolute = path.resolve(from, written);
  const bad = (code: string, message: string, hint?: string): CodePath => ({
    fault: { code, message, ...(hint === undefined ? {} : { hint }) },
  });
  if (!isInside(root, absolute))
    return bad(
      'code-outside',
      'lies outside the directory of the configuration',
      'move the code below it, or the configuration above it',
    );
  const found = look(absolute);
  if (typeof found === 'string') return bad('code-unreadable', `cannot be read (${found})`);
  if (found === undefined) {
    if (isLink(absolute)) return bad('code-missing', 'is a symbolic link to something that does not exist');
    const meant = neighbour(absolute);
    const hint =
      meant === undefined
        ? 'the path is relative to the YAML file'
        : `did you mean \`${path.join(path.dirname(written), meant)}\`?`;
    return bad('code-missing', 'does not exist', hint);
  }
  if (!isInside(realpathSync(root), realpathSync(absolute))) {
    return bad(
      'code-outside',
      'is a symbolic link to something outside the directory of the configuration',
      'copy the code instead',
    );
  }
  if (found.isDirectory()) {
    if (look(path.join(absolute, 'package.json')) !== undefined) return { path: absolute, directory: true };
    return bad(
      'code-directory',
      'is a directory without a package.json',
      'name the handler’s file, or add a package.json (`{ "type": "module" }` is enough)',
    );
  }
  if (!found.isFile()) return bad('code-missing', 'is neither a file nor a directory');
  const extension = path.extname(absolute).toLowerCase();
  if (extension === '.zip')
    return bad(
      'not-supported-yet',
      'is a .zip archive, which is not supported yet',
      'unpack it and name the directory',
    );
  if (!EXTENSIONS.includes(extension))
    return bad('code-extension', `is neither ${EXTENSIONS.join(', ')} nor a directory`);
  return { path: absolute, directory: false };
}

function isInside(root: string, target: string): boolean {
  const relative = path.relative(root, target);
  return relative === '' || (!relative.startsWith(`..${path.sep}`) && relative !== '..' && !path.isAbsolute(relative));
}

/** Undefined: nothing there. Text: why it cannot be looked at. */
function look(absolute: string): Stats | string | undefined {
  try {
    return statSync(absolute);
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code ?? 'unknown error';
    return reason === 'ENOENT' || reason === 'ENOTDIR' ? undefined : reason;
  }
}

function isLink(absolute: string): boolean {
  try {
    return lstatSync(absolute).isSymbolicLink();
  } catch {
    return false; // nothing there at all: the caller says so
  }
}

function neighbour(absolute: string): string | undefined {
  try {
    const names = readdirSync(path.dirname(absolute)).slice(0, 1000);
    return didYouMean(path.basename(absolute), names);
  } catch {
    return undefined; // a hint less
  }
}
