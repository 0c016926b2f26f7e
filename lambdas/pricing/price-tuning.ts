import * as z from 'zod/mini';
import { compareAmounts, isAmount } from '../shared/money.ts';

const Absolute = z.string().check(
  z.refine((text) => isAmount(text) && compareAmounts(text, '0') >= 0, { error: 'a decimal amount, not negative' }),
  z.describe("Smallest difference of an amount that counts, in the price's currency, such as 0.50."),
);
const Percent = z
  .number()
  .check(z.nonnegative(), z.describe('Smallest difference of an amount that counts, in per cent of the old amount.'));

/**
 * What counts as a change of one watch.
 *
 * @property threshold what a difference of an amount has to reach; where both are given, either will do. Whatever is no
 *   amount (a seller, an offer that came or went) counts without it
 * @property compareSalesRanks whether a changed sales rank counts; by default it does not, since ranks move all the time
 * @property ignoreOfferCounts whether changed numbers of offers are told only along with other changes
 */
export const PriceTuning = z.object({
  threshold: z.optional(z.object({ absolute: z.optional(Absolute), percent: z.optional(Percent) })),
  compareSalesRanks: z.optional(z.boolean()),
  ignoreOfferCounts: z.optional(z.boolean()),
});
export type PriceTuning = z.infer<typeof PriceTuning>;

/** A tuning with what is set in it, and nothing that is usual anyway. */
export function canonicalTuning({ threshold, compareSalesRanks, ignoreOfferCounts }: PriceTuning): PriceTuning {
  const { absolute, percent } = threshold ?? {};
  const least = { ...(absolute !== undefined && { absolute }), ...(percent !== undefined && { percent }) };
  return {
    ...(Object.keys(least).length > 0 && { threshold: least }),
    ...(compareSalesRanks === true && { compareSalesRanks }),
    ...(ignoreOfferCounts === true && { ignoreOfferCounts }),
  };
}

const readable = <Field extends z.ZodMiniType>(field: Field) => z.catch(z.optional(field), undefined);
const Stored = z.object({
  threshold: readable(z.object({ absolute: readable(Absolute), percent: readable(Percent) })),
  compareSalesRanks: readable(z.boolean()),
  ignoreOfferCounts: readable(z.boolean()),
});

/** What can be read of a tuning as a row keeps it, whoever has written it. */
export function readTuning(stored: Readonly<Record<string, unknown>> = {}): PriceTuning {
  return canonicalTuning(Stored.parse(stored));
}
