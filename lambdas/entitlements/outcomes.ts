/** What became of an entitlement in one request. */
export const OUTCOMES = ['granted', 'alreadyOwned', 'pending', 'failed', 'skipped'] as const;
export type EntitlementOutcome = (typeof OUTCOMES)[number];

/** Why an entitlement is not granted, or not reported: codes of the contract with partners. */
export const REASONS = {
  IN_PROGRESS: 'Another request is granting it, or has died while it did: call again.',
  SKU_IN_PROGRESS: 'Another entitlement of the same SKU is being granted: call again.',
  GRANTER_UNAVAILABLE: "The game's backend could not be reached; the grant is repeated by itself.",
  GRANTER_REFUSED: "The game's backend refuses the grant.",
  NO_TIME_LEFT: 'The time of this request was used up: call again.',
  STORAGE_BUSY: 'The tables could not be written just now: call again.',
  UNKNOWN_SKU: 'The catalogue does not know the SKU. The entitlement stays open until the operator adds it.',
  INVALID_ENTITLEMENT: 'Amazon gave an identifier or a SKU that is not spelt as its documents say.',
  ENTITLEMENT_OF_ANOTHER: 'Another player has been given this entitlement.',
  SKU_CHANGED: 'The entitlement had another SKU when it was claimed.',
  NO_INSTRUCTION: 'Amazon lists it with an instruction other than FULFILL.',
  REPORT_UNKNOWN: 'Amazon did not confirm the report; the next call repeats it.',
} as const satisfies Record<string, string>;
export type Reason = keyof typeof REASONS;
