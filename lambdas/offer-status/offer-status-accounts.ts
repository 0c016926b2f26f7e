import type { PackedBucket } from '../shared/laps/packing.ts';
import type { OfferStatusSettings } from '../shared/settings.ts';

/** A partner's account at the Offer Status API, with its token bucket. */
export interface Account {
  readonly name: string;
  readonly bucket: PackedBucket;
  readonly licensors: readonly string[];
  readonly baseUrl: string;
}

/** The accounts that the settings name. The rate holds for a partner as a whole, so each account is one bucket. */
export function offerStatusAccounts(settings: OfferStatusSettings): Account[] {
  return Object.entries(settings.accounts).map(([name, account]) => ({
    name,
    bucket: { id: `offer-status|${name}|global|status`, limit: account.rate ?? settings.rate, pack: 1 },
    licensors: account.licensors,
    baseUrl: account.baseUrl ?? settings.baseUrl,
  }));
}

/** The account that may ask for a licensor's titles, or undefined where the settings name none. */
export function accountOfLicensor<A extends Pick<Account, 'licensors'>>(
  accounts: readonly A[],
  licensor: string,
): A | undefined {
  return accounts.find((account) => account.licensors.includes(licensor));
}
