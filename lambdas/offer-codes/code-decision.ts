/** What Amazon has decided about an offer code: of a verification whether it is valid, of a redemption whether it counts. */
export type CodeDecision =
  | { readonly accepted: true; readonly message: string }
  | { readonly accepted: false; readonly reason: string; readonly message: string };

/** The reason of a code that does not exist, or no longer does. */
export const INVALID_OFFER_CODE = 'INVALID_OFFER_CODE';
/** The reason of a code whose deal does not hold on this day of the week. */
export const DEAL_INACTIVE = 'DEAL_INACTIVE';

const SUCCESS = 'SUCCESS';
const DENIED = 'FAILURE:DENIED:';

/** Reads the `message` of an answer ("Verify Offer Code API Response"). Undefined for one that the API does not have. */
export function readDecision(message: string): CodeDecision | undefined {
  if (message === SUCCESS) return { accepted: true, message };
  if (message === INVALID_OFFER_CODE) return { accepted: false, reason: message, message };
  const reason = message.startsWith(DENIED) ? message.slice(DENIED.length) : '';
  return /^\w[\w:.-]{0,99}$/u.test(reason) ? { accepted: false, reason, message } : undefined;
}

/** The message that a reason was read from. */
export function messageOfReason(reason: string): string {
  return reason === INVALID_OFFER_CODE ? reason : `${DENIED}${reason}`;
}
