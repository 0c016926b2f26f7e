import { nearest } from '../../config/problems.ts';
import type { PartnerApiSettings } from '../../lambdas/shared/settings.ts';
import { UsageError } from '../command-line.ts';
import { quote } from '../bulk/quote.ts';

/** A partner whose players get entitlements. */
export interface EntitledPartner {
  readonly name: string;
  /** SKUs that the settings hold: what they say wins over the catalogue. */
  readonly skusOfSettings: ReadonlySet<string>;
}

/**
 * The partner whose catalogue is meant.
 *
 * @param given its name; may be left out where only one partner has entitlements
 * @throws UsageError when there is no such partner, or more than one
 */
export function choosePartner(settings: PartnerApiSettings, given: string | undefined): EntitledPartner {
  const entitled = Object.keys(settings.partners).filter((name) =>
    settings.partners[name]!.capabilities.includes('entitlements'),
  );
  const known = entitled.join(', ');
  if (entitled.length === 0) throw new UsageError('No partner of the settings has the capability entitlements.');
  if (given === undefined && entitled.length > 1) throw new UsageError(`Which partner? Add --partner: ${known}.`);
  const name = given ?? entitled[0]!;
  const partner = Object.hasOwn(settings.partners, name) ? settings.partners[name] : undefined;
  if (partner === undefined) {
    const near = nearest(name, entitled);
    const hint = near === undefined ? '' : ` Did you mean "${near}"?`;
    throw new UsageError(`The settings name no partner ${quote(name)}.${hint} Those with entitlements are: ${known}.`);
  }
  if (!entitled.includes(name)) {
    throw new UsageError(`The partner ${name} does not have the capability entitlements. Those that do are: ${known}.`);
  }
  return { name, skusOfSettings: new Set(Object.keys(partner.entitlements.skus)) };
}
