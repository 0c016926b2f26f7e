import type { APIGatewayProxyEvent } from 'aws-lambda';
import { beforeEach, describe, expect, it } from 'vitest';
import type { EntitlementsSecret } from '../../lambdas/entitlements/entitlements-secret.ts';
import { createPushIdentifier } from '../../lambdas/entitlements/identify-push.ts';
import { pushRoutes } from '../../lambdas/entitlements/push-routes.ts';
import { CredentialError } from '../../lambdas/shared/errors.ts';
import { createPartnerHandler, serve } from '../../lambdas/shared/partner-api/serve.ts';
import { PartnerApiSettings } from '../../lambdas/shared/settings-schema.ts';
import { WebhookKeys } from '../../lambdas/shared/webhooks/standard-webhooks.ts';
import { webhookHeaders } from '../partner-api/push-signature.ts';
import { CONTEXT, eventOf, recordedTelemetry } from '../shared/gateway-requests.ts';
import { LeapingClock } from '../shared/virtual-clock.ts';

const keyOf = (fill: number) => `whsec_${Buffer.alloc(32, fill).toString('base64')}`;
const KEYS = { acme: keyOf(1), rival: keyOf(2), closed: keyOf(3) };
const keyFor = (name: string) => new Map(Object.entries(KEYS)).get(name);
const partner = { accountId: '111122223333', externalId: 'any' };
const SETTINGS = PartnerApiSettings.parse({
  partners: {
    acme: { ...partner, entitlements: { push: true } },
    rival: { ...partner, entitlements: { push: true } },
    closed: partner,
  },
});
const BODY = '{"UserId":"amzn1.account.K2LI23KL2LK2","Unknown":"é  "}';

let clock: LeapingClock;
let secretOf: (partner: { name: string }) => Promise<EntitlementsSecret>;
let asked: string[];
beforeEach(() => {
  clock = new LeapingClock();
  asked = [];
  secretOf = async ({ name }) => ({ pushKey: WebhookKeys.parse(keyFor(name)) });
});

/** A call to unlink, by the same way in as the function's own. */
async function push(
  change: (event: APIGatewayProxyEvent) => void = () => undefined,
  { of = 'acme', key = KEYS.acme } = {},
) {
  const recorded = recordedTelemetry();
  const done: string[] = [];
  const handler = createPartnerHandler({
    routes: [
      serve(pushRoutes.unlink, async ({ partner: { name }, body }) => {
        done.push(`${name} ${body.UserId}`);
        return { status: 204 };
      }),
    ],
    identify: createPushIdentifier({
      telemetry: recorded.telemetry,
      settings: SETTINGS,
      secretOf: (one) => {
        asked.push(one.name);
        return secretOf(one);
      },
      clock,
    }),
    telemetry: recorded.telemetry,
    clock,
  });
  const event = eventOf(pushRoutes.unlink, {
    path: { partner: of },
    headers: webhookHeaders(key, 'msg_1', clock.now(), BODY),
    body: BODY,
  });
  // Nobody has been let in by API Gateway.
  Object.assign(event.requestContext.identity, { caller: null, apiKeyId: null });
  change(event);
  const { statusCode, body } = await handler(event, CONTEXT);
  const code = body === '' ? undefined : (JSON.parse(body) as { error: { code: string } }).error.code;
  return { outcome: [statusCode, code].filter((part) => part !== undefined).join(' '), done, ...recorded };
}

