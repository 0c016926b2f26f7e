import { describe, expect, it } from 'vitest';
import type { BusEvent } from '../../local/cloud/cloud.ts';
import { buyWithPrimeEventSchemas } from '../../lambdas/buy-with-prime/order-event-schemas.ts';
import { entitlementEventSchemas } from '../../lambdas/entitlements/entitlement-event-schemas.ts';
import { PRICE_EVENT_TYPES } from '../../lambdas/pricing/price-events.ts';
import { eventWords } from '../../local/event-words.ts';

const window = { licenseType: 'SVOD', territories: ['US', 'GB'] };
const offer = (status: string) => ({ status, windows: [window] });

function event(detailType: string, data: Record<string, unknown>): BusEvent {
  return {
    version: '0',
    id: '1',
    'detail-type': detailType,
    source: 'offer-relay',
    account: '000000000000',
    time: '2026-01-01T00:00:00Z',
    region: 'us-east-1',
    resources: [],
    detail: { data: { alid: 'A1', groupingEntity: 'channel', before: null, after: null, changes: [], ...data } },
  };
}

const words = (detailType: string, data: Record<string, unknown>): string[] =>
  Object.values(
    eventWords(event(detailType, data), (alid) => (alid === 'A1' ? 'The Quiet Harbour' : undefined)) as object,
  ) as string[];

const snapshot = { currency: 'USD', own: [], buyBox: [], lowest: [] };
/** The words of an event of one price, with one change or several. */
function priceWords(detailType: string, data: Record<string, unknown>): string[] {
  const about = {
    account: 'shop',
    view: 'offers',
    marketplaceId: 'ATVPDKIKX0DER',
    asin: 'B000000001',
    sku: null,
    condition: 'New',
    customerType: 'Consumer',
  };
  const whole = { ...event(detailType, {}), detail: { data: { ...about, before: snapshot, after: snapshot, changes: [], ...data } } }; // prettier-ignore
  return Object.values(
    eventWords(whole, (id) => (id === 'B000000001' ? 'Folding Kettle' : undefined)) as object,
  ) as string[];
}
const box = (landed: string, sellerId?: string, mine: boolean | null = false) => ({
  landed,
  mine,
  winners: sellerId === undefined ? [] : [{ sellerId }],
});

describe('events in plain words', () => {
  it('tells a new offer by its title, place and status', () => {
    expect(words('Offer Added', { after: offer('Ready') })).toEqual([
      'Offer Added',
      'The Quiet Harbour',
      'SVOD channel in GB, US: Ready',
    ]);
  });

  it('tells what moved, from where to where, and sums up a long list', () => {
    const changes = [
      { change: 'statusMoved', from: 'Ready', to: 'Live' },
      { change: 'territoriesGained', territories: ['DE', 'FR'] },
      { change: 'windowMoved', from: {}, to: { start: '2026-03-01T00:00:00.000Z', end: null } },
      { change: 'somethingNew' },
    ];
    expect(words('Offer Status Changed', { before: offer('Ready'), after: offer('Live'), changes })[2]).toBe(
      'SVOD channel in GB, US: Ready → Live, gained DE, FR, window moved to 2026-03-01 – open and 1 more',
    );
  });

  it('begins with what the headline is about, and gives a window without a status the offer’s', () => {
    const changes = [
      { change: 'territoriesLost', territories: ['AT', 'BE', 'CH', 'DE', 'FR'] },
      { change: 'windowStatusMoved', from: 'Ready', to: null },
    ];
    const data = { before: offer('In-Process'), after: offer('Live'), changes };
    expect(words('Offer Went Live', data)[2]).toContain(': a window Ready → Live, lost AT, BE, CH, DE and 1 more');
    expect(words('Offer Window Changed', data)[2]).toContain(': lost AT, BE, CH, DE and 1 more, a window Ready → Live');
  });

  it('names the format profiles that came and went', () => {
    const changes = [
      { change: 'formatProfilesGained', formatProfiles: ['MAX', 'UHD'] },
      { change: 'formatProfilesLost', formatProfiles: ['SD'] },
      { change: 'platformIdsGained', platformIds: ['gti.1'] },
    ];
    expect(words('Offer Window Changed', { after: offer('Live'), changes })[2]).toBe(
      'SVOD channel in GB, US: gained MAX, UHD, lost SD, platform ids gained',
    );
  });

  it('tells a removed offer by what it was', () => {
    expect(words('Offer Removed', { before: offer('Live'), changes: [{ change: 'offerRemoved' }] })[2]).toBe(
      'SVOD channel in GB, US',
    );
  });

  it('keeps to the detail-type where it does not know the event', () => {
    const strange = { ...event('Order Created', {}), detail: { anything: true } };
    expect(eventWords(strange, () => undefined)).toEqual({
      headline: 'Order Created',
      title: 'offer-relay',
      story: '',
    });
  });
});

