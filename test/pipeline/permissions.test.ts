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
import { callSigned } from './partner-clients.ts';

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

const calls: ServiceCall[] = [];
let stack: LocalStack;
let stored: Stored;
let storedPrices: Stored;

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
  stack = await startLocalStack({
    titles: ALIDS,
    items: [...ITEMS, { marketplaceId: US, asin: FIRST_ASIN }],
    prices: [...PRICE_WATCHES, OF_ANOTHER_ACCOUNT],
    codes: [{ benefit: 'ONCE', code: 'A-VALID-CODE' }],
    partners: {
      acme: {
        ...{ accountId: '111122223333', externalId: 'acme', benefits: ['ONCE'] },
        plan: { perSecond: 1_000, burst: 1_000 },
      },
    },
    // That role is a managed policy of AWS, and no call of the stack's functions.
    settings: { gateway: { accessLogRole: false } },
    cloud: { onCall: (call) => calls.push(call), retryWaitScale: 0.001 },
  });
  stored = storedIn(stack.cloud);
  storedPrices = storedIn(stack.cloud, 'Price');
}, 120_000);

afterAll(async () => {
  stored?.close();
  storedPrices?.close();
  await stack?.stop();
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
    const access = partnerAccess(stack.cloud, { partners: stack.settings.partnerApi.partners })['acme']!;
    const known: Readonly<Record<string, string>> = {
      ...{ benefitId: 'ONCE', offerCode: 'A-VALID-CODE', licensor: LICENSOR, alid: FIRST },
      ...{ marketplaceId: JAPAN, asin: FIRST_ASIN, sku: 'SKU-OF-NO-ITEM' },
    };
    const call = (method: string, path: string, key = 'key-1') =>
      callSigned(access, { method, path, headers: { 'Idempotency-Key': key } });
    // What is taken off the list comes last: until then it is there for the others.
    const operations = readContract().operations.toSorted(
      (a, b) => Number(a.method === 'DELETE') - Number(b.method === 'DELETE'),
    );
    for (const { method, path } of operations) {
      const { status } = await call(
        method,
        path.replaceAll(/\{(\w+)\}/g, (_, name: string) => known[name]!),
      );
      expect([method, path, status < 500 && status !== 403]).toEqual([method, path, true]);
    }
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
    expect(grants.length).toBeGreaterThan(60);
    expect(grants.filter((grant) => !uses.some((use) => covers(grant, use))).map(named)).toEqual([]);
  });

  it('has used nothing that is not granted', () => {
    const grants = granted();
    const uses = used().filter(({ role }) => role !== '');
    expect(uses.filter((use) => !grants.some((grant) => covers(grant, use))).map(named)).toEqual([]);
  });

  it('knows every caller: what has no role is the operator, a partner’s account or the gateway', () => {
    const others = calls.filter(({ caller }) => caller.roleArn === undefined).map(({ caller }) => caller.kind);
    expect(new Set(others)).toEqual(new Set(['operator', 'account', 'REST API']));
  });
});
