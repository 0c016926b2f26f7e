import { EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge';
import { GetQueueAttributesCommand, ReceiveMessageCommand, SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../lambdas/shared/clock.ts';
import { connectDatabase } from '../../lambdas/shared/database.ts';
import { priceWatchId, titleWatchId } from '../../lambdas/shared/watches.ts';
import { WatchStore } from '../../lambdas/shared/watches.store.ts';
import type { Cloud, ServiceCall } from '../../local/cloud/cloud.ts';
import { createCloud } from '../../local/cloud/cloud.ts';
import { synthesise } from '../../local/synthesise.ts';
import { until } from './local-stack.ts';

const STAGE = 'notified';
const BUS = 'aws.partner/primevideo.com/studio/offers';
const PRICE = priceWatchId({
  account: 'main',
  view: 'competitive',
  marketplaceId: 'ATVPDKIKX0DER',
  itemType: 'asin',
  condition: 'Any',
  customerType: 'Consumer',
  item: 'B000000001',
});
const TITLE = titleWatchId({ licensor: 'studio', marketplace: 'US', alid: 'features/1' });
const NOTIFICATION = JSON.stringify({
  NotificationType: 'ANY_OFFER_CHANGED',
  NotificationMetadata: { NotificationId: 'n1' },
  Payload: {
    AnyOfferChangedNotification: {
      SellerId: 'OTHER',
      OfferChangeTrigger: { MarketplaceId: 'ATVPDKIKX0DER', ASIN: 'B000000001', ItemCondition: 'new' },
    },
  },
});

const calls: ServiceCall[] = [];
let folder: string;
let cloud: Cloud;
let sqs: SQSClient;
let dynamodb: DynamoDBClient;
let watches: WatchStore<unknown>;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'offer-relay-notified-'));
  const config = join(folder, 'config');
  await mkdir(config);
  await writeFile(
    join(config, `${STAGE}.json`),
    JSON.stringify({
      removalPolicy: 'destroy',
      offerStatus: {
        accounts: { main: { licensors: ['studio'] } },
        notifications: { enabled: true, senderAccounts: ['111122223333'], eventBus: { name: BUS } },
      },
      pricing: { accounts: { main: { marketplaces: ['US'] } } },
    }),
  );
  await synthesise(STAGE, join(folder, 'cdk.out'), { config });
  await withoutSchedules(join(folder, 'cdk.out', `OfferRelay-${STAGE}.template.json`));
  cloud = await createCloud({
    assembly: join(folder, 'cdk.out'),
    dataDir: join(folder, 'cloud'),
    buses: [BUS],
    // The planners are not called here, on purpose.
    looseEnds: 'tell',
    onCall: (call) => calls.push(call),
    retryWaitScale: 0.001,
  });
  await cloud.start();
  const { credentials, region, endpoints, outputs } = cloud;
  sqs = new SQSClient({ endpoint: endpoints.sqs, region, credentials });
  dynamodb = new DynamoDBClient({ endpoint: endpoints.dynamodb, region, credentials });
  watches = new WatchStore(connectDatabase(dynamodb), outputs['WatchesTableName'] ?? '', systemClock);
  for (const watch of [
    { watchId: PRICE, bucketId: 'pricing|main|na|getCompetitivePricing' },
    { watchId: TITLE, bucketId: 'offer-status|main|global|status' },
  ]) {
    await watches.add(watch);
    await watches.place(watch, 'steady', {});
  }
}, 120_000);

afterAll(async () => {
  sqs?.destroy();
  dynamodb?.destroy();
  await cloud?.stop();
  await rm(folder, { recursive: true, force: true });
});

/** Nobody plans here: where a watch is put is what is looked at. */
async function withoutSchedules(file: string): Promise<void> {
  const template = JSON.parse(await readFile(file, 'utf8')) as { Resources: Record<string, { Type: string }> };
  const kept = Object.entries(template.Resources).filter(([, { Type }]) => Type !== 'AWS::Scheduler::Schedule');
  await writeFile(file, JSON.stringify({ ...template, Resources: Object.fromEntries(kept) }));
}

const send = (room: string, body: string) =>
  sqs.send(new SendMessageCommand({ QueueUrl: cloud.outputs[`${room}NotificationsQueueUrl`], MessageBody: body }));
