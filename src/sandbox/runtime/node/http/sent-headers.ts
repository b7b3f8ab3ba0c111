/**
 * Which of a request's headers are handed to the gateway. Those that only say how the message is framed, or how long a connection
 * lives, are the gateway's own business: it frames every message anew, and a client that sets them as it would for a socket means nothing
 * by it. What means something else (an upgrade, another host) is handed on, and refused there with its sentence.
 */
const CONNECTION = new Set(['connection', 'keep-alive', 'proxy-connection', 'te']);

export function sentHeaders(pairs: readonly [string, string][], url: URL, bodyBytes: number): [string, string][] {
  const sent = pairs.filter(([written, value]) => {
    const name = written.toLowerCase();
    if (name === 'connection' || CONNECTION.has(name)) return /upgrade/i.test(value);
    if (name === 'expect') return value.toLowerCase() !== '100-continue';
    if (name === 'transfer-encoding') return !/^(chunked|identity)$/i.test(value.trim());
    if (name === 'content-length') return Number(value) !== bodyBytes;
    if (name === 'host') return !sameHost(value, url);
    return true;
  });
  // Bodies come as the server sent them, as they do from a socket; so none is asked for in a form that the caller did not name.
  if (!pairs.some(([name]) => name.toLowerCase() === 'accept-encoding')) sent.push(['accept-encoding', 'identity']);
  return sent;
}

function sameHost(value: string, url: URL): boolean {
  const port = url.port === '' ? (url.protocol === 'https:' ? '443' : '80') : url.port;
  const host = value.toLowerCase();
  return host === url.host || host === `${url.hostname}:${port}`;
}
