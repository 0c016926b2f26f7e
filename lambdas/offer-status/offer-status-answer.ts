import * as z from 'zod/mini';
import { boundedDrift } from '../shared/drift.ts';
import { canonicalProgressCode, isKnownProgressCode } from './progress-code.ts';

const Text = z.nullish(z.string());

const stated = {
  ProgressCode: Text,
  'Progress Code': Text,
  Start: Text,
  End: Text,
  Comments: Text,
  // Informative, so whatever stands here is let through.
  _timestamp: z.optional(z.unknown()),
};

/** What the document's status tables have in common. */
export type Stated = z.infer<z.ZodMiniObject<typeof stated>>;

const OverallStatus = z.looseObject(stated).check(
  z.refine((status) => Boolean(progressCodeOf(status)), {
    path: ['ProgressCode'],
    error: 'a progress code is required',
  }),
);

const FeatureStatus = z.looseObject(stated);

const Territory = z.union([z.string(), z.looseObject({ country: z.string() })]);

const FormatProfile = z.union([z.string(), z.looseObject({ value: z.union([z.string(), z.array(z.string())]) })]);

/** One availability window (section "Transaction type"). The document puts its status here and in FeatureStatus. */
const Transaction = z.looseObject({
  ...stated,
  ContractID: Text,
  FeatureStatus: z.nullish(FeatureStatus),
  FormatProfile: z.nullish(z.union([FormatProfile, z.array(FormatProfile)])),
  LicenseType: z.string().check(z.trim(), z.minLength(1)),
  Territory: z.array(Territory),
  TransactionID: z.optional(z.unknown()),
  _TransactionID: z.optional(z.unknown()),
});
export type Transaction = z.infer<typeof Transaction>;

const Publisher = z.looseObject({ DisplayName: z.optional(z.unknown()), OrganizationID: z.optional(z.unknown()) });

/** One scope of an offer (section "Offer Status Type"). */
export const OfferStatus = z.looseObject({
  ALID: Text,
  GroupingEntity: Text,
  Licensor: z.nullish(Publisher),
  OverallStatus,
  PlatformID: z.nullish(z.array(z.string())),
  Transaction: z.array(Transaction),
});
export type OfferStatus = z.infer<typeof OfferStatus>;

/**
 * An answer of the Offer Status API (section "Get Status Response"), with every shape that its table, its slips and its
 * announced extensions allow. What snapshots rely on is required, so that nothing missing is taken for a removal;
 * fields and enum values that the document does not know pass through.
 */
export const OfferStatusAnswer = z.looseObject({
  OfferStatuses: z.array(OfferStatus),
  errors: z.optional(z.unknown()),
});
export type OfferStatusAnswer = z.infer<typeof OfferStatusAnswer>;

/** The progress code under either of its two names; null when there is none. */
export function progressCodeOf(status: Stated): string | null {
  for (const code of [status.ProgressCode, status['Progress Code']]) {
    if (code?.trim()) return canonicalProgressCode(code);
  }
  return null;
}

/** Format profiles out of any of their shapes, as they are written. */
export function formatProfilesOf(transaction: Transaction): string[] {
  const value = transaction.FormatProfile ?? [];
  return (Array.isArray(value) ? value : [value]).flatMap((profile) =>
    typeof profile === 'string' ? profile : profile.value,
  );
}

/** The upstream's errors, whether it gave one text or a list of texts or objects. Empty ones do not count. */
export function answerErrors(answer: { errors?: unknown }): string[] {
  const { errors } = answer;
  return (Array.isArray(errors) ? errors : [errors]).flatMap((error: unknown) => {
    if (error === null || error === undefined) return [];
    const text = typeof error === 'string' ? error.trim() : JSON.stringify(error);
    return ['', '{}', '[]', 'false'].includes(text) ? [] : [text];
  });
}

const LICENSE_TYPES = new Set(['SVOD', 'FVOD', 'EST', 'POEST', 'VOD']);
const FORMAT_PROFILES = new Set(['SD', 'HD', 'UHD', 'MAX']);

/**
 * What an answer holds beyond the document, to be counted and looked at, never to be acted on.
 *
 * @returns `ProgressCode=Paused`, `LicenseType=…`, `FormatProfile=…` for unknown values, and unknown fields as
 *   `field Transaction[].Foo`; see `boundedDrift`
 */
export function answerDrift(answer: OfferStatusAnswer): string[] {
  const drift = new Set<string>();
  const fields = (value: object, known: object, path: string): void => {
    for (const name of Object.keys(value)) {
      if (!Object.hasOwn(known, name)) drift.add(`field ${path}${name}`);
    }
  };
  const enumValue = (name: string, value: string | null, known: boolean): void => {
    if (value && !known) drift.add(`${name}=${value}`);
  };
  const status = (value: Stated): void => {
    const code = progressCodeOf(value);
    enumValue('ProgressCode', code, code !== null && isKnownProgressCode(code));
  };

  fields(answer, OfferStatusAnswer.shape, '');
  for (const offer of answer.OfferStatuses) {
    fields(offer, OfferStatus.shape, 'OfferStatuses[].');
    fields(offer.Licensor ?? {}, Publisher.shape, 'Licensor.');
    fields(offer.OverallStatus, stated, 'OverallStatus.');
    status(offer.OverallStatus);
    for (const transaction of offer.Transaction) {
      fields(transaction, Transaction.shape, 'Transaction[].');
      fields(transaction.FeatureStatus ?? {}, stated, 'Transaction[].FeatureStatus.');
      status(transaction);
      status(transaction.FeatureStatus ?? {});
      const licenseType = transaction.LicenseType.trim().toUpperCase();
      enumValue('LicenseType', licenseType, LICENSE_TYPES.has(licenseType));
      for (const territory of transaction.Territory) {
        if (typeof territory !== 'string') fields(territory, { country: true }, 'Transaction[].Territory[].');
      }
      for (const profile of [transaction.FormatProfile ?? []].flat()) {
        if (typeof profile !== 'string') fields(profile, { value: true }, 'Transaction[].FormatProfile[].');
      }
      for (const profile of formatProfilesOf(transaction).map((text) => text.trim().toUpperCase())) {
        enumValue('FormatProfile', profile, FORMAT_PROFILES.has(profile));
      }
    }
  }
  return boundedDrift(drift);
}
