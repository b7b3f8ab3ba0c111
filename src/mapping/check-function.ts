/** One function of the configuration: its fields, its code's path, its environment. */
import path from 'node:path';
import { ENVIRONMENT_BYTES_MAX } from '../config-limits.ts';
import { reportLater } from './check-later.ts';
import { checkMap } from './check-value.ts';
import { checkEnvironmentSecrets } from './check-secrets.ts';
import { resolveCode } from './code-path.ts';
import type { CheckContext, Declared } from './context.ts';
import { type FunctionFields, functionObject, functionShape } from './fields/function-fields.ts';
import { type TreeNode, child, writtenText } from './tree.ts';
import type { FunctionConfig } from './types.ts';

/** Undefined when something in it is wrong; then it has been reported. */
export function checkFunction(declared: Declared, context: CheckContext): FunctionConfig | undefined {
  const { name, node, keyAt } = declared;
  const at = ['functions', name];
  const values = checkMap(functionShape, node, at, keyAt, context.report);
  reportLater(functionObject, node, at, context.report);
  const secretNames = checkEnvironmentSecrets(child(node, 'environment'), [...at, 'environment'], context);
  if (values === undefined) return undefined;
  const code = values.code === undefined ? undefined : codeOf(declared, values.code, values.handler, context);
  checkMachine(declared, values, context);
  const environment = environmentOf(declared, values.environment, context);
  const { handler, memorySize, timeout, network, concurrencyPerProcess } = values;
  const { maximumZippedSizeInMB, maximumUnzippedSizeInMB, loggingConfig } = values;
  if (code === undefined || environment === undefined || handler === undefined || memorySize === undefined)
    return undefined;
  if (timeout === undefined || network === undefined || concurrencyPerProcess === undefined) return undefined;
  if (maximumZippedSizeInMB === undefined || maximumUnzippedSizeInMB === undefined || loggingConfig === undefined)
    return undefined;
  return {
    name,
    code,
    handler,
    memorySize,
    timeout,
    environment,
    secretNames,
    network,
    concurrencyPerProcess,
    maximumZippedSizeInMB,
    maximumUnzippedSizeInMB,
    loggingConfig,
    position: keyAt,
  };
}

function where(declared: Declared, field: string): { path: string[]; at: TreeNode['at'] } {
  return { path: ['functions', declared.name, field], at: child(declared.node, field)?.at ?? declared.keyAt };
}

function codeOf(
  declared: Declared,
  written: string,
  handler: string | undefined,
  context: CheckContext,
): string | undefined {
  const found = resolveCode({ written, handler }, path.dirname(declared.file.absolute), context.root);
  if ('fault' in found) {
    const { message, ...fault } = found.fault;
    const text = writtenText(child(declared.node, 'code'), written);
    context.report.add({ ...where(declared, 'code'), ...fault, message: `${text} ${message}` });
    return undefined;
  }
  if (found.kind !== 'file' && handler !== undefined && !/[^.]\.[^.]+$/.test(handler)) {
    const hint = `for example \`index.${handler.replaceAll('.', '')}\``;
    context.report.add({
      code: 'handler-form',
      ...where(declared, 'handler'),
      message: `for ${found.kind === 'directory' ? 'a directory' : 'an archive'} the handler is \`file.export\``,
      hint,
    });
    return undefined;
  }
  return found.path;
}

function checkMachine(declared: Declared, values: Partial<FunctionFields>, context: CheckContext): void {
  const machineMb = Math.floor(context.memoryBytes / (1024 * 1024));
  if (values.memorySize === undefined || values.memorySize <= machineMb) return;
  const message = `${values.memorySize} MB is more than this machine has (${machineMb} MB)`;
  context.report.add({ severity: 'warning', code: 'memory-above-machine', ...where(declared, 'memorySize'), message });
}

function environmentOf(
  declared: Declared,
  written: FunctionFields['environment'] | undefined,
  context: CheckContext,
): Record<string, string> | undefined {
  if (written === undefined) return undefined;
  const entries = Object.entries(written).map(
    ([key, value]) => [key, typeof value === 'string' ? value : value.secret] as const,
  );
  const bytes = entries.reduce((sum, [key, value]) => sum + Buffer.byteLength(key) + Buffer.byteLength(value), 0);
  if (bytes <= ENVIRONMENT_BYTES_MAX) return Object.fromEntries(entries);
  const message = `names and values together have ${bytes} bytes; at most ${ENVIRONMENT_BYTES_MAX} are allowed`;
  context.report.add({ code: 'environment-too-large', ...where(declared, 'environment'), message });
  return undefined;
}
