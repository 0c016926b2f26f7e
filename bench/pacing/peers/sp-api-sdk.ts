import {
  asDeepAsTheBucket,
  type BatchAnswer,
  batchOf,
  load,
  offeredItems,
  type Peer,
  type PriceList,
  pricedItems,
} from './peer.ts';

interface AuthLibrary {
  readonly SellingPartnerApiAuth: new (options: {
    clientId: string;
    clientSecret: string;
    refreshToken: string;
  }) => object;
}
interface PricingLibrary {
  readonly ProductPricingApiClient: new (options: { auth: object; region: 'na'; rateLimiting: { retry: true } }) => {
    getPricing(request: object): Promise<{ data: { payload?: PriceList } }>;
    getItemOffersBatch(request: object): Promise<{ data: BatchAnswer }>;
  };
}

const PACKAGE = '@sp-api-sdk/product-pricing-api-v0';
const AUTH_PACKAGE = '@sp-api-sdk/auth';

/** Retries a 429 three times, after the interval of Amazon's default rates and a second and a half. */
export const spApiSdk: Peer = {
  name: '@sp-api-sdk',
  packageName: PACKAGE,
  pacing: 'rateLimiting.retry (retries 429 three times)',
  lanes: asDeepAsTheBucket,
  async connect(job) {
    const { SellingPartnerApiAuth } = (await load(AUTH_PACKAGE)) as AuthLibrary;
    const { ProductPricingApiClient } = (await load(PACKAGE)) as PricingLibrary;
    const client = new ProductPricingApiClient({
      auth: new SellingPartnerApiAuth(job.credentials),
      region: 'na',
      rateLimiting: { retry: true },
    });
    if (job.operation === 'getItemOffersBatch') {
      return async (items) =>
        offeredItems((await client.getItemOffersBatch({ getItemOffersBatchRequestBody: batchOf(job, items) })).data);
    }
    return async (items) => {
      const { data } = await client.getPricing({
        marketplaceId: job.marketplaceId,
        itemType: 'Asin',
        asins: items,
      });
      return pricedItems(data.payload);
    };
  },
};
