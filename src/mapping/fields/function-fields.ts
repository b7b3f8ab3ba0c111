/** Everything that can be written under `functions.<name>`. */
import { z } from 'zod';
import { checked, field, integer, text } from '../field.ts';
import { VARIABLE_PATTERN, networkEntryFault } from '../syntax.ts';

const environmentEntry = field(
  z.union([
    z.string(),
    z.strictObject({
      secret: field(z.string(), {
        about: 'A value that never appears in a log line, an error or a diagnostic (from 8 characters on).',
        example: '${API_TOKEN}',
        secret: true,
      }),
    }),
  ]),
  {
    about: 'One variable: text, or `{ secret: ${VAR} }` for a value that must never be shown.',
    example: 'prod',
    expects: 'text, or { secret: ${VAR} }',
    secret: true,
  },
);

export const functionShape = {
  code: field(text(4096), {
    about:
      'The handler’s file (`.ts`, `.mts`, `.cts`, `.js`, `.mjs`, `.cjs`), a directory, or a `.zip` as Lambda takes it, relative to the YAML file and inside its directory.',
    example: 'functions/enrich.ts',
    alsoCalled: ['codeUri', 'file', 'path'],
  }),
  handler: field(text(128).regex(/^\S+$/, { error: 'must not contain spaces' }), {
    about: 'The exported function: `export` for a file, `file.export` for a directory or archive.',
    example: 'handler',
    alsoCalled: ['entrypoint', 'export'],
  }),
  memorySize: field(integer(128, 10240, 'MB').default(128), {
    about:
      'Memory that one running instance of the function may use, in MB: whole numbers, as AWS has them today (the steps of 64 MB of 2016 are among them).',
    example: '256',
    unit: 'MB',
    alsoCalled: ['memory', 'memoryLimit', 'memorySizeMb'],
  }),
  maximumZippedSizeInMB: field(integer(1, 1024, 'MB').default(50), {
    about: 'The largest `.zip` that is taken as code. Lambda’s limit by default.',
    example: '100',
    unit: 'MB',
    alsoCalled: ['maximumZippedSize', 'codeSizeZipped'],
  }),
  maximumUnzippedSizeInMB: field(integer(1, 10240, 'MB').default(250), {
    about: 'What a `.zip` may unpack to, all files together. Lambda’s limit by default.',
    example: '500',
    unit: 'MB',
    alsoCalled: ['maximumUnzippedSize', 'codeSizeUnzipped'],
  }),
  timeout: field(integer(1, 900, 'seconds').default(3), {
    about: 'Wall time of one attempt, in whole seconds; then the attempt has failed.',
    example: '30',
    unit: 'seconds',
    alsoCalled: ['timeoutInSeconds', 'timeoutSeconds'],
  }),
  environment: field(
    z
      .record(
        z.string().regex(VARIABLE_PATTERN, { error: 'must be letters, digits and "_", and not begin with a digit' }),
        environmentEntry,
      )
      .default({}),
    {
      about: 'What the handler finds in `process.env`. Nothing of the daemon’s own environment is passed on.',
      example: '{ STAGE: prod, API_TOKEN: { secret: "${API_TOKEN}" } }',
      alsoCalled: ['env', 'variables'],
    },
  ),
  loggingConfig: field(
    z
      .strictObject({
        systemLogLevel: field(z.enum(['DEBUG', 'INFO', 'WARN']).default('WARN'), {
          about:
            'With `INFO` Lambda’s own lines (`START`, `END`, `REPORT`) are logged around each invocation. `DEBUG` adds nothing yet.',
          example: 'INFO',
          alsoCalled: ['systemLog', 'logLevel'],
        }),
        applicationLogLevel: field(z.enum(['TRACE', 'DEBUG', 'INFO', 'WARN', 'ERROR', 'FATAL']).default('TRACE'), {
          about: 'What the handler writes with `console` below this level is left out.',
          example: 'WARN',
          alsoCalled: ['applicationLog', 'level'],
        }),
      })
      .default({ systemLogLevel: 'WARN', applicationLogLevel: 'TRACE' }),
    {
      about: 'What is logged of the function’s invocations.',
      example: '{ systemLogLevel: INFO }',
      alsoCalled: ['logging'],
    },
  ),
  network: field(
    z
      .strictObject({
        allow: field(z.array(checked(text(300), 'bad-network-entry', networkEntryFault)).default([]), {
          about:
            'Where the handler’s `fetch` may go: `host:port`, `*.host:port`, `[v6]:port`, `10.0.0.0/8:port`. Names lead to public addresses only, unless the address or its range is listed too.',
          example: '[ "api.example.com:443" ]',
          alsoCalled: ['allowed', 'allowlist', 'hosts'],
        }),
      })
      .default({ allow: [] }),
    { about: 'Outgoing network. Nothing is reachable unless listed.', example: '{ allow: [ "api.example.com:443" ] }' },
  ),
  concurrencyPerProcess: field(integer(1, 64).default(1), {
    about:
      'Invocations that may run at once in one child process. Only 1 is supported yet: one that has to be killed takes nobody with it.',
    example: '1',
    alsoCalled: ['concurrency'],
    later: { feature: 'a concurrencyPerProcess above 1', isOff: (value) => value === 1 },
  }),
};

export const functionObject = z.strictObject(functionShape);
export type FunctionFields = z.output<typeof functionObject>;
