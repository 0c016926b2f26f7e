import { readFileSync } from 'node:fs';
import type {
  BuyWithPrimeAccount,
  OfferStatusAccount,
  PartnerEntitlements,
  PricingAccount,
  RuntimeSettings,
} from './settings-schema.ts';

export type * from './settings-schema.ts';

/**
 * Reads the settings file that was shipped in the function's own asset. It was validated when it was written, and an
 * asset is never changed: the functions trust it and do without its schema.
 *
 * @param module `import.meta.url` of the bundled handler; `settings.json` lies beside it.
 */
export function shippedSettings(module: string): RuntimeSettings {
  return JSON.parse(readFileSync(new URL('./settings.json', module), 'utf8')) as RuntimeSettings;
}

/** Name of the secret that holds an Offer Status account's credentials. */
export function offerStatusSecretName(
  stage: string,
  account: string,
  settings: OfferStatusAccount | undefined,
): string {
  return settings?.secret ?? `offer-relay/${stage}/offer-status/${account}`;
}

/** Name of the secret that holds a selling account's credentials. */
export function pricingSecretName(stage: string, account: string, settings: PricingAccount | undefined): string {
  return settings?.secret ?? `offer-relay/${stage}/pricing/${account}`;
}

/** Name of the secret that holds the keys of a partner's webhook and push integration. */
export function entitlementsSecretName(stage: string, partner: string, settings: PartnerEntitlements): string {
  return settings.secret ?? `offer-relay/${stage}/entitlements/${partner}`;
}

/** Name of the secret that holds the API credentials of a merchant account at Buy with Prime. */
export function buyWithPrimeSecretName(
  stage: string,
  account: string,
  settings: BuyWithPrimeAccount | undefined,
): string {
  return settings?.secret ?? `offer-relay/${stage}/buy-with-prime/${account}`;
}
