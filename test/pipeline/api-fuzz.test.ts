import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type PartnerAccess, partnerAccess } from '../../local/partners-file.ts';
import { exampleProducts } from '../../local/upstreams/example-products.ts';
import { readContract } from '../partner-api/api-contract.ts';
import { fuzzApi } from '../partner-api/fuzz-api.ts';
import { sendOver, type SignedClient, signedClient } from '../partner-api/signed-client.ts';
import { rememberingOffers, SHOPPER, shopBodies } from '../partner-api/shop-bodies.ts';
import { LICENSOR, type LocalStack, startLocalStack, US } from './local-stack.ts';

const REQUESTS = Number(process.env['OFFER_RELAY_FUZZ_REQUESTS'] ?? 10_000);
const SEED = Number(process.env['OFFER_RELAY_FUZZ_SEED'] ?? 20260302);
const TITLES = ['FUZZ_MOV_1', 'md:alid:fuzz/2'];
const ASIN = 'B0FUZZ0001';
const SKU = 'Fuzz 3/4 + 50%';
const PLAYERS = ['player-1', 'guild:7~x'];
const PUSH_KEY = `whsec_${Buffer.from('Amazon signs what it pushes by this').toString('base64')}`;
const CODES = ['FUZZ-CODE-000001', 'fuzz code/000002 + 50%'];
const ACCOUNTS = ['account-1', 'account-2'] as const;
const SHOP = {
  productIds: ['example-mug', 'example-lamp', 'example-poster'],
  skus: ['MUG-01', 'LAMP-01', 'POSTER-01'],
  orderIds: ['order-1001', 'a/b é 50%', '№ 1001 + #?&', '..x', 'o'.repeat(128)],
};
const PARTNERS = {
  fuzzer: {
    accountId: '111122223333',
    externalId: 'fuzzer-1',
    benefits: ['ONCE', 'OFTEN'],
    plan: { perSecond: 10_000, burst: 5_000 },
    // The guard is for people who guess; half of these codes do not exist.
    invalidCodes: { limit: 100_000, windowSeconds: 60 },
    entitlements: {
      push: true,
      skus: {
        drop01: [
          { itemId: 'coins', quantity: 500, kind: 'stackable' },
          { itemId: 'hat', kind: 'unique' },
        ],
      },
    },
    buyWithPrime: { account: 'example' },
  },
} as const;
const item = { account: 'americas', marketplaceId: US, customerType: 'Consumer' } as const;

const contract = readContract();
let stack: LocalStack;
let access: PartnerAccess;
let client: SignedClient;
let tokens: string[];
let shopperTokens: string[];

beforeAll(async () => {
  stack = await startLocalStack({
    titles: TITLES,
    items: [{ marketplaceId: US, asin: ASIN, sku: SKU }],
    prices: [
      { ...item, view: 'offers', condition: 'New', itemType: 'asin', item: ASIN },
      { ...item, view: 'own', condition: 'Any', itemType: 'sku', item: SKU },
    ],
    codes: CODES.flatMap((code) => ['ONCE', 'OFTEN'].map((benefit) => ({ benefit, code }))),
    partners: PARTNERS,
    partnerSecrets: { fuzzer: { pushKey: PUSH_KEY } },
    // A machine that is busy with other things is no upstream that fails.
    offerCodes: { timeoutMs: 10_000, deadlineMs: 20_000 },
    entitlements: { timeoutMs: 7_000, deadlineMs: 22_000 },
    buyWithPrime: {
      accounts: [{ account: 'example' }],
      products: exampleProducts(['example']),
      settings: { timeoutMs: 7_000, deadlineMs: 22_000 },
    },
  });
  access = partnerAccess(stack.cloud, stack.settings.partnerApi)['fuzzer']!;
  client = signedClient(access, 8);
  for (const [field, value] of Object.entries(SHOPPER)) stack.keepsSecret(`${field} of a shopper`, value);
  for (const account of ACCOUNTS)
    for (const sku of ['drop01', 'unknown-1', 'of no catalogue']) stack.simulator.claim({ account, sku });
  // One of them lives where the fuzz has things delivered.
  shopperTokens = ['98109', '10001'].map((postalCode) =>
    stack.issueShopperToken({ postalCode, lifeMs: 24 * 3_600_000 }),
  );
  tokens = [
    ...ACCOUNTS.map((account) => stack.issueToken({ account, lifeMs: 24 * 3_600_000 })),
    stack.issueToken({ account: ACCOUNTS[0], scopes: ['profile'] }),
  ];
});
afterAll(async () => {
  client.close();
  await stack.stop();
});

describe('the whole stack, asked over the wire by a client that is not ours', () => {
  test(
    `answers ${REQUESTS} generated requests as the document says, and never by a fault of its own (seed ${SEED})`,
    { timeout: 120_000 + REQUESTS * 300 },
    async () => {
      const { findings, statuses, failures, successes } = await fuzzApi({
        contract,
        send: rememberingOffers(sendOver(client)),
        requests: REQUESTS,
        seed: SEED,
        concurrency: 8,
        longestUrl: 7_000,
        secretHeaders: { 'x-api-key': access.apiKey },
        pushKeys: { fuzzer: PUSH_KEY },
        bodies: shopBodies(SHOP),
        privateTexts: Object.values(SHOPPER),
        known: {
          benefitId: ['ONCE', 'OFTEN'],
          offerCode: CODES,
          licensor: [LICENSOR],
          alid: TITLES,
          marketplaceId: ['US', US],
          asin: [ASIN],
          sku: [SKU],
          account: ['americas'],
          view: ['offers', 'own'],
          condition: ['New', 'Any'],
          customerType: ['Consumer'],
          marketplace: ['GLOBAL'],
          partner: ['fuzzer'],
          playerId: PLAYERS,
          orderId: SHOP.orderIds,
          'x-amz-access-token': tokens,
          'buy-with-prime x-amz-access-token': shopperTokens,
        },
      });
      expect(findings.slice(0, 10)).toEqual([]);
      expect(Object.values(statuses).reduce((sum, count) => sum + count)).toBe(REQUESTS);
      // Nothing that fails was asked for, so nothing fails; a push of a SKU that nobody knows is to be repeated.
      expect(Object.keys(failures).filter((code) => code !== 'UNKNOWN_SKU')).toEqual([]);
      // Requests got through to the work of every function.
      for (const capability of [
        'offer-codes',
        'reading',
        'watch-list',
        'entitlements',
        'push',
        'buy-with-prime',
        'service',
      ]) {
        const operations = contract.operations.filter((operation) => operation.capability === capability);
        const count = operations.reduce((sum, { operationId }) => sum + successes[operationId]!, 0);
        expect([capability, count > 10]).toEqual([capability, true]);
      }
      // Orders are made of offers of the fuzz's own quotes, and read again.
      expect(successes['orderOffer']).toBeGreaterThan(0);
      expect(successes['readOrder']).toBeGreaterThan(0);
      console.log(JSON.stringify({ seed: SEED, requests: REQUESTS, statuses, failures, successes }));
    },
  );
});
