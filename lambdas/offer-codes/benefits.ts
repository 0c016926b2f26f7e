import { ApiError } from '../shared/partner-api/api-error.ts';
import type { CallingPartner } from '../shared/partner-api/partners.ts';
import type { OfferCodesSettings } from '../shared/settings.ts';

/** A benefit, with the region that requests about it are signed for. */
export interface Benefit {
  readonly marketplace: string;
  readonly use: 'single' | 'multiple';
  readonly region: string;
}

/** @throws ApiError BENEFIT_NOT_ALLOWED for a benefit that the settings do not give to the partner */
export function benefitOf(
  { benefits, regions }: Pick<OfferCodesSettings, 'benefits' | 'regions'>,
  partner: CallingPartner,
  benefitId: string,
): Benefit {
  const benefit = Object.hasOwn(benefits, benefitId) ? benefits[benefitId] : undefined;
  if (benefit === undefined || !partner.benefits.includes(benefitId)) throw new ApiError('BENEFIT_NOT_ALLOWED');
  const region = regions[benefit.marketplace];
  if (region === undefined) throw new RangeError(`the settings name no region of marketplace ${benefit.marketplace}`);
  return { marketplace: benefit.marketplace, use: benefit.use, region };
}
