import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isSignedWebhook, signWebhook, WebhookKeys } from '../../lambdas/shared/webhooks/standard-webhooks.ts';

// The vector that the specification's own libraries are tested with.
const KEY = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
const CALL = { id: 'msg_p5jXN8AQM9LWM0D4loKWxJek', body: '{"test": 2432232314}' };
const SECONDS = 1_614_265_330;
const SIGNATURE = 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=';

const key = (fill: number, bytes = 32) => `whsec_${Buffer.alloc(bytes, fill).toString('base64')}`;
const headers = { id: CALL.id, timestamp: String(SECONDS), signature: SIGNATURE };
const isSigned = (
  changes: Partial<typeof headers> | object = {},
  body = CALL.body,
  now = SECONDS * 1_000,
  keys = KEY,
) => isSignedWebhook({ ...headers, ...changes }, Buffer.from(body), WebhookKeys.parse(keys), now);

describe('a signed webhook', () => {
  it('has the headers of the published vector', () => {
    expect(signWebhook(CALL, WebhookKeys.parse(KEY), SECONDS * 1_000 + 999)).toEqual({
      'webhook-id': CALL.id,
      'webhook-timestamp': String(SECONDS),
      'webhook-signature': SIGNATURE,
    });
    expect(isSigned()).toBe(true);
  });

  it('is let in with whatever is signed, bytes that are no text included, and with nothing else', () => {
    const bytes = fc.uint8Array({ maxLength: 50 }).map((some) => Buffer.from(some));
    const id = fc.string({ unit: 'grapheme-ascii', minLength: 1 }).filter((text) => !text.includes('.'));
    fc.assert(
      fc.property(id, bytes, bytes, (some, body, other) => {
        const keys = WebhookKeys.parse(KEY);
        const signed = signWebhook({ id: some, body }, keys, SECONDS * 1_000);
        const given = {
          id: some,
          timestamp: signed['webhook-timestamp'],
          signature: signed['webhook-signature'],
        };
        expect(isSignedWebhook(given, body, keys, SECONDS * 1_000)).toBe(true);
        expect(isSignedWebhook(given, other, keys, SECONDS * 1_000)).toBe(body.equals(other));
        expect(isSignedWebhook({ ...given, id: `${some}x` }, body, keys, SECONDS * 1_000)).toBe(false);
      }),
    );
  });

  it.each<[string, object]>([
    ['no identifier', { id: undefined }],
    ['an empty identifier', { id: '' }],
    ['another identifier', { id: 'msg_other' }],
    ['no time', { timestamp: undefined }],
    ['an empty time', { timestamp: '' }],
    ['another time', { timestamp: String(SECONDS + 1) }],
    ['a time that is no number', { timestamp: 'hello' }],
    ['a time in another spelling', { timestamp: `${SECONDS}.0` }],
    ['a time that is not finite', { timestamp: 'NaN' }],
    ['no signature', { signature: undefined }],
    ['an empty signature', { signature: '' }],
    ['a signature without its version', { signature: SIGNATURE.slice(3) }],
    ['a signature of another version', { signature: SIGNATURE.replace('v1', 'v1a') }],
    ['the beginning of a signature', { signature: SIGNATURE.slice(0, -1) }],
    ['a version alone', { signature: 'v1,' }],
    ['another signature', { signature: SIGNATURE.replace('g0', 'g1') }],
    ['a signature that is no ASCII', { signature: `v1,${'ü'.repeat(44)}` }],
  ])('is refused with %s', (_, changes) => {
    expect(isSigned(changes)).toBe(false);
  });

  it('is refused with another body', () => {
    for (const body of ['', '{"test":2432232314}', `${CALL.body} `]) expect(isSigned({}, body)).toBe(false);
  });

  it.each([-301, -300, 0, 300, 301])('that is %i s away from now is let in up to five minutes', (away) => {
    const now = (SECONDS + away) * 1_000;
    expect(isSigned({}, CALL.body, now)).toBe(Math.abs(away) <= 300);
    // By whole seconds, as the time is told.
    expect(isSigned({}, CALL.body, now + 999)).toBe(Math.abs(away) <= 300);
  });

  it('is refused where a time of any spelling is signed that is no whole number of seconds', () => {
    const keys = WebhookKeys.parse(KEY);
    const at = (now: number) => {
      const signed = signWebhook(CALL, keys, now);
      return { id: CALL.id, timestamp: signed['webhook-timestamp'], signature: signed['webhook-signature'] };
    };
    for (const now of [Number.NaN, -1_000]) {
      expect(isSignedWebhook(at(now), Buffer.from(CALL.body), keys, now)).toBe(false);
    }
  });

  it('needs one right signature among several', () => {
    const wrong = 'v1,Ceo5qEr07ixe2NLpvHk3FH9bwy/WavXrAFQ/9tdO6mc=';
    expect(isSigned({ signature: [wrong, wrong.replace('v1', 'v2'), SIGNATURE, wrong].join(' ') })).toBe(true);
    expect(isSigned({ signature: [wrong, wrong].join(' ') })).toBe(false);
  });
});

describe('keys of webhooks', () => {
  it('are replaced without a gap: all of them sign, and any of them lets in', () => {
    const [old, next] = [key(1), key(2)];
    const both = signWebhook(CALL, WebhookKeys.parse(`${next} ${old}`), SECONDS * 1_000)['webhook-signature'];
    expect(both.split(' ')).toHaveLength(2);
    for (const keys of [old, next, `${next} ${old}`, `${KEY} ${old}`]) {
      expect(isSigned({ signature: both }, CALL.body, SECONDS * 1_000, keys)).toBe(true);
    }
    expect(isSigned({ signature: both }, CALL.body, SECONDS * 1_000, key(3))).toBe(false);
    expect(isSigned({}, CALL.body, SECONDS * 1_000, `${old} ${KEY}`)).toBe(true);
  });

  it.each([
    '',
    ' ',
    'whsec_',
    KEY.slice(6),
    `${KEY} `,
    `${KEY}  ${KEY}`,
    `${KEY},${KEY}`,
    KEY.slice(0, -1),
    `${KEY}\n`,
    'whsec_not base64 at all, though it is long enough',
    key(1, 23),
    key(1, 65),
    `${KEY} whsec_short`,
  ])('are refused as %j, and the complaint does not repeat them', (text) => {
    const { success, error } = WebhookKeys.safeParse(text);
    expect(success).toBe(false);
    expect(JSON.stringify(error)).not.toMatch(/MfKQ|short|AQEB/u);
  });

  it.each([24, 64])('may have %i bytes', (bytes) => {
    expect(WebhookKeys.parse(key(7, bytes))).toEqual([Buffer.alloc(bytes, 7)]);
  });
});
