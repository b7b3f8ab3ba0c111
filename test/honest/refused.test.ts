/** What cannot run says so: a package that needs a socket. */
import { expect, test } from 'vitest';
import { useExamples } from '../support/example-handlers.ts';

const examples = useExamples();

test('ioredis can be imported; its first command fails with a sentence that says there are no sockets', async () => {
  const { attempt } = await examples.open('ioredis.ts');
  const { outcome } = await attempt('x');
  expect(outcome).toMatchObject({
    kind: 'function-error',
    metric: 'error',
    error: {
      errorMessage: expect.stringMatching(/node:net: .* there are no sockets in the sandbox: use fetch/) as string,
    },
  });
});
