import { describe, expect, it } from 'vitest';
import { ASIN, SHOP, SKU, US, items, startPricing, type StartedPricing } from './running-pricing.ts';

interface Notification {
  NotificationType: string;
  NotificationMetadata: { NotificationId: string; PublishTime: string };
  EventTime: string;
  Payload: { AnyOfferChangedNotification: Record<string, unknown> };
}

interface Listening extends StartedPricing {
  received: Record<string, unknown>[];
  /** Sets the item's offers, and waits for what is told of it. */
  set(offers: object[], asin?: string): Promise<void>;
}

const own = (listingPrice: string, more: object = {}): object => ({
  sellerId: SHOP.sellerId,
  sku: SKU,
  listingPrice,
  ...more,
});

async function listen(options: Parameters<typeof startPricing>[0] = {}): Promise<Listening> {
  const received: Record<string, unknown>[] = [];
  const started = await startPricing({
    ...options,
    onNotification: (notification) => received.push(notification as Record<string, unknown>),
  });
  const set = async (offers: object[], asin = ASIN): Promise<void> => {
    expect(await started.control('PUT', `/control/prices/${US}/${asin}`, { offers })).toMatchObject({ status: 200 });
    await delivered();
  };
  return { ...started, received, set };
}

/** Notifications are sent in the turn of the event loop after the change. */
async function delivered(): Promise<void> {
  for (let turn = 0; turn < 3; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

describe('notifications', () => {
  it('tell of a changed offer in the documented envelope', async () => {
    const { received, set, clock } = await listen();
    await set([own('12.00')]);
    received.length = 0;
    const rival = { sellerId: 'A9RIVAL', listingPrice: '11.50', shipping: '1', isPrime: true };
    for (let price = 10; received.length === 0; price += 1) await set([own(`${price}.00`), rival]);
    expect(received[0]).toMatchObject({
      NotificationVersion: '1.0',
      NotificationType: 'ANY_OFFER_CHANGED',
      PayloadVersion: '1.0',
      EventTime: new Date(clock.now()).toISOString(),
      NotificationMetadata: {
        ApplicationId: expect.stringMatching(/^amzn1\.sellerapps\.app\./) as string,
        SubscriptionId: expect.any(String) as string,
        PublishTime: new Date(clock.now()).toISOString(),
        NotificationId: expect.stringMatching(/^[0-9a-f-]{36}$/) as string,
      },
      Payload: {
        AnyOfferChangedNotification: {
          SellerId: SHOP.sellerId,
          OfferChangeTrigger: {
            MarketplaceId: US,
            ASIN,
            ItemCondition: 'new',
            TimeOfOfferChange: new Date(clock.now()).toISOString(),
            OfferChangeType: expect.stringMatching(/^(Internal|External)$/) as string,
          },
          Summary: { NumberOfOffers: [{ Condition: 'new', FulfillmentChannel: 'Merchant', OfferCount: 2 }] },
          Offers: expect.arrayContaining([
            expect.objectContaining({
              SellerId: 'A9RIVAL',
              ListingPrice: { Amount: 11.5, CurrencyCode: 'USD' },
              Shipping: { Amount: 1, CurrencyCode: 'USD' },
              IsFulfilledByAmazon: false,
            }),
          ]) as unknown,
        },
      },
    });
  });

  it('tell business terms in the other envelope, spelt with small letters', async () => {
    const { received, set } = await listen();
    await set([own('12.00')]);
    received.length = 0;
    const discounts = { quantityDiscounts: [{ tier: 10, price: '8.00' }] };
    for (let cents = 10; received.length === 0; cents += 1) {
      await set([own('12.00', { businessPrice: `9.${cents}`, ...discounts })]);
    }
    expect(received[0]).toMatchObject({
      notificationType: 'B2B_ANY_OFFER_CHANGED',
      notificationMetadata: { notificationId: expect.any(String) as string },
      payload: {
        b2bAnyOfferChangedNotification: {
          sellerId: SHOP.sellerId,
          offerChangeTrigger: { marketplaceId: US, asin: ASIN, itemCondition: 'new' },
          summary: {
            lowestPrices: [
              { offerType: 'B2B', quantityTier: 1, shipping: { amount: 0 } },
              { quantityTier: 10, discountType: 'QUANTITY_DISCOUNT', listingPrice: { amount: 8, currencyCode: 'USD' } },
            ],
          },
          offers: [{ sellerId: SHOP.sellerId, isBuyBoxWinner: true }],
        },
      },
    });
  });

  it('go to sellers with an offer of the item only, and not for what nobody sees', async () => {
    const other = { ...SHOP, name: 'other', sellerId: 'A2OTHER' };
    const listings = [
      { marketplaceId: US, asin: ASIN, sku: SKU },
      { marketplaceId: US, asin: ASIN, sku: 'theirs', account: 'other' },
    ];
    const { received, set, control } = await listen({ accounts: [SHOP, other], items: listings });
    const rivals = Array.from({ length: 25 }, (_, index) => ({ sellerId: `A${index}`, listingPrice: `${20 + index}` }));
    await set([own('12.00'), ...rivals]);
    received.length = 0;
    for (let price = 60; price < 75; price += 1) {
      await set([own('12.00'), ...rivals.slice(0, 24), { sellerId: 'A24', listingPrice: `${price}` }]);
    }
    expect(received).toEqual([]);
    for (let price = 13; price < 18; price += 1) await set([own(`${price}`), ...rivals]);
    const sellers = received.map(
      (notification) => (notification as unknown as Notification).Payload.AnyOfferChangedNotification['SellerId'],
    );
    expect(new Set(sellers)).toEqual(new Set([SHOP.sellerId]));
    received.length = 0;
    await set([...rivals]);
    await control('PUT', `/control/prices/${US}/${ASIN}`, { offers: rivals, listPrice: '99.00' });
    await delivered();
    expect(received).toEqual([]);
  });

  it('are lost sometimes, and come twice sometimes with the same identifier; the same ones for the same seed', async () => {
    const run = async (): Promise<string[]> => {
      const { received, simulator, control } = await listen({ items: items(20) });
      for (let step = 0; step < 12; step += 1) {
        for (const { asin } of items(20)) await control('POST', `/control/prices/${US}/${asin}/advance`);
      }
      await delivered();
      expect(simulator.priceTruth(US, 'B000000001')).toHaveLength(13);
      return received.map((notification) => {
        const { NotificationMetadata: big, notificationMetadata: small } = notification as {
          NotificationMetadata?: { NotificationId: string };
          notificationMetadata?: { notificationId: string };
        };
        return big?.NotificationId ?? small?.notificationId ?? '';
      });
    };
    const ids = await run();
    const distinct = new Set(ids);
    expect(ids.length).toBeGreaterThan(80);
    expect(distinct.size).toBeLessThan(ids.length);
    expect(ids.length - distinct.size).toBeLessThan(ids.length * 0.2);
    for (const id of distinct) expect(ids.filter((other) => other === id).length).toBeLessThanOrEqual(2);
    expect(await run()).toEqual(ids);
  });

  it('come of themselves as time passes, though nobody asks the API', async () => {
    const { received, clock } = await listen({ items: items(20), tempo: 6000 });
    clock.pass(5000);
    while (received.length === 0) await new Promise((resolve) => setTimeout(resolve, 20));
    expect(received[0]).toHaveProperty(
      (received[0] as { NotificationType?: string }).NotificationType ? 'Payload' : 'payload',
    );
  });
});
