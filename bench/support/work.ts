/** What jobs of every kind (kinds.ts) need of this machine: how long 50 µs are on it, and the HTTP server that some wait for. */
import { startPeer } from './daemon.ts';
import { type KindOptions, roundsFor50us } from './kinds.ts';

export interface Work {
  readonly options: KindOptions;
  close(): Promise<unknown>;
}

export async function openWork(): Promise<Work> {
  const http = startPeer('slow-http.ts', []);
  const port = (await http.next('ready ')).split(' ')[1]!;
  return { options: { rounds: roundsFor50us(), url: `http://127.0.0.1:${port}/` }, close: () => http.stop() };
}

/** The function of a configuration that does it. */
export function workFunction({ url }: KindOptions): object {
  return { code: 'handler.mjs', handler: 'handler', timeout: 30, network: { allow: [new URL(url).host] } };
}
