import type { ListedEntitlement } from './entitlement.ts';

/** Each call carries the player's own access token, which is neither kept nor told. */
export interface PlayerCall {
  readonly token: string;
  /** When the last try has to have ended, epoch milliseconds. */
  readonly deadline: number;
}

/** What Amazon said of a report: `unknown` is an ERROR, or no word about this entitlement. */
export type ReportResult = 'reported' | 'unknown';

/**
 * Client of Prime Gaming's two endpoints and of Login with Amazon's profile.
 *
 * All methods throw of the upstream errors: CredentialError with code `TokenRefused` (401, and what says that the token is
 * invalid or has expired) or `ScopeMissing` (403), ThrottledError (429), RejectedError (other 4xx), UnavailableError (5xx,
 * 408, 3xx, no answer) and UnreadableAnswerError. No message holds a token or anything of the player.
 */
export interface PrimeGamingClient {
  /** The Amazon account that a token is of: `user_id` of its profile. Name and e-mail address are dropped unread. */
  accountOf(call: PlayerCall): Promise<string>;
  /**
   * GET /api/entitlements ("Calling the Entitlements API"): everything that is open. Each entitlement comes once; those
   * without identifier or SKU are left out and counted.
   */
  list(call: PlayerCall): Promise<readonly ListedEntitlement[]>;
  /**
   * POST /api/fulfill ("Fulfillment Reporting"), once for one entitlement. What a failure of the way back leaves open is
   * `unknown`; only what provably had no effect is thrown, or repeated.
   *
   * @param playerId FulfillmentAddress
   */
  report(call: PlayerCall, entitlementId: string, playerId: string): Promise<ReportResult>;
}