const whereIs = async (watchId: string) => (await watches.whereabouts([watchId]))[0];
const classOf = async (watchId: string) => (await whereIs(watchId))?.lap?.split('#').at(-1);
const updates = () => calls.filter(({ operation, caller }) => operation === 'UpdateItem' && caller.kind === 'function');

/** Until the function has taken everything there is. */
async function drained(room: string): Promise<void> {
  const names = ['ApproximateNumberOfMessages', 'ApproximateNumberOfMessagesNotVisible'] as const;
  await until('the queue to be empty', async () => {
    const { Attributes = {} } = await sqs.send(
      new GetQueueAttributesCommand({
        QueueUrl: cloud.outputs[`${room}NotificationsQueueUrl`],
        AttributeNames: [...names],
      }),
    );
    return names.every((name) => Attributes[name] === '0');
  });
}

describe('notifications on the local cloud', () => {
  it('make a price watch urgent', async () => {
    await send('Pricing', NOTIFICATION);
    await until('the watch to be urgent', async () => (await classOf(PRICE)) === 'urgent');
    expect((await whereIs(PRICE))?.notified).toEqual(['n1']);
  });

  it('write nothing when they come again after the watch was looked at', async () => {
    await drained('Pricing');
    await watches.place({ watchId: PRICE, bucketId: 'pricing|main|na|getCompetitivePricing' }, 'steady', {});
    const before = updates().length;
    await send('Pricing', NOTIFICATION);
    await drained('Pricing');
    expect(updates()).toHaveLength(before);
    expect(await classOf(PRICE)).toBe('steady');
  });

  it('go to the dead-letter queue with the reason, and hold nothing up, when they cannot be understood', async () => {
    await send('Pricing', '{"NotificationType":"ORDER_CHANGE"}');
    await send('Pricing', NOTIFICATION.replace('"n1"', '"n2"'));
    await until('the watch to be urgent', async () => (await classOf(PRICE)) === 'urgent');
    const { Messages = [] } = await sqs.send(
      new ReceiveMessageCommand({
        QueueUrl: cloud.outputs['PricingNotificationsDeadLetterQueueUrl'],
        MessageAttributeNames: ['All'],
        WaitTimeSeconds: 10,
      }),
    );
    expect(Messages.map(({ Body, MessageAttributes }) => [Body, MessageAttributes?.['reason']?.StringValue])).toEqual([
      ['{"NotificationType":"ORDER_CHANGE"}', expect.stringContaining('UnknownNotification: ')],
    ]);
  });

  it('make a title urgent, by way of a bus that somebody else has made', async () => {
    const bridge = new EventBridgeClient({
      endpoint: cloud.endpoints.eventbridge,
      region: cloud.region,
      credentials: cloud.credentials,
    });
    const detail = { OfferStatus: { ALID: 'features/1', Licensor: { OrganizationID: 'studio' } } };
    const entry = {
      EventBusName: BUS,
      Source: 'primevideo',
      DetailType: 'OfferStatus',
      Detail: JSON.stringify(detail),
    };
    const { Entries: [put] = [] } = await bridge.send(new PutEventsCommand({ Entries: [entry] }));
    bridge.destroy();
    await until('the title to be urgent', async () => (await classOf(TITLE)) === 'urgent');
    expect((await whereIs(TITLE))?.notified).toEqual([put?.EventId]);
    await send('OfferStatus', 'not what anybody sends');
    await until('it to be put aside', () =>
      calls.some(({ operation, caller }) => operation === 'SendMessage' && caller.logicalId?.includes('OfferStatus')),
    );
  });

  it('need every permission that their functions and their rule have, and no other', async () => {
    await drained('OfferStatus');
    expect(calls.filter(({ refusal }) => refusal !== undefined)).toEqual([]);
    for (const room of ['Pricing', 'OfferStatus']) {
      const used = calls
        .filter(({ caller }) => caller.roleArn?.includes(`Notifications${room}`))
        .flatMap(({ permissions }) => permissions.map(({ action }) => action))
        .filter((action) => !/^(?:logs|xray):/.test(action));
      expect([...new Set(used)].sort()).toEqual([
        'dynamodb:BatchGetItem',
        'dynamodb:UpdateItem',
        'sqs:DeleteMessage',
        'sqs:GetQueueAttributes',
        'sqs:ReceiveMessage',
        'sqs:SendMessage',
      ]);
    }
  });
});