describe('events of prices in plain words', () => {
  const told = (change: Record<string, unknown>, headline = 'Price Changed') =>
    priceWords(headline, { changes: [change] })[2]?.replace('US New offers: ', '');

  it('begins with the name of the item and where it is looked at', () => {
    const changes = [{ change: 'buyBoxChanged', outcome: 'lost', from: box('13.49', 'ME', true), to: box('12.99', 'A1X') }]; // prettier-ignore
    expect(priceWords('Buy Box Changed', { changes })).toEqual([
      'Buy Box Changed',
      'Folding Kettle',
      'US New offers: Buy Box lost to seller A1X at 12.99 USD',
    ]);
    const elsewhere = { marketplaceId: 'SOMEWHERE', condition: 'Any', customerType: 'Business', view: 'own', asin: null, sku: 'S 1' }; // prettier-ignore
    expect(priceWords('Price Changed', { changes, ...elsewhere }).slice(1)).toEqual([
      'S 1',
      'SOMEWHERE Business own: Buy Box lost to seller A1X at 12.99 USD',
    ]);
  });

  it.each([
    ['won', box('13', 'A'), box('12', 'ME', true), 'Buy Box won at 12 USD'],
    ['lost', box('13', 'ME', true), null, 'Buy Box lost, nobody has it'],
    ['lost', box('13', 'ME', true), box('12'), 'Buy Box lost to another seller at 12 USD'],
    ['moved', box('13', 'A'), box('12', 'B'), 'Buy Box goes to seller B at 12 USD'],
    ['moved', box('13', 'A'), box('12', 'A'), 'Buy Box 13 → 12 USD'],
    ['moved', box('13', 'A'), box('12'), 'Buy Box 13 → 12 USD'],
    ['moved', null, box('12', 'B'), 'Buy Box goes to seller B at 12 USD'],
    ['moved', null, box('12'), 'Buy Box 12 USD'],
    ['moved', box('13', 'A'), null, 'Buy Box gone'],
    ['moved', box('13', 'A'), { ...box('13'), winners: [{ sellerId: 'A' }, { sellerId: 'B' }] }, 'Buy Box goes to seller A and B at 13 USD'], // prettier-ignore
  ])('tells a Buy Box that was %s from %j to %j', (outcome, from, to, story) => {
    expect(told({ change: 'buyBoxChanged', outcome, from, to })).toBe(story);
  });

  it.each([
    ['lost', box('13', 'ME', true), 'Buy Box lost to seller B at 12.5 USD'],
    ['moved', box('13', 'A'), 'Buy Box left to seller B at 12.5 USD'],
  ])('tells who still has a Buy Box that one of two sellers has %s', (outcome, from, story) => {
    const after = { currency: 'USD', buyBox: [{ ...box('9', 'U'), condition: 'Used' }, box('12.5', 'B')] };
    const change = { change: 'buyBoxChanged', outcome, from, to: null };
    expect(priceWords('Price Changed', { changes: [change], after })[2]).toBe(`US New offers: ${story}`);
  });

  it.each([
    [{ change: 'ownPriceChanged', from: { landed: '13.99' }, to: { landed: '12.99' } }, 'own price 13.99 → 12.99 USD'],
    [{ change: 'ownPriceChanged', from: null, to: { landed: '12.99' } }, 'own price 12.99 USD'],
    [{ change: 'ownPriceChanged', from: { landed: '13' }, to: null }, 'own price gone'],
    [
      { change: 'ownPriceChanged', from: { landed: '13' }, to: { landed: '13', channel: 'Amazon' } },
      'own price changed',
    ],
    [{ change: 'competitivePriceChanged', from: { landed: '1' }, to: { landed: '2' } }, 'competitive price 1 → 2 USD'],
    [
      {
        change: 'lowestPriceChanged',
        from: { landed: '10', condition: 'Used', channel: 'Merchant' },
        to: { landed: '9.5', condition: 'Used', channel: 'Merchant' },
      },
      'lowest Used Merchant price 10 → 9.5 USD',
    ],
    [{ change: 'offerChanged', from: null, to: { landed: '9', sellerId: 'A' } }, 'seller A entered at 9 USD'],
    [{ change: 'offerChanged', from: { landed: '9', sellerId: 'A' }, to: null }, 'seller A left'],
    [{ change: 'offerChanged', from: { landed: '9', mine: true }, to: { landed: '8', mine: true } }, 'own offer 9 → 8 USD'], // prettier-ignore
    [{ change: 'totalOfferCountChanged', from: 5, to: 6 }, '5 → 6 offers'],
    [{ change: 'offerCountChanged', from: null, to: { count: 2, condition: 'New', channel: 'Amazon' } }, '0 → 2 New Amazon offers'], // prettier-ignore
    [{ change: 'buyBoxEligibleChanged', from: { count: 2 }, to: { count: 1 } }, '2 → 1 offers may win the Buy Box'],
    [{ change: 'referencePriceChanged', price: 'listPrice', from: null, to: '20' }, 'list price none → 20 USD'],
    [{ change: 'salesRankChanged', from: null, to: { category: 'toys', rank: 7 } }, 'rank none → 7 in toys'],
    [{ change: 'detailChanged', detail: 'currency', from: 'USD', to: 'CAD' }, 'currency USD → CAD'],
    [{ change: 'watchInvalid', code: 'InvalidInput', message: 'no such ASIN' }, 'InvalidInput: no such ASIN'],
    [{ change: 'somethingNew' }, 'something new'],
  ])('tells %j', (change, story) => {
    expect(told(change)).toBe(story);
  });

  it('begins with what the headline is about, and sums up a long list', () => {
    const changes = [
      { change: 'salesRankChanged', from: { category: 'toys', rank: 8 }, to: { category: 'toys', rank: 7 } },
      { change: 'totalOfferCountChanged', from: 3, to: 3 },
      { change: 'offerChanged', from: { landed: '9', sellerId: 'B' }, to: null },
      { change: 'offerChanged', from: null, to: { landed: '9', sellerId: 'C' } },
      { change: 'lowestPriceChanged', from: { landed: '8' }, to: { landed: '9' } },
    ];
    const beginning = (headline: string) => priceWords(headline, { changes })[2]?.replace('US New offers: ', '');
    const backwards = priceWords('Competitor Left', { changes: changes.toReversed() })[2];
    expect(backwards).toMatch(/: seller B left, /);
    expect(beginning('Competitor Left')).toMatch(/^seller B left, .* and 2 more$/);
    expect(beginning('Competitor Entered')).toMatch(/^seller C entered at 9 USD, /);
    expect(beginning('Lowest Price Changed')).toMatch(/^lowest price 8 → 9 USD, /);
    expect(beginning('Offer Count Changed')).toMatch(/^3 → 3 offers, /);
    for (const headline of PRICE_EVENT_TYPES) expect(beginning(headline)).not.toContain('rank');
  });

  it('tells a new price by what there is of it, and a removed one by its place', () => {
    const after = { ...snapshot, own: [{ landed: '14' }], buyBox: [box('13', 'A')], lowest: [{ landed: '12' }], totalOfferCount: 5 }; // prettier-ignore
    const changes = [{ change: 'priceAdded', price: after }];
    expect(priceWords('Price Added', { before: null, after, changes })[2]).toBe(
      'US New offers: own price 14 USD, Buy Box 13 USD (seller A), lowest 12 USD and 1 more',
    );
    expect(priceWords('Price Removed', { after: null, changes: [{ change: 'priceRemoved' }] })[2]).toBe(
      'US New offers',
    );
  });

  it('can do without the states, which an event that is too large leaves out', () => {
    const changes = [{ change: 'totalOfferCountChanged', from: 5, to: 6 }];
    expect(priceWords('Offer Count Changed', { before: null, after: null, changes })[2]).toBe(
      'US New offers: 5 → 6 offers',
    );
  });
});

