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

interface Library {
  readonly SellingPartner: new (config: {
    region: 'na';
    refresh_token: string;
    credentials: { SELLING_PARTNER_APP_CLIENT_ID: string; SELLING_PARTNER_APP_CLIENT_SECRET: string };
    options: { auto_request_tokens: true; auto_request_throttled: true };
  }) => { callAPI(request: object): Promise<unknown> };
}

const PACKAGE = 'amazon-sp-api';

/** Asks again after the bucket's interval when it was throttled; `restore_rate` tells it that of the account. */
export const amazonSpApi: Peer = {
  name: 'amazon-sp-api',
  packageName: PACKAGE,
  pacing: 'auto_request_throttled (retries 429), restore_rate = 1 / rate',
  lanes: asDeepAsTheBucket,
  async connect(job) {
    const { SellingPartner } = (await load(PACKAGE)) as Library;
    const client = new SellingPartner({
      region: 'na',
      refresh_token: job.credentials.refreshToken,
      credentials: {
        SELLING_PARTNER_APP_CLIENT_ID: job.credentials.clientId,
        SELLING_PARTNER_APP_CLIENT_SECRET: job.credentials.clientSecret,
      },
      options: { auto_request_tokens: true, auto_request_throttled: true },
    });
    const options = { restore_rate: 1 / job.rate.rate };
    if (job.operation === 'getItemOffersBatch') {
      return async (items) =>
        offeredItems(
          (await client.callAPI({
            operation: 'productPricing.getItemOffersBatch',
            body: batchOf(job, items),
            options,
          })) as BatchAnswer,
        );
    }
    return async (items) =>
      pricedItems(
        (await client.callAPI({
          operation: 'productPricing.getPricing',
          query: { MarketplaceId: job.marketplaceId, ItemType: 'Asin', Asins: items },
          options,
        })) as PriceList,
      );
  },
};
