import { describe, expect, it } from 'vitest';
import { statusNotificationReader } from '../../lambdas/offer-status/read-status-notification.ts';

const ALID = 'md:alid:eidr-s:1234-5678-9ABC-DEF0-1234-X';
const ENCODED = encodeURIComponent(ALID);
const read = statusNotificationReader(['studio', 'other-studio']);
const reading = (value: unknown) => read(typeof value === 'string' ? value : JSON.stringify(value));
const all = (licensor: string, alid = ENCODED) =>
  ['GLOBAL', 'US', 'DE', 'JP', 'GB'].map((marketplace) => `title|${licensor}|${marketplace}|${alid}`);

describe('a notification of the offer status', () => {
  it('is about the title that it names, in every marketplace', () => {
    expect(reading({ notificationId: 'n1', ALID, Licensor: { OrganizationID: 'studio', DisplayName: 'A' } })).toEqual({
      notification: { id: 'n1', watchIds: all('studio') },
    });
  });

  it('is about the title of each licensor when it names none of them', () => {
    expect(reading({ OfferStatuses: [{ ALID, Licensor: { OrganizationID: 'somebody' } }] })).toEqual({
      notification: { id: undefined, watchIds: [...all('studio'), ...all('other-studio')] },
    });
  });

  it.each([
    ['a SKU', { detail: { sku: 'features/1', licensor: 'studio' } }, 'features%2F1'],
    ['a list of them', { Alids: ['A', 'A'], licensor: 'studio' }, 'A'],
    ['an identifier of the known form in any field', { title: { ref: ALID }, x: 'studio' }, ENCODED],
    ['a field with separators', [{ a_l_i_d: 'A', partner: ['studio'] }], 'A'],
  ])('is understood with %s', (_, body, alid) => {
    expect(reading(body)).toMatchObject({ notification: { watchIds: all('studio', alid) } });
  });

  it('is found within the envelopes of SNS and of EventBridge, and goes by their identifier', () => {
    const inner = { status: { alid: ALID, licensor: 'studio' }, id: 'of something else' };
    const sns = { Type: 'Notification', MessageId: 'sns-1', Message: JSON.stringify(inner) };
    expect(reading(sns)).toEqual({ notification: { id: 'sns-1', watchIds: all('studio') } });
    const event = { version: '0', id: 'event-1', source: 'aws.partner/x', detail: inner };
    expect(reading(event)).toEqual({ notification: { id: 'event-1', watchIds: all('studio') } });
    const named = { ...event, detail: { ...inner, metadata: { NotificationId: 'n1' } } };
    expect(reading(named)).toEqual({ notification: { id: 'n1', watchIds: all('studio') } });
  });

  it.each([
    ['text', 'hello', 'UnreadableMessage'],
    ['a number', '7', 'UnreadableMessage'],
    ['broken JSON', '{"alid":', 'UnreadableMessage'],
    ['no title', { licensor: 'studio', isInvalid: 'yes', alid: '' }, 'UnknownNotification'],
    [
      'more titles than one notification is about',
      { alids: Array.from({ length: 101 }, (_, index) => `A${index}`) },
      'UnknownNotification',
    ],
  ])('is refused with a reason when it holds %s', (_, value, code) => {
    expect(reading(value)).toEqual({ refused: { code, message: expect.stringMatching(/./) } });
  });

  it('is refused, and nothing worse, when it is nested without end', () => {
    expect(reading('['.repeat(200_000) + ']'.repeat(200_000))).toMatchObject({
      refused: { code: 'UnknownNotification' },
    });
  });
});
