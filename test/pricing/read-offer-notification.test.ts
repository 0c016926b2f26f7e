import { describe, expect, it } from 'vitest';
import { pricingAccounts } from '../../lambdas/pricing/pricing-accounts.ts';
import { offerNotificationReader } from '../../lambdas/pricing/read-offer-notification.ts';
import { PricingSettings } from '../../lambdas/shared/settings-schema.ts';

const US = 'ATVPDKIKX0DER';
const DE = 'A1PA6795UKMFR9';
const accounts = pricingAccounts(
  PricingSettings.parse({
    accounts: {
      main: { marketplaces: ['US', 'CA'], sellerId: 'SELLER1' },
      second: { marketplaces: ['US'] },
      europe: { marketplaces: ['DE'], sellerId: 'SELLER1' },
    },
  }),
);
const read = offerNotificationReader(accounts);

/** As Amazon's guide has it, with what is not used left away ("ANY_OFFER_CHANGED"). */
const consumer = (trigger: object = {}, sellerId = 'SELLER1') => ({
  NotificationVersion: '1.0',
  NotificationType: 'ANY_OFFER_CHANGED',
  PayloadVersion: '1.0',
  EventTime: '2026-01-11T00:09:53.109Z',
  NotificationMetadata: { NotificationId: ' n-1' },
  Payload: {
    AnyOfferChangedNotification: {
      SellerId: sellerId,
      OfferChangeTrigger: {
        MarketplaceId: US,
        ASIN: 'B000000001',
        ItemCondition: 'new',
        TimeOfOfferChange: '2026-01-11T00:02:50.501Z',
        OfferChangeType: 'Internal',
        ...trigger,
      },
      Summary: { NumberOfOffers: [{ Condition: 'new', OfferCount: 28 }] },
      Offers: [{ SellerId: 'OTHER' }],
    },
  },
});
/** "B2B_ANY_OFFER_CHANGED" has its names in lower camel case. */
const business = {
  notificationVersion: '1.0',
  notificationType: 'B2B_ANY_OFFER_CHANGED',
  payloadVersion: '1.0',
  eventTime: '2026-09-23T21:30:13.713Z',
  notificationMetadata: { applicationId: 'app', subscriptionId: 's', publishTime: 't', notificationId: 'n-2' },
  payload: {
    b2bAnyOfferChangedNotification: {
      sellerId: 'OTHER',
      offerChangeTrigger: { marketplaceId: US, asin: 'B000000001', itemCondition: 'used', timeOfOfferChange: 't' },
      summary: {},
      offers: [],
    },
  },
};
const health = {
  notificationType: 'PRICING_HEALTH',
  notificationMetadata: { notificationId: 'n-3' },
  payload: {
    issueType: 'BuyBoxDisqualification',
    sellerId: 'SELLER1',
    offerChangeTrigger: { marketplaceId: DE, asin: 'B000000002', itemCondition: 'New', timeOfOfferChange: 't' },
    merchantOffer: {},
  },
};

const reading = (value: unknown) => read(typeof value === 'string' ? value : JSON.stringify(value));
function watchesOf(value: unknown): readonly string[] {
  const result = reading(value);
  if ('refused' in result) throw new Error(result.refused.message);
  return result.notification.watchIds;
}

describe('a notification of changed offers', () => {
  it('is about the offers, the competitive price and, for the own account, its price in the marketplace', () => {
    expect(reading(consumer())).toEqual({
      notification: {
        id: 'n-1',
        watchIds: [
          `price|main|offers|${US}|asin|New|Consumer|B000000001`,
          `price|main|competitive|${US}|asin|Any|Consumer|B000000001`,
          `price|main|own|${US}|asin|Any|Consumer|B000000001`,
          `price|main|own|${US}|asin|New|Consumer|B000000001`,
          `price|second|offers|${US}|asin|New|Consumer|B000000001`,
          `price|second|competitive|${US}|asin|Any|Consumer|B000000001`,
        ],
      },
    });
  });

  it('is about business prices when it is of the business type, whose names are spelled otherwise', () => {
    expect(reading(business)).toEqual({
      notification: {
        id: 'n-2',
        watchIds: ['main', 'second'].flatMap((account) => [
          `price|${account}|offers|${US}|asin|Used|Business|B000000001`,
          `price|${account}|competitive|${US}|asin|Any|Business|B000000001`,
        ]),
      },
    });
    const pascal = {
      NotificationType: 'B2B_ANY_OFFER_CHANGED',
      NotificationMetadata: { NotificationId: 'n-4' },
      Payload: {
        B2BAnyOfferChangedNotification: consumer({ ItemCondition: 'used' }, 'OTHER').Payload
          .AnyOfferChangedNotification,
      },
    };
    expect(watchesOf(pascal)).toEqual(watchesOf(business));
  });

  it('may tell of the health of a price, whose payload is the change itself', () => {
    expect(watchesOf(health)).toEqual([
      `price|europe|offers|${DE}|asin|New|Consumer|B000000002`,
      `price|europe|competitive|${DE}|asin|Any|Consumer|B000000002`,
      `price|europe|own|${DE}|asin|Any|Consumer|B000000002`,
      `price|europe|own|${DE}|asin|New|Consumer|B000000002`,
    ]);
  });

  it('knows conditions in any case, and takes one that is unknown or missing for any', () => {
    expect(watchesOf(consumer({ ItemCondition: 'COLLECTIBLE' }, 'OTHER'))).toContain(
      `price|main|offers|${US}|asin|Collectible|Consumer|B000000001`,
    );
    for (const ItemCondition of ['pristine', undefined]) {
      const offers = watchesOf(consumer({ ItemCondition }, 'OTHER')).filter((id) => id.startsWith('price|main|offers'));
      expect(offers.map((id) => id.split('|')[5])).toEqual(['New', 'Used', 'Collectible', 'Refurbished', 'Club']);
    }
  });

  it('of a marketplace in which nobody sells is about nothing', () => {
    expect(watchesOf(consumer({ MarketplaceId: 'A1VC38T7YXB528' }))).toEqual([]);
  });

  it('is understood without its metadata, which Amazon leaves away in test messages', () => {
    const { NotificationMetadata: _, ...rest } = consumer();
    expect(reading(rest)).toMatchObject({ notification: { id: undefined } });
  });

  it.each([
    ['text', 'hello', 'UnreadableMessage'],
    ['a list', [], 'UnreadableMessage'],
    ['no type', { Payload: {} }, 'UnreadableMessage'],
    ['another type', { NotificationType: 'ORDER_CHANGE', Payload: {} }, 'UnknownNotification'],
    ['a type that only JavaScript knows', { NotificationType: 'constructor' }, 'UnknownNotification'],
    ['no ASIN', consumer({ ASIN: undefined }), 'UnreadableMessage'],
    ['an empty ASIN', consumer({ ASIN: ' ' }), 'UnreadableMessage'],
    ['no payload', { NotificationType: 'ANY_OFFER_CHANGED' }, 'UnreadableMessage'],
  ])('is refused with a reason when it holds %s', (_, value, code) => {
    expect(reading(value)).toEqual({ refused: { code, message: expect.stringMatching(/./) } });
  });
});
