/** Whether an outgoing request of an attempt was not let out: then what became of the attempt is not the function's doing. */
import type { LeaseView } from '../sandbox/types.ts';

export interface AskedLease extends LeaseView {
  /** An outgoing request was not sent, because nobody could be sure. */
  refused(): boolean;
}

export function noticeRefusals(lease: LeaseView): AskedLease {
  let refused = false;
  const notice = (sure: boolean): boolean => {
    refused ||= !sure;
    return sure;
  };
  return {
    epoch: lease.epoch,
    held: () => notice(lease.held()),
    confirm: async () => notice(await lease.confirm().catch(() => false)),
    refused: () => refused,
  };
}