describe('a call of the push integration', () => {
  it('is let in by the signature of its partner’s key, for that partner', async () => {
    const { outcome, done, lines } = await push();
    expect([outcome, done]).toEqual(['204', ['acme amzn1.account.K2LI23KL2LK2']]);
    expect(lines[0]?.details).toMatchObject({ partner: 'acme', operation: 'pushAccountUnlink' });
    expect((await push(undefined, { of: 'rival', key: KEYS.rival })).done).toEqual([
      'rival amzn1.account.K2LI23KL2LK2',
    ]);
  });

  it('is signed over its bytes, also where API Gateway hands them over in base64', async () => {
    const { outcome, done } = await push((event) => {
      event.body = Buffer.from(BODY).toString('base64');
      event.isBase64Encoded = true;
    });
    expect([outcome, done]).toEqual(['204', ['acme amzn1.account.K2LI23KL2LK2']]);
  });

  it('may spell the names of its headers as it likes', async () => {
    const spelt = (spell: (name: string) => string) => (event: APIGatewayProxyEvent) => {
      event.headers = Object.fromEntries(Object.entries(event.headers).map(([name, value]) => [spell(name), value]));
    };
    expect((await push(spelt((name) => name.toUpperCase()))).outcome).toBe('204');
    expect((await push(spelt((name) => name.replaceAll(/\b./gu, (first) => first.toUpperCase())))).outcome).toBe('204');
  });

  it.each<[string, (event: APIGatewayProxyEvent) => void]>([
    ['no signature', (event) => delete event.headers['webhook-signature']],
    ['no time', (event) => delete event.headers['webhook-timestamp']],
    ['no identifier', (event) => delete event.headers['webhook-id']],
    ['no headers', (event) => (event.headers = {})],
    ['another identifier', (event) => (event.headers['webhook-id'] = 'msg_2')],
    ['another body', (event) => (event.body = BODY.replace('K2', 'K3'))],
    ['the same JSON in another spelling', (event) => (event.body = JSON.stringify(JSON.parse(BODY), null, 1))],
    ['a space at the end', (event) => (event.body = `${BODY} `)],
    ['no body', (event) => (event.body = null)],
    ['base64 that it was not sent as', (event) => (event.isBase64Encoded = true)],
    ['the path of another partner', (event) => (event.pathParameters = { partner: 'rival' })],
  ])('is refused with %s, and nothing is done', async (_, change) => {
    const { outcome, done, counts } = await push(change);
    expect([outcome, done]).toEqual(['401 PUSH_SIGNATURE_REFUSED', []]);
    // A stranger's call is no fault of anybody's here, and many of them are a key that differs.
    expect(counts).toEqual({ ApiRequests: 1, PushesRefused: 1 });
  });

  it('is refused with the key of another partner, and five minutes after it was signed', async () => {
    expect((await push(undefined, { key: KEYS.rival })).outcome).toBe('401 PUSH_SIGNATURE_REFUSED');
    expect((await push(() => clock.leap(300_000))).outcome).toBe('204');
    expect((await push(() => clock.leap(301_000))).outcome).toBe('401 PUSH_SIGNATURE_REFUSED');
  });

  it.each(['closed', 'stranger', 'toString', '__proto__', ''])(
    'finds nothing at the partner %j, which takes no pushes, and no secret is read for it',
    async (of) => {
      const { outcome, done } = await push(undefined, { of, key: keyFor(of) ?? KEYS.acme });
      expect([outcome, done, asked]).toEqual(['404 NOT_FOUND', [], []]);
    },
  );

  it('has its partner’s name decoded', async () => {
    expect((await push((event) => (event.pathParameters = { partner: '%61cme' }))).outcome).toBe('204');
    expect((await push((event) => (event.pathParameters = { partner: '%' }))).outcome).toBe('400 INVALID_REQUEST');
    expect((await push((event) => (event.pathParameters = null))).outcome).toBe('404 NOT_FOUND');
  });

  it('is let in by nobody where the secret has no key, or cannot be read: that is a fault of the stage', async () => {
    for (const broken of [
      async () => ({}),
      async () => ({ webhookKey: WebhookKeys.parse(KEYS.acme) }),
      () => Promise.reject(new CredentialError('SecretUnavailable', 'secret x cannot be read')),
    ]) {
      secretOf = broken;
      const { outcome, done, counts } = await push();
      expect([outcome, done]).toEqual(['503 STORAGE_UNAVAILABLE', []]);
      expect(counts).toEqual({ ApiRequests: 1, ApiFaults: 1 });
    }
  });

  it('leaves neither a key nor anything of its body in the log', async () => {
    const all = [await push(), await push((event) => (event.body = `${BODY} `))];
    expect(JSON.stringify(all.map(({ lines }) => lines))).not.toMatch(/whsec_|amzn1|v1,/u);
  });
});
