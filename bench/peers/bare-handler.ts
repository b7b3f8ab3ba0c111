/**
 * A handler without any sandbox: event text → JSON.parse → handler → JSON.stringify. Alone (`bare`: prints µs and µs of CPU per invocation), or for
 * a parent that sends the texts and waits for the answers (`ipc`).
 * Arguments: bare or ipc, file of the handler, records per event, ms.
 */
import { createRequire } from 'node:module';
import { flightsEvent } from '../support/handlers.ts';
import { repeatFor } from '../support/repeat.ts';

const [mode, file, records, ms] = process.argv.slice(2);
const { handler } = createRequire(import.meta.url)(file!) as { handler: (event: unknown) => Promise<unknown> };
const answer = async (text: string): Promise<string> => JSON.stringify(await handler(JSON.parse(text)));

if (mode === 'ipc') process.on('message', (text: string) => void answer(text).then((result) => process.send!(result)));
else {
  const event = flightsEvent(Number(records));
  const one = () => answer(event.toString('latin1'));
  await repeatFor(Number(ms), one);
  process.stdout.write(`${JSON.stringify(await repeatFor(Number(ms), one))}\n`);
}
