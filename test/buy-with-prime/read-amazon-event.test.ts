import { describe, expect, it } from 'vitest';
import { readAmazonEvent } from '../../lambdas/buy-with-prime/read-amazon-event.ts';
import { BuyWithPrimeEventReceived } from '../../lambdas/buy-with-prime/order-event-schemas.ts';

const RESOURCE = 'businessProduct/business-1/order/order-1/delivery/delivery-1';
const envelope = {
  version: '0',
  id: 'bridge-1',
  'detail-type': 'PACKAGE_DELIVERED',
  source: 'aws.partner/buywithprime/shop',
  account: '111122223333',
  time: '2026-01-20T12:34:57Z',
  region: 'us-east-1',
  resources: [RESOURCE],
};
const detail = {
  idempotencyKey: 'key-1',
  eventDescriptor: 'PACKAGE_DELIVERED',
  resources: [RESOURCE],
  eventId: 'event-1',
  apiVersion: '2024-11-01',
  subscriptionId: 'subscription-1',
  eventTime: '2026-01-20T12:34:56Z',
};
/** What an input transformer writes where the event has no such field. */
const emptied = Object.fromEntries(Object.keys(detail).map((name) => [name, '']));

function read(body: unknown) {
  const reading = readAmazonEvent(typeof body === 'string' ? body : JSON.stringify(body));
  if ('refused' in reading) throw new Error(reading.refused.message);
  return reading.event;
}

describe('an event of Buy with Prime', () => {
  it('is told with what it is about, and nothing of its data', () => {
    const data = { order: { customer: [{ contact: { name: 'Ada Example', email: 'ada@example.com' } }] } };
    const event = read({ ...envelope, detail: { ...detail, data } });
    expect(event).toEqual({
      key: 'key-1',
      occurredAt: '2026-01-20T12:34:56.000Z',
      data: {
        eventDescriptor: 'PACKAGE_DELIVERED',
        eventId: 'event-1',
        apiVersion: '2024-11-01',
        subscriptionId: 'subscription-1',
        businessProductId: 'business-1',
        resources: [RESOURCE],
        amazonOrderIds: ['order-1'],
      },
    });
    expect(BuyWithPrimeEventReceived.parse(event.data)).toEqual(event.data);
  });

  it.each([
    ['an empty detail', {}],
    ['no detail at all', undefined],
    ['a detail of empty texts', emptied],
  ])('of the older form, with %s, is known by the envelope', (_, older) => {
    expect(read({ ...envelope, detail: older })).toEqual({
      key: 'bridge-1',
      occurredAt: '2026-01-20T12:34:57.000Z',
      data: {
        eventDescriptor: 'PACKAGE_DELIVERED',
        eventId: null,
        apiVersion: null,
        subscriptionId: null,
        businessProductId: 'business-1',
        resources: [RESOURCE],
        amazonOrderIds: ['order-1'],
      },
    });
  });

  it('names every order among its resources once, and the first business product', () => {
    const resources = [
      'businessProduct/b/order/o-1/return/r',
      'businessProduct/b/order/o-2',
      'businessProduct/c/order/o-1',
      'order/',
      'order',
      // Keys stand at even places: these are values.
      'return/order/businessProduct/order',
      '',
      7,
      null,
      { order: 'o-3' },
    ];
    const { data } = read({
      ...envelope,
      resources,
      detail: { ...detail, resources: ['businessProduct/b/order/o-4'] },
    });
    expect(data.amazonOrderIds).toEqual(['o-1', 'o-2', 'o-4']);
    expect(data.businessProductId).toBe('b');
    expect(data.resources).toEqual([...resources.slice(0, 6), 'businessProduct/b/order/o-4']);
  });

  it.each([
    ['2026-01-20T12:34:56Z', '2026-01-20T12:34:56.000Z'],
    ['2026-01-20T12:34:56.789012Z', '2026-01-20T12:34:56.789Z'],
    ['2026-01-20T14:34:56+02:00', '2026-01-20T12:34:56.000Z'],
    // Without a zone it is no instant; EventBridge's time stands in.
    ['2026-01-20T12:34:56', '2026-01-20T12:34:57.000Z'],
    ['yesterday', '2026-01-20T12:34:57.000Z'],
    [1_768_912_496, '2026-01-20T12:34:57.000Z'],
  ])('that says it happened at %s occurred at %s', (eventTime, occurredAt) => {
    expect(read({ ...envelope, detail: { ...detail, eventTime } }).occurredAt).toBe(occurredAt);
  });

  it('has no time of its own where nobody says one', () => {
    expect(read({ ...envelope, time: 'soon', detail: { ...detail, eventTime: '' } }).occurredAt).toBeUndefined();
  });

  it('is taken whatever else it holds, and fields of another type count as missing', () => {
    const odd = { ...detail, apiVersion: 20241101, subscriptionId: null, eventId: ['e'], more: { of: 'it' } };
    expect(read({ ...envelope, more: 1, detail: odd }).data).toMatchObject({
      apiVersion: null,
      subscriptionId: null,
      eventId: null,
    });
  });

  it.each([
    ['no JSON', 'surprise', 'the body is no event'],
    ['a list', '[]', 'the body is no event'],
    ['a detail that is a text', JSON.stringify({ ...envelope, detail: 'x' }), 'the body is no event'],
    [
      'nothing to know it by',
      JSON.stringify({ ...envelope, id: '', detail: {} }),
      'neither detail.idempotencyKey nor id',
    ],
    ['no type', JSON.stringify({ ...envelope, 'detail-type': ' ', detail: {} }), 'neither detail.eventDescriptor nor'],
    ['more than a row can hold', JSON.stringify({ ...envelope, pad: 'ü'.repeat(50_000) }), 'more than 100000 bytes'],
  ])('with %s is refused with the reason, which repeats nothing of it', (_, body, reason) => {
    expect(readAmazonEvent(body)).toEqual({
      refused: { code: 'UnreadableMessage', message: expect.stringContaining(reason) as string },
    });
  });
});
