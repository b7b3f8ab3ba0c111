/** Why a request did not happen. `code` is for programs, the sentence for whoever reads the handler's log. */

export type EgressCode =
  /** Not allowed: by network.allow, by the form of the request, or because an address is private. */
  | 'ERR_EGRESS_REFUSED'
  /** A bound of this invocation. */
  | 'ERR_EGRESS_LIMIT'
  /** The worker no longer holds the shard. */
  | 'ERR_EGRESS_FENCED'
  /** Nobody answers, or not in HTTP. */
  | 'ERR_EGRESS_NETWORK';

export class EgressFailure extends Error {
  readonly code: EgressCode;
  constructor(code: EgressCode, message: string) {
    super(message);
    this.name = {
      ERR_EGRESS_REFUSED: 'EgressRefused',
      ERR_EGRESS_LIMIT: 'EgressLimit',
      ERR_EGRESS_FENCED: 'EgressFenced',
      ERR_EGRESS_NETWORK: 'EgressError',
    }[code];
    this.code = code;
  }
}

export function refused(message: string): EgressFailure {
  return new EgressFailure('ERR_EGRESS_REFUSED', message);
}

export function limited(message: string): EgressFailure {
  return new EgressFailure('ERR_EGRESS_LIMIT', message);
}

/** Why a signal was aborted: by its own reason where that is one of ours, else because nobody wants the answer any more. */
export function cancelled(signal: AbortSignal): EgressFailure {
  const reason: unknown = signal.reason;
  return reason instanceof EgressFailure
    ? reason
    : new EgressFailure('ERR_EGRESS_NETWORK', 'the request was cancelled');
}