describe('an event about an entitlement in plain words', () => {
  const entitlement = { partner: 'acme', playerId: 'player123', entitlementId: 'e-1', sku: 'season01_drop01' };
  const coins = { itemId: 'coins', quantity: 500, kind: 'stackable', granted: true };
  const skin = { itemId: 'skin_mechahat', quantity: 1, kind: 'unique', granted: true };

  it.each([
    ['Entitlement Granted', { items: [coins, skin], alreadyOwnedBy: null }, '500 coins, skin_mechahat'],
    [
      'Entitlement Granted',
      { items: [coins, { ...skin, granted: false }], alreadyOwnedBy: null },
      '500 coins, skin_mechahat (owned already)',
    ],
    ['Entitlement Granted', { items: [], alreadyOwnedBy: 'e-0' }, 'nothing, another entitlement has granted it'],
    ['Entitlement Granted', { items: [], alreadyOwnedBy: null }, 'nothing'],
    ['Entitlement Reported', { assumed: false }, 'Amazon knows'],
    ['Entitlement Reported', { assumed: true }, 'Amazon lists it no more'],
    ['Entitlement Stuck', { status: 'CLAIMED', reason: 'GRANTER_REFUSED' }, 'not granted: GRANTER_REFUSED'],
    ['Entitlement Stuck', { status: 'GRANTED', reason: 'NOT_REPORTED' }, 'granted, but not reported: NOT_REPORTED'],
  ])('tells of %s, %j', (headline, data, story) => {
    const told = words(headline, { ...entitlement, ...data });
    expect(told).toEqual([headline, 'season01_drop01', `player123 of acme: ${story}`]);
  });

  it('keeps to the detail-type where the event is not as it should be', () => {
    for (const headline of Object.keys(entitlementEventSchemas)) {
      const strange = { ...entitlement, alid: undefined, sku: undefined };
      expect(words(headline, strange)).toEqual([headline, 'offer-relay', '']);
      expect(words(headline, { ...strange, sku: 'season01_drop01' })).toEqual([headline, 'offer-relay', '']);
    }
  });
});

