import type { TitleWatch } from '../shared/watches.ts';
import { canonicalDate, latestInstant } from './offer-dates.ts';
import {
  formatProfilesOf,
  progressCodeOf,
  type OfferStatus,
  type Stated,
  type Transaction,
} from './offer-status-answer.ts';
import { sortedSet, type Window } from './offer-windows.ts';
import type { Offer } from './offers.ts';

/** One entry of an answer in the snapshot's notation, not yet merged with other scopes of the same offer. */
export function readOfferStatus(entry: OfferStatus, watch: TitleWatch): Offer {
  const overall = entry.OverallStatus;
  const stamps = entry.Transaction.flatMap((transaction) => [
    transaction._timestamp,
    transaction.FeatureStatus?._timestamp,
  ]);
  return {
    alid: words(entry.ALID) ?? watch.alid,
    groupingEntity: words(entry.GroupingEntity),
    marketplace: watch.marketplace,
    licensor: {
      organizationId: words(entry.Licensor?.OrganizationID) ?? watch.licensor,
      displayName: words(entry.Licensor?.DisplayName),
    },
    // The schema lets no entry without a code pass.
    status: progressCodeOf(overall) ?? '',
    comments: words(overall.Comments),
    start: canonicalDate(overall.Start),
    end: canonicalDate(overall.End),
    platformIds: sortedSet((entry.PlatformID ?? []).flatMap((id) => words(id) ?? [])),
    windows: entry.Transaction.map(readTransaction),
    updatedAt: latestInstant([overall._timestamp, ...stamps].map(words)),
  };
}

/** FeatureStatus is the window's own; what stands beside it on the transaction counts where FeatureStatus says nothing. */
function readTransaction(transaction: Transaction): Window {
  const feature: Stated = transaction.FeatureStatus ?? {};
  return {
    contractId: words(transaction.ContractID),
    licenseType: transaction.LicenseType.trim().toUpperCase(),
    territories: upperCaseSet(
      transaction.Territory.map((territory) => (typeof territory === 'string' ? territory : territory.country)),
    ),
    formatProfiles: upperCaseSet(formatProfilesOf(transaction)),
    start: canonicalDate(feature.Start) ?? canonicalDate(transaction.Start),
    end: canonicalDate(feature.End) ?? canonicalDate(transaction.End),
    status: progressCodeOf(feature) ?? progressCodeOf(transaction),
    comments: words(feature.Comments) ?? words(transaction.Comments),
    transactionId: words(transaction.TransactionID) ?? words(transaction._TransactionID),
  };
}

/** Text without its margins; null for nothing, blanks and whatever is no text. */
function words(value: unknown): string | null {
  return typeof value === 'string' && value.trim() ? value.trim() : null;
}

function upperCaseSet(values: readonly string[]): string[] {
  return sortedSet(values.flatMap((value) => words(value)?.toUpperCase() ?? []));
}
