import type { RuntimeSettings } from '../lambdas/shared/settings.ts';
import { BuyWithPrimeSettings, EntitlementsSettings, PricingSettings } from '../lambdas/shared/settings-schema.ts';
import { UsageError } from './command-line.ts';

/** Where an upstream API is. */
export interface UpstreamAddress {
  readonly name: string;
  /** Undefined for Amazon's own addresses, of which each region has one. */
  readonly url: string | undefined;
  /** Whether it is to be simulated on this machine: `url` is only a place-holder then. */
  readonly isSimulated: boolean;
}

export interface UpstreamAddresses {
  readonly offerStatus: UpstreamAddress & { readonly url: string };
  /** Undefined where the settings name no selling account. */
  readonly pricing: (UpstreamAddress & { readonly tokenUrl: string }) | undefined;
  /** Undefined where the settings name no benefit. */
  readonly offerCodes: (UpstreamAddress & { readonly url: string }) | undefined;
  /** Undefined where no partner may have entitlements fulfilled. */
  readonly entitlements: (UpstreamAddress & { readonly url: string; readonly profileUrl: string }) | undefined;
  /** Undefined where no partner may ask for offers in the name of an account. `url` is the GraphQL endpoint. */
  readonly buyWithPrime: (UpstreamAddress & { readonly url: string; readonly tokenUrl: string }) | undefined;
}

const LOOPBACK = '127.0.0.1';
const PRICING_URL = 'OFFER_RELAY_PRICING_URL';
const TOKEN_URL = 'OFFER_RELAY_TOKEN_URL';
const ENTITLEMENTS_URL = 'OFFER_RELAY_ENTITLEMENTS_URL';
const PROFILE_URL = 'OFFER_RELAY_PROFILE_URL';
const BUY_WITH_PRIME_URL = 'OFFER_RELAY_BUY_WITH_PRIME_URL';
const BUY_WITH_PRIME_TOKEN_URL = 'OFFER_RELAY_BUY_WITH_PRIME_TOKEN_URL';

/**
 * Where the environment says that the APIs are, or else the settings. What the settings expect on this machine is
 * simulated.
 *
 * @throws UsageError when the environment names an endpoint that would not be asked
 */
export function upstreamAddresses(
  settings: Pick<
    RuntimeSettings,
    'offerStatus' | 'pricing' | 'offerCodes' | 'entitlements' | 'buyWithPrime' | 'partnerApi'
  >,
  environment: Readonly<Record<string, string | undefined>>,
): UpstreamAddresses {
  const { offerStatus, pricing, offerCodes } = settings;
  const offerStatusUrl = environment['OFFER_RELAY_OFFER_STATUS_URL'];
  const offerCodesUrl = environment['OFFER_RELAY_OFFER_CODES_URL'];
  const [pricingUrl, tokenUrl] = [environment[PRICING_URL], environment[TOKEN_URL]];
  const simulatesPricing = pricingUrl === undefined && isHere(pricing.baseUrl);
  if (tokenUrl !== undefined && simulatesPricing) {
    throw new UsageError(
      `${TOKEN_URL} is set, and ${PRICING_URL} is not: the simulated API takes only its own tokens.`,
    );
  }
  return {
    offerStatus: {
      name: 'Prime Video Offer Status',
      url: offerStatusUrl ?? offerStatus.baseUrl,
      isSimulated: offerStatusUrl === undefined && isHere(offerStatus.baseUrl),
    },
    pricing:
      Object.keys(pricing.accounts).length === 0
        ? undefined
        : {
            name: 'SP-API Product Pricing',
            url: pricingUrl ?? pricing.baseUrl,
            isSimulated: simulatesPricing,
            // Another API does not take the tokens that the settings of this machine are about.
            tokenUrl: tokenUrl ?? (pricingUrl !== undefined && isHere(pricing.tokenUrl) ? AMAZON_TOKEN_URL : pricing.tokenUrl), // prettier-ignore
          },
    offerCodes:
      Object.keys(offerCodes.benefits).length === 0
        ? undefined
        : {
            name: 'Prime Offer Codes',
            url: offerCodesUrl ?? offerCodes.baseUrl,
            isSimulated: offerCodesUrl === undefined && isHere(offerCodes.baseUrl),
          },
    entitlements: entitlementsAddress(settings, environment),
    buyWithPrime: buyWithPrimeAddress(settings, environment),
  };
}

function entitlementsAddress(
  { entitlements, partnerApi }: Pick<RuntimeSettings, 'entitlements' | 'partnerApi'>,
  environment: Readonly<Record<string, string | undefined>>,
): UpstreamAddresses['entitlements'] {
  if (!Object.values(partnerApi.partners).some(({ capabilities }) => capabilities.includes('entitlements'))) return;
  const [url, profileUrl] = [environment[ENTITLEMENTS_URL], environment[PROFILE_URL]];
  const isSimulated = url === undefined && isHere(entitlements.baseUrl);
  if (profileUrl !== undefined && isSimulated) {
    throw new UsageError(
      `${PROFILE_URL} is set, and ${ENTITLEMENTS_URL} is not: only the simulated profile knows the simulated tokens.`,
    );
  }
  return {
    name: 'Prime Gaming entitlements',
    url: url ?? entitlements.baseUrl,
    isSimulated,
    // The tokens of another API are not those that a profile on this machine knows.
    profileUrl: profileUrl ?? (url !== undefined && isHere(entitlements.profileUrl) ? AMAZON_PROFILE_URL : entitlements.profileUrl), // prettier-ignore
  };
}

function buyWithPrimeAddress(
  settings: Pick<RuntimeSettings, 'buyWithPrime' | 'partnerApi'>,
  environment: Readonly<Record<string, string | undefined>>,
): UpstreamAddresses['buyWithPrime'] {
  if (usedMerchants(settings).length === 0) return;
  const { graphqlUrl, tokenUrl: usualTokenUrl } = settings.buyWithPrime;
  const [url, tokenUrl] = [environment[BUY_WITH_PRIME_URL], environment[BUY_WITH_PRIME_TOKEN_URL]];
  const isSimulated = url === undefined && isHere(graphqlUrl);
  if (tokenUrl !== undefined && isSimulated) {
    throw new UsageError(
      `${BUY_WITH_PRIME_TOKEN_URL} is set, and ${BUY_WITH_PRIME_URL} is not: the simulated API takes only its own tokens.`,
    );
  }
  return {
    name: 'Buy with Prime',
    url: url ?? graphqlUrl,
    isSimulated,
    // Another API does not take the tokens of this machine.
    tokenUrl: tokenUrl ?? (url !== undefined && isHere(usualTokenUrl) ? AMAZON_BUY_WITH_PRIME_TOKEN_URL : usualTokenUrl), // prettier-ignore
  };
}

/** Merchant accounts of Buy with Prime that a partner may use, each once. */
export function usedMerchants({ partnerApi }: Pick<RuntimeSettings, 'partnerApi'>): string[] {
  const used = Object.values(partnerApi.partners).flatMap(({ capabilities, buyWithPrime }) =>
    capabilities.includes('buy-with-prime') && buyWithPrime !== undefined ? [buyWithPrime.account] : [],
  );
  return [...new Set(used)];
}

const AMAZON_BUY_WITH_PRIME_TOKEN_URL = BuyWithPrimeSettings.parse({}).tokenUrl;
const AMAZON_TOKEN_URL = PricingSettings.parse({}).tokenUrl;
const AMAZON_PROFILE_URL = EntitlementsSettings.parse({}).profileUrl;

function isHere(url: string | undefined): boolean {
  return url !== undefined && new URL(url).hostname === LOOPBACK;
}
