import type { Random } from '../seeded-random.ts';
import type { Dialect } from './dialect.ts';
import { dayOfDate, offerKey, type OfferState, type TitleState, type WindowState } from './title-state.ts';

export interface BodyContext {
  licensor: string;
  alid: string;
  displayName: string;
  platformIds: readonly string[];
  dialect: Dialect;
  /** Orders the arrays: their order carries no meaning, so it is another one in every answer. */
  order: Random;
  /** When an offer was last stamped, in milliseconds since the epoch. */
  stampOf(key: string): number;
}

/** The answer to a known title, restricted to one territory when the request names one. */
export function statusBody(state: TitleState, territory: string | undefined, context: BodyContext): object {
  const offers = state.offers.flatMap((offer) => {
    if (territory === undefined) return [offer];
    const windows = offer.windows.filter((window) => window.territories.includes(territory));
    return windows.length === 0 ? [] : [{ ...offer, windows }];
  });
  return { OfferStatuses: context.order.shuffled(offers).map((offer) => offerStatus(offer, context)) };
}

export function errorBody(message: string, dialect: Dialect): object {
  return { OfferStatuses: [], errors: dialect.errors === 'list' ? [message] : message };
}

function offerStatus(offer: OfferState, context: BodyContext): object {
  const { dialect, order } = context;
  const scope: Scope = {
    ...boundaries(earliest(offer.windows), latest(offer.windows), dialect),
    code: offer.progressCode,
    stamp: new Date(context.stampOf(offerKey(offer))).toISOString(),
  };
  return {
    ALID: context.alid,
    ...(offer.groupingEntity !== null && { GroupingEntity: offer.groupingEntity }),
    Licensor: {
      DisplayName: context.displayName,
      ...(dialect.organizationId && { OrganizationID: context.licensor }),
    },
    OverallStatus: {
      Comments: null,
      ...field('Start', scope.start),
      ...field('End', scope.end),
      [dialect.progressCodeKey]: scope.code,
      _timestamp: scope.stamp,
    },
    PlatformID: order.shuffled(context.platformIds),
    Transaction: order.shuffled(offer.windows).map((window) => transaction(window, offer, scope, context)),
  };
}

interface Scope {
  start: string | undefined;
  end: string | undefined;
  code: string;
  stamp: string;
}

function transaction(window: WindowState, offer: OfferState, scope: Scope, { dialect, order }: BodyContext): object {
  const own = boundaries(window.start, window.end, dialect);
  const { windowFields, progressCodeKey } = dialect;
  // With both places filled, a transaction's own fields describe the whole offer, as the field table words it;
  // with nothing in FeatureStatus they are the only place left for the window's.
  const onTransaction = {
    ...field('End', windowFields === 'both' ? scope.end : own.end),
    [progressCodeKey]: scope.code,
    _timestamp: scope.stamp,
  };
  const inFeatureStatus = { ...field('End', own.end), [progressCodeKey]: null, _timestamp: scope.stamp };
  return {
    ContractID: window.contractId,
    FeatureStatus: {
      Comments: null,
      ...field('Start', own.start),
      ...(windowFields !== 'transaction' && inFeatureStatus),
    },
    ...(windowFields !== 'feature-status' && onTransaction),
    FormatProfile: formatProfile(order.shuffled(window.formatProfiles), dialect),
    LicenseType: offer.licenseType,
    Territory: order
      .shuffled(window.territories)
      .map((country) => (dialect.territory === 'countries' ? { country } : country)),
    [dialect.transactionIdKey]: null,
  };
}

function formatProfile(profiles: readonly string[], { formatProfile: spelling }: Dialect): unknown {
  const objects = profiles.map((value) => ({ value }));
  switch (spelling) {
    case 'value-lists':
      return [{ value: profiles }];
    case 'value-list':
      return { value: profiles };
    case 'objects':
      return objects;
    case 'object':
      return objects.length === 1 ? objects[0] : objects;
    case 'strings':
      return profiles;
    case 'plain':
      return profiles.length === 1 ? profiles[0] : profiles;
  }
}

function boundaries(
  start: string | null,
  end: string | null,
  dialect: Dialect,
): { start: string | undefined; end: string | undefined } {
  return { start: start ?? dialect.openStart, end: end ?? dialect.openEnd };
}

function field(name: string, value: string | undefined): object {
  return value === undefined ? {} : { [name]: value };
}

function earliest(windows: readonly WindowState[]): string | null {
  return outermost(
    windows.map((window) => window.start),
    (day, best) => day < best,
  );
}

function latest(windows: readonly WindowState[]): string | null {
  return outermost(
    windows.map((window) => window.end),
    (day, best) => day > best,
  );
}

/** The outermost of some boundaries. One without a date is open, which is further out than any date. */
function outermost(
  sides: readonly (string | null)[],
  isFurther: (day: number, best: number) => boolean,
): string | null {
  let best: string | null = null;
  for (const side of sides) {
    const day = dayOfDate(side);
    if (day === undefined) return side;
    const bestDay = dayOfDate(best);
    if (bestDay === undefined || isFurther(day, bestDay)) best = side;
  }
  return best;
}
