/** Whether `code:` names something that can be a function. Looks at the file system, reads no code. */
import { type Stats, lstatSync, readdirSync, realpathSync, statSync } from 'node:fs';
import path from 'node:path';
import { didYouMean } from './did-you-mean.ts';

export interface CodeFault {
  readonly code: string;
  readonly message: string;
  readonly hint?: string;
}

export interface FoundCode {
  readonly path: string;
  readonly kind: 'file' | 'directory' | 'archive';
}
export type CodePath = FoundCode | { readonly fault: CodeFault };

const EXTENSIONS = ['.ts', '.mts', '.cts', '.js', '.mjs', '.cjs'];

/** `root`: nothing outside of it is taken, also not through a symbolic link. `from`: directory of the YAML file. */
export function resolveCode(
  { written, handler }: { readonly written: string; readonly handler: string | undefined },
  from: string,
  root: string,
): CodePath {
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
    if (looksLikeFunction(absolute, handler)) return { path: absolute, kind: 'directory' };
    return bad(
      'code-directory',
      'is a directory without a package.json and without the handler’s file',
      'the handler names a file in it and an export, such as `index.handler`; or name the handler’s file as `code`',
    );
  }
  if (!found.isFile()) return bad('code-missing', 'is neither a file nor a directory');
  const extension = path.extname(absolute).toLowerCase();
  if (extension === '.zip') return { path: absolute, kind: 'archive' };
  if (!EXTENSIONS.includes(extension))
    return bad('code-extension', `is neither ${EXTENSIONS.join(', ')}, .zip nor a directory`);
  return { path: absolute, kind: 'file' };
}

/** As in Lambda no package.json is needed; but a directory with neither is more likely the wrong one. */
function looksLikeFunction(directory: string, handler = ''): boolean {
  const module = path.join(directory, handler.replace(/\.[^/]*$/, ''));
  const files = [...EXTENSIONS.map((extension) => module + extension), path.join(directory, 'package.json')];
  return isInside(directory, module) && files.some((file) => look(file) !== undefined);
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