describe('an event about an offer code in plain words', () => {
  const code = { codeHash: '4a25034047b86bc3fed3b09c16117599', partner: 'acme', benefitId: 'B1', reason: null };

  it.each([
    ['Offer Code Verified', { valid: true }, 'code 4a250340… of acme: valid'],
    [
      'Offer Code Verified',
      { valid: false, reason: 'DEAL_INACTIVE' },
      'code 4a250340… of acme: not valid: DEAL_INACTIVE',
    ],
    ['Offer Code Redeemed', { redeemed: true, assumed: false }, 'code 4a250340… of acme: redeemed'],
    [
      'Offer Code Redeemed',
      { redeemed: true, assumed: true },
      'code 4a250340… of acme: redeemed, as far as can be known',
    ],
    [
      'Offer Code Redeemed',
      { redeemed: false, assumed: false, reason: 'INVALID_OFFER_CODE' },
      'code 4a250340… of acme: not redeemed: INVALID_OFFER_CODE',
    ],
  ])('tells of %s, %j', (headline, result, story) => {
    expect(words(headline, { ...code, ...result })).toEqual([headline, 'B1', story]);
  });
});

describe('an event about Buy with Prime in plain words', () => {
  const order = {
    partner: 'acme',
    account: 'main',
    orderId: '1001',
    totalPrice: { amount: '25.00', currencyCode: 'USD' },
    items: 2,
  };

  it.each([
    [
      'Order Created',
      { desiredExecutionState: 'STARTED', assumed: false },
      'acme, 2 items for 25.00 USD: delivery begins',
    ],
    [
      'Order Created',
      { desiredExecutionState: 'NOT_STARTED', assumed: true, items: 1 },
      'acme, 1 item for 25.00 USD: not started yet, found after its answer was lost',
    ],
    ['Order Rejected', { reason: 'OFFER_EXPIRED' }, 'acme, 2 items for 25.00 USD: OFFER_EXPIRED'],
  ])('tells of %s, %j', (headline, data, story) => {
    expect(words(headline, { ...order, ...data })).toEqual([headline, '1001', story]);
  });

  it.each([
    ['an order', { amazonOrderIds: ['o-1'], resources: ['businessProduct/p/order/o-1'] }, 'o-1'],
    ['something else', { amazonOrderIds: [], resources: ['businessProduct/p'] }, 'businessProduct/p'],
    ['nothing that is named', { amazonOrderIds: [], resources: [] }, ''],
  ])('tells what Buy with Prime itself has told, about %s', (_, data, story) => {
    const received = { eventDescriptor: 'PACKAGE_DELIVERED', ...data };
    const headline = 'Buy with Prime Event Received';
    expect(words(headline, received)).toEqual([headline, 'PACKAGE_DELIVERED', story]);
  });

  it('keeps to the detail-type where the event is not as it should be', () => {
    for (const headline of Object.keys(buyWithPrimeEventSchemas)) {
      const strange = { ...order, alid: undefined, items: 'two' };
      expect(words(headline, strange)).toEqual([headline, 'offer-relay', '']);
    }
  });
});
