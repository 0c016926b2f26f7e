import type { Offers } from '../../lambdas/offer-status/offers.ts';
import type { TitleState } from '../../local/upstreams/simulator.ts';

/**
 * What a state means, as text that is equal for equal meanings. Two readings that share no code: one of the simulator's
 * ground truth, one of what the stack has stored or told.
 */
export function meaningOfTruth(state: TitleState | undefined): string[] {
  if (!state?.known) return [];
  return state.offers
    .flatMap((offer) =>
      offer.windows.map((window) =>
        line(offer.groupingEntity, offer.licenseType, offer.progressCode, window.territories, window.formatProfiles, [
          window.contractId,
          day(window.start),
          day(window.end),
        ]),
      ),
    )
    .sort();
}

export function meaningOfOffers(offers: Offers | undefined): string[] {
  return Object.values(offers ?? {})
    .flatMap((offer) =>
      offer.windows.map((window) =>
        line(
          offer.groupingEntity,
          window.licenseType,
          window.status ?? offer.status,
          window.territories,
          window.formatProfiles,
          [window.contractId ?? '', day(window.start), day(window.end)],
        ),
      ),
    )
    .sort();
}

function line(
  grouping: string | null,
  license: string,
  code: string,
  territories: readonly string[],
  profiles: readonly string[],
  rest: readonly string[],
): string {
  return [grouping ?? '-', license, code, [...territories].sort(), [...profiles].sort(), ...rest].join(' ');
}

function day(time: string | null): string {
  return time === null ? 'open' : time.slice(0, 10);
}
