import { EventBridgeClient, PutPartnerEventsCommand } from '@aws-sdk/client-eventbridge';
import { SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { unpublishedShard } from '../../lambdas/change-events/unpublished.ts';
import type { PriceWatch } from '../../lambdas/shared/watches.ts';
import { priceWatchId, titleWatchId } from '../../lambdas/shared/watches.ts';
import type { ServiceCall } from '../../local/cloud/cloud.ts';
import { matchesPattern } from '../../local/cloud/iam/conditions.ts';
import type { LocalStack } from './local-stack.ts';
import { JAPAN, LICENSOR, startLocalStack, titleOf, until, US } from './local-stack.ts';
import type { Stored } from './stored.ts';
import { storedIn } from './stored.ts';
import { readContract } from '../partner-api/api-contract.ts';
import { partnerAccess } from '../../local/partners-file.ts';
import { webhookHeaders } from '../partner-api/push-signature.ts';
import { type GameBackend, startGameBackend } from './game-backend.ts';
import { callSigned, sendRaw } from './partner-clients.ts';
import { type StoredEntitlements, storedEntitlements } from './stored-entitlements.ts';

/** What a role is allowed, or what has been done in its name: one action on one resource. */
interface Grant {
  readonly role: string;
  readonly action: string;
  readonly resource: string;
}
interface Statement {
  readonly Action: string | string[];
  readonly Resource: string | string[];
}

/** Where Buy with Prime's own events come in. */
const PARTNER_BUS = 'aws.partner/buywithprime/example';
const ALIDS = Array.from({ length: 12 }, (_, index) => `TITLE_${index}`);
const [FIRST = ''] = ALIDS;
const ITEMS = Array.from({ length: 12 }, (_, index) => ({
  ...{ marketplaceId: JAPAN, asin: `B0JP00${String(index).padStart(4, '0')}`, sku: `SKU ${index}` },
}));
const [FIRST_ASIN = ''] = ITEMS.map(({ asin }) => asin);
const priceOf = (asin: string): PriceWatch => ({
  ...{ account: 'pacific', view: 'offers', marketplaceId: JAPAN, itemType: 'asin', item: asin },
  ...{ condition: 'New', customerType: 'Consumer' },
});
/** Every account has to be asked about something. */
const OF_ANOTHER_ACCOUNT: PriceWatch = { ...priceOf(FIRST_ASIN), account: 'americas', marketplaceId: US };

const PRICE_WATCHES = ITEMS.map(({ asin }) => priceOf(asin));

/** What is asked about, and by which part of the stack. */
interface Room {
  readonly checks: 'TitleChecks' | 'PriceChecks';
  readonly bucket: string;
  readonly watches: readonly string[];
  /** Watches of other buckets. */
  readonly others: readonly string[];
  /** Whose changes are told. */
  readonly told: string;
  /** How the control endpoint is asked to change it. */
  readonly change: readonly [method: string, path: string, body?: unknown];
}
const TITLES: Room = {
  checks: 'TitleChecks',
  bucket: 'offer-status|main|global|status',
  watches: ALIDS.map((alid) => titleWatchId(titleOf(alid))),
  others: [],
  told: titleWatchId(titleOf(FIRST)),
  change: ['POST', `/control/titles/${LICENSOR}/${FIRST}/advance`],
};
const PRICES: Room = {
  checks: 'PriceChecks',
  bucket: 'pricing|pacific|fe|getItemOffers',
  watches: PRICE_WATCHES.map(priceWatchId),
  others: [priceWatchId(OF_ANOTHER_ACCOUNT)],
  told: priceWatchId(priceOf(FIRST_ASIN)),
  change: ['PUT', `/control/prices/${JAPAN}/${FIRST_ASIN}`, { offers: [{ sellerId: 'A1RIVAL', listingPrice: '980' }] }],
};

const SKUS = { drop01: [{ itemId: 'coins', quantity: 5, kind: 'stackable' }] } as const;
const KEY = `whsec_${Buffer.from('the key of the guild, and of nobody else').toString('base64')}`;

const calls: ServiceCall[] = [];
let game: GameBackend;
let stack: LocalStack;
let stored: Stored;
let storedPrices: Stored;
let entitlements: StoredEntitlements;

const inRoom = ({ checks }: Room) => ({
  poll: checks === 'TitleChecks' ? stack.poll : stack.pollPrices,
  send: (checks === 'TitleChecks' ? stored : storedPrices).send,
});

/** Everything that every role of the template is allowed, action by action. */
function granted(): Grant[] {
  return [...stack.cloud.resources.values()].flatMap(({ type, arn = '', properties }) => {
    // Grants in other places would not be counted here.
    expect(type).not.toMatch(/^AWS::IAM::(Managed)?Policy$/);
    if (type !== 'AWS::IAM::Role') return [];
    expect(properties).not.toHaveProperty('ManagedPolicyArns');
    const policies = properties['Policies'] as { PolicyDocument: { Statement: Statement[] } }[];
    return policies.flatMap(({ PolicyDocument }) =>
      PolicyDocument.Statement.flatMap(({ Action, Resource }) =>
        [Action].flat().flatMap((action) => [Resource].flat().map((resource) => ({ role: arn, action, resource }))),
      ),
    );
  });
}

const used = (): Grant[] =>
  calls.flatMap(({ caller, permissions }) =>
    permissions.map(({ action, resource }) => ({ role: caller.roleArn ?? '', action, resource })),
  );

const covers = (grant: Grant, use: Grant): boolean =>
  grant.role === use.role && grant.action === use.action && matchesPattern(use.resource, grant.resource);

/** As short as a reader needs it. */
const named = ({ role, action, resource }: Grant): string =>
  `${role.split('/').at(-1)?.replace(/-\w+$/, '')} ${action} ${resource}`;

const hasCalled = (action: string, part: string): boolean =>
  calls.some(({ caller, permissions }) =>
    permissions.some((one) => one.action === action && one.resource.includes(part) && caller.kind === 'function'),
  );

beforeAll(async () => {
  game = await startGameBackend(KEY);
  stack = await startLocalStack({
    titles: ALIDS,
    items: [...ITEMS, { marketplaceId: US, asin: FIRST_ASIN }],
    prices: [...PRICE_WATCHES, OF_ANOTHER_ACCOUNT],
    codes: [{ benefit: 'ONCE', code: 'A-VALID-CODE' }],
    partners: {
      acme: {
        ...{ accountId: '111122223333', externalId: 'acme', benefits: ['ONCE'] },
        plan: { perSecond: 1_000, burst: 1_000 },
        entitlements: { skus: SKUS },
        buyWithPrime: { account: 'store' },
      },
      guild: {
        ...{ accountId: '444455556666', externalId: 'guild', capabilities: ['entitlements'] },
        entitlements: { skus: SKUS, push: true, granter: { kind: 'webhook', url: game.url } },
      },
    },
    partnerSecrets: { guild: { webhookKey: KEY, pushKey: KEY, ca: game.ca } },
    entitlements: { stuckAfterSeconds: 60 },
    buyWithPrime: {
      accounts: [{ account: 'store' }],
      products: [{ account: 'store', productId: 'mug', sku: 'MUG-01', price: '12.50' }],
      settings: { accounts: { store: {} }, events: { eventBus: { name: PARTNER_BUS } } },
    },
    // That role is a managed policy of AWS, and no call of the stack's functions.
    settings: { gateway: { accessLogRole: false } },
    cloud: { onCall: (call) => calls.push(call), retryWaitScale: 0.001, buses: [PARTNER_BUS] },
  });
  stored = storedIn(stack.cloud);
  storedPrices = storedIn(stack.cloud, 'Price');
  entitlements = storedEntitlements(stack.cloud);
}, 120_000);

afterAll(async () => {
  stored?.close();
  storedPrices?.close();
  entitlements?.close();
  await stack?.stop();
  await game?.[Symbol.asyncDispose]();
});

describe('the permissions of the stack, in one run of all its flows', () => {
  const told = (watchId: string): number =>
    stack.events.filter((event) => (event.detail['data'] as { watchId: string }).watchId === watchId).length;
  const lapOf = async (watchId: string): Promise<string> =>
    (await stored.watches.heads([watchId])).get(watchId)?.lap ?? '';

  it.each([TITLES, PRICES])('runs $checks: sight, change, a poison message', async (room) => {
    const { poll, send } = inRoom(room);
    await poll('the first sight', async () => {
      const heads = await stored.watches.heads([...room.watches, ...room.others]);
      return [...heads.values()].every(({ version }) => version > 0);
    });
    const before = told(room.told);
    await stack.control(...room.change);
    await poll('a change', () => told(room.told) > before);

    await send(room.bucket, 'not a slice');
    await poll('the poison message to be given up', () =>
      hasCalled('sqs:SendMessage', `${room.checks}QueuesDeadLetters`),
    );
  });

  it('runs publishing: republishing, a poison record', async () => {
    const row = (await stored.history(FIRST)).at(-1)!;
    const republished = told(TITLES.told) + row.events.length;
    await stored.unpublish(row, unpublishedShard(row.watchId));
    await stack.cloud.invoke('ChangePublishing/RepublishChanges/Function', {});
    await stack.poll('the change to be told again', () => told(TITLES.told) >= republished);

    await stored.putUnreadable(titleWatchId(titleOf('poison')));
    await stack.poll('the poison record to be given up', () => hasCalled('sqs:SendMessage', 'FailedBatches'));
  });

  it('runs the door: a notification about a steady watch, a message that nobody understands', async () => {
    await stack.pollPrices('a steady price', async () => (await lapOf(PRICES.told)).endsWith('#steady'));
    const trigger = { MarketplaceId: JAPAN, ASIN: FIRST_ASIN, ItemCondition: 'new' };
    await stack.notify({
      NotificationType: 'ANY_OFFER_CHANGED',
      NotificationMetadata: { NotificationId: 'n1' },
      Payload: { AnyOfferChangedNotification: { SellerId: 'A1RIVAL', OfferChangeTrigger: trigger } },
    });
    await until('the watch to be urgent', async () => (await lapOf(PRICES.told)).endsWith('#urgent'));
    await stack.notify({ NotificationType: 'GIBBERISH' });
    await until('it to be put aside', () => hasCalled('sqs:SendMessage', 'NotificationsPricingDeadLetters'));
  });

  it('runs the partner API: every route, an invalid code, and a redemption that has to be released', async () => {
    const { partners } = stack.settings.partnerApi;
    const access = partnerAccess(stack.cloud, { partners });
    const known: Readonly<Record<string, string>> = {
      ...{ benefitId: 'ONCE', offerCode: 'A-VALID-CODE', licensor: LICENSOR, alid: FIRST },
      ...{ marketplaceId: JAPAN, asin: FIRST_ASIN, sku: 'SKU-OF-NO-ITEM', playerId: 'player-0', orderId: 'none' },
    };
    const token = stack.issueToken({ account: 'account-0' });
    const callAs = (partner: string, method: string, path: string, key = 'key-1') =>
      callSigned(access[partner]!, {
        ...{ method, path, headers: { 'Idempotency-Key': key, 'x-amz-access-token': token } },
      });
    // What is taken off the list comes last: until then it is there for the others.
    const operations = readContract().operations.toSorted(
      (a, b) => Number(a.method === 'DELETE') - Number(b.method === 'DELETE'),
    );
    for (const [partner, { capabilities }] of Object.entries(partners)) {
      // Amazon's own calls are no partner's: they come with the entitlements.
      const may: readonly string[] = [...capabilities, 'service'];
      for (const { method, path } of operations.filter(({ capability }) => may.includes(capability))) {
        const { status } = await callAs(
          partner,
          method,
          path.replaceAll(/\{(\w+)\}/g, (_, name: string) => known[name]!),
        );
        expect([partner, method, path, status < 500 && status !== 403]).toEqual([partner, method, path, true]);
      }
    }
    const call = (...of: [method: string, path: string, key?: string]) => callAs('acme', ...of);
    expect((await call('GET', '/v1/benefits/ONCE/offer-codes/NO-SUCH-CODE/verify')).body).toMatchObject({
      valid: false,
    });

    const mend = await stack.fault({ kind: 'status', code: 429, match: { operation: 'redeem' } });
    expect((await call('POST', '/v1/benefits/ONCE/offer-codes/ANOTHER-CODE/redeem', 'key-2')).status).toBe(503);
    await mend();
    const lost = await stack.fault({ kind: 'drop', effect: 'none', match: { operation: 'redeem' } });
    expect((await call('POST', '/v1/benefits/ONCE/offer-codes/THIRD-CODE/redeem', 'key-3')).status).toBe(504);
    await lost();
    expect((await call('POST', '/v1/benefits/ONCE/offer-codes/THIRD-CODE/redeem', 'key-3')).status).toBe(200);
  });

  it('runs quotes and orders: one that is made, one that is throttled, one whose answer is lost; and an event of Amazon', async () => {
    const { acme } = partnerAccess(stack.cloud, { partners: stack.settings.partnerApi.partners });
    const post = (resource: string, body: object, key = 'none') =>
      callSigned(acme!, {
        ...{ method: 'POST', path: `/v1/buy-with-prime/${resource}`, body: JSON.stringify(body) },
        headers: { 'Idempotency-Key': key },
      });
    const address = { streetAddress: '410 Terry Avenue N', locality: 'Seattle', region: 'WA', countryCode: 'US' };
    const quote = {
      lineItems: [{ productId: 'mug', quantity: 1 }],
      location: { shippingAddress: { ...address, postalCode: '98109' } },
    };
    const order = async (orderId: string): Promise<() => Promise<number>> => {
      const { offers } = (await post('offers', quote)).body as { offers: { offerId: string }[] };
      const totalPrice = { amount: '12.50', currencyCode: 'USD' };
      const wish = { orderId, offerId: offers[0]?.offerId, quote, totalPrice, desiredExecutionState: 'STARTED' };
      return async () => (await post('orders', wish, `key-of-${orderId}`)).status;
    };
    expect(await (await order('made'))()).toBe(201);
    for (const [orderId, fault, status] of [
      ['throttled', { kind: 'graphql-error', errorType: 'ThrottlingError' }, 503],
      ['lost', { kind: 'drop', effect: 'applied' }, 504],
    ] as const) {
      const ask = await order(orderId);
      const mend = await stack.fault({ ...fault, match: { operation: 'createOrderFromOffer' } });
      expect(await ask()).toBe(status);
      await mend();
      await until('the order to be made', async () => (await ask()) === 201);
    }

    const { credentials, region, endpoints, outputs } = stack.cloud;
    const bridge = new EventBridgeClient({ endpoint: endpoints.eventbridge, region, credentials });
    const sqs = new SQSClient({ endpoint: endpoints.sqs, region, credentials });
    const detail = { idempotencyKey: 'any', eventDescriptor: 'PACKAGE_DELIVERED', resources: [] };
    await bridge.send(
      new PutPartnerEventsCommand({
        Entries: [
          { Source: PARTNER_BUS, DetailType: 'PACKAGE_DELIVERED', Detail: JSON.stringify(detail), Time: new Date() },
        ],
      }),
    );
    const isTold = () => stack.events.some((event) => event['detail-type'] === 'Buy with Prime Event Received');
    await until('it to be told', isTold);
    await sqs.send(
      new SendMessageCommand({ QueueUrl: outputs['BuyWithPrimeEventsQueueUrl'], MessageBody: 'GIBBERISH' }),
    );
    await until('gibberish to be put aside', () => hasCalled('sqs:SendMessage', 'BuyWithPrimeEventsDeadLetters'));
    bridge.destroy();
    sqs.destroy();
  });

  it('runs entitlements: a player, Amazon, the queue and the sweeper, with a backend that is away for a while', async () => {
    const access = partnerAccess(stack.cloud, { partners: stack.settings.partnerApi.partners });
    const claim = (account: string, sku = 'drop01') => stack.simulator.claim({ account, sku });
    const fulfil = (partner: 'acme' | 'guild', number: number) =>
      callSigned(access[partner]!, {
        method: 'POST',
        path: `/v1/players/player-${number}/entitlements/fulfil`,
        headers: { 'x-amz-access-token': stack.issueToken({ account: `account-${number}` }) },
      });
    const push = (route: string, content: object) => {
      const { url } = access['guild']!;
      const body = JSON.stringify(content);
      const headers = { 'content-type': 'application/json', ...webhookHeaders(KEY, 'msg_1', Date.now(), body) };
      return sendRaw(url, 'POST', `${new URL(url).pathname}/v1/push/guild/${route}`, headers, body);
    };
    const granted = async (entitlementId: string) =>
      (await entitlements.row('guild', entitlementId))?.status === 'GRANTED';
    const resume = (entitlementId: string) => entitlements.send(JSON.stringify({ partner: 'guild', entitlementId }));
    const sweep = () => stack.cloud.invoke('Entitlements/SweepEntitlements/Function', {});

    // A SKU twice, one that nobody knows, and a report that Amazon does not take.
    const [first] = [claim('account-1'), claim('account-1'), claim('account-1', 'nobody-knows')];
    const mend = await stack.fault({ kind: 'inner-result', match: { operation: 'fulfil', entitlement: first } });
    expect((await fulfil('acme', 1)).status).toBe(200);
    await mend();
    await entitlements.age('acme', first, 'since', 120_000);
    await sweep();
    await until('the report to be missed', async () => (await entitlements.row('acme', first))?.stuck !== undefined);
    stack.simulator.revoke(first);
    expect((await fulfil('acme', 1)).status).toBe(200);
    expect((await entitlements.row('acme', first))?.status).toBe('REPORTED');

    game.moods.set('player-2', 'is out of service');
    const left = claim('account-2');
    expect((await fulfil('guild', 2)).status).toBe(200);
    await resume(left);
    await until('the grant to be put off', () => hasCalled('sqs:ChangeMessageVisibility', 'EntitlementsQueue'));
    game.moods.delete('player-2');
    // As if neither message had come for long.
    await until(
      'the try to have ended',
      async () => ((await entitlements.row('guild', left))?.lease ?? Infinity) < Date.now(),
    );
    await entitlements.age('guild', left, 'nextTryAt', 3_600_000);
    await sweep();
    await until('the grant', () => granted(left));
    await entitlements.send('not a grant');
    await until('the poison message to be given up', () => hasCalled('sqs:SendMessage', 'EntitlementsDeadLetters'));

    const { userId: UserId } = stack.simulator.addAccount({ account: 'account-3' });
    const pushed = { UserId, EntitlementId: 'pushed-1', VendorProductId: 'drop01' };
    expect((await push('account-links', { UserId, FulfillmentAddress: 'player-3' })).status).toBe(204);
    game.moods.set('player-3', 'is out of service');
    expect((await push('claims', pushed)).status).toBe(503);
    game.moods.delete('player-3');
    expect((await push('claims', pushed)).status).toBe(200);
    expect((await push('claims', { ...pushed, EntitlementId: 'pushed-2' })).status).toBe(200);
    const unknown = { ...pushed, EntitlementId: 'pushed-3', VendorProductId: 'nobody-knows' };
    expect((await push('claims', unknown)).status).toBe(503);
    expect((await push('account-unlinks', { UserId })).status).toBe(204);
  });

  it.each([TITLES, PRICES])('runs $checks in an outage, with slices that are sent anew', async (room) => {
    const { poll } = inRoom(room);
    await stack.fault({ kind: 'status', code: 503, match: {} });
    await poll('a slice to be hidden', () => hasCalled('sqs:ChangeMessageVisibility', `${room.checks}QueuesSlices`));
    // A slice that an outage has held eight times is sent anew; nobody wants to wait for that.
    const slice = { id: 'held', bucket: room.bucket, class: 'steady', watches: room.watches };
    await stack.cloud.invoke(`${room.checks}/Worker/Function`, {
      Records: [
        {
          messageId: 'held-for-long',
          receiptHandle: 'none',
          body: JSON.stringify(slice),
          attributes: { ApproximateReceiveCount: '9', MessageGroupId: room.bucket },
        },
      ],
    });
    const sentAnew = () =>
      calls.some(
        ({ caller, operation, input }) =>
          caller.kind === 'function' &&
          caller.logicalId?.includes(`${room.checks}Worker`) &&
          operation === 'SendMessage' &&
          String(input['MessageBody']).includes('held-for-long'),
      );
    await poll('the held slice to be sent anew', sentAnew);
  });

  it('has refused nothing', () => {
    expect(calls.length).toBeGreaterThan(100);
    expect(calls.filter(({ refusal }) => refusal !== undefined)).toEqual([]);
  });

  it('has used every action on every resource that is granted', () => {
    const uses = used();
    const grants = granted();
    expect(grants.length).toBeGreaterThan(100);
    expect(grants.filter((grant) => !uses.some((use) => covers(grant, use))).map(named)).toEqual([]);
  });

  it('has used nothing that is not granted', () => {
    const grants = granted();
    const uses = used().filter(({ role }) => role !== '');
    expect(uses.filter((use) => !grants.some((grant) => covers(grant, use))).map(named)).toEqual([]);
  });

  it('knows every caller: what has no role is the operator, a partner’s account, the gateway or the rule of a bus', () => {
    const others = calls.filter(({ caller }) => caller.roleArn === undefined).map(({ caller }) => caller.kind);
    expect(new Set(others)).toEqual(new Set(['operator', 'account', 'REST API', 'rule']));
  });
});
