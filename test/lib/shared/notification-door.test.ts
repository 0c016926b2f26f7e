import { Match } from 'aws-cdk-lib/assertions';
import { describe, expect, test } from 'vitest';
import * as z from 'zod';
import { loadSettings, type Settings } from '../../../config/settings.ts';
import { flatten, grantsOf, resourcesOf, templateOf, withoutHash } from '../synthesis.ts';
import { statementsOf } from '../queue-policies.ts';

type Notifications = Settings['runtime']['offerStatus']['notifications'];

/** The stage with both doors open. */
function withDoors(notifications: Partial<Notifications> = {}): (settings: Settings) => Settings {
  return (settings) => {
    const { offerStatus, pricing } = settings.runtime;
    return {
      ...settings,
      runtime: {
        ...settings.runtime,
        offerStatus: {
          ...offerStatus,
          notifications: { ...offerStatus.notifications, enabled: true, ...notifications },
        },
        pricing: { ...pricing, accounts: { ...pricing.accounts, main: { marketplaces: ['US'], sellerId: 'SELLER' } } },
      },
    };
  };
}

const SENDERS = ['111122223333', '444455556666'];
const BUS = 'aws.partner/primevideo.com/studio/offers';
const template = templateOf(
  'prod',
  withDoors({ senderAccounts: SENDERS, eventBus: { name: BUS, source: 'primevideo' } }),
);

const arnOf = (queue: string) => ({ 'Fn::GetAtt': [Match.stringLikeRegexp(`^${queue}`), 'Arn'] });
const rootOf = (account: string) => ({
  'Fn::Join': ['', ['arn:', { Ref: 'AWS::Partition' }, `:iam::${account}:root`]],
});

describe('the door for notifications of SP-API', () => {
  test("lets Amazon's account send and look at the queue, and nobody else", () => {
    const statements = statementsOf(template, 'NotificationsPricingQueue');
    expect(statements).toEqual([
      {
        Effect: 'Allow',
        Action: ['sqs:GetQueueAttributes', 'sqs:SendMessage'],
        Principal: { AWS: rootOf('437568002678') },
        Resource: { 'Fn::GetAtt': [expect.stringMatching(/^NotificationsPricingQueue/), 'Arn'] },
      },
    ]);
    expect(statementsOf(template, 'NotificationsPricingDeadLetters')).toEqual([]);
  });

  test('is a standard queue, as SP-API wants it, that gives up after five tries into one of its own', () => {
    template.hasResource('AWS::SQS::Queue', {
      Properties: {
        FifoQueue: Match.absent(),
        KmsMasterKeyId: Match.absent(),
        SqsManagedSseEnabled: true,
        MessageRetentionPeriod: 86_400,
        VisibilityTimeout: 185,
        RedrivePolicy: { maxReceiveCount: 5, deadLetterTargetArn: arnOf('NotificationsPricingDeadLetters') },
      },
      DeletionPolicy: 'Retain',
    });
  });

  test('hands a hundred messages at a time to no more than two functions, which answer for each of them', () => {
    template.hasResourceProperties('AWS::Lambda::EventSourceMapping', {
      EventSourceArn: arnOf('NotificationsPricingQueue'),
      FunctionName: { Ref: Match.stringLikeRegexp('^NotificationsPricingTakeNotificationsFunction') },
      BatchSize: 100,
      MaximumBatchingWindowInSeconds: 5,
      FunctionResponseTypes: ['ReportBatchItemFailures'],
      ScalingConfig: { MaximumConcurrency: 2 },
    });
  });

  test.each(['Pricing', 'OfferStatus'])('grants %s exactly what it uses', (room) => {
    const own = grantsOf(template).filter(
      ({ role, action }) =>
        withoutHash(role) === `Notifications${room}TakeNotificationsRole` && !/^(?:logs|xray):/.test(action),
    );
    expect(own.map(({ action, resource }) => `${action} ${resource}`).sort()).toEqual([
      'dynamodb:BatchGetItem ${WatchTablesWatches.Arn}',
      'dynamodb:UpdateItem ${WatchTablesWatches.Arn}',
      `sqs:DeleteMessage \${Notifications${room}Queue.Arn}`,
      `sqs:GetQueueAttributes \${Notifications${room}Queue.Arn}`,
      `sqs:ReceiveMessage \${Notifications${room}Queue.Arn}`,
      `sqs:SendMessage \${Notifications${room}DeadLetters.Arn}`,
    ]);
  });

  test('is closed where nobody sells anything, and where the settings close it', () => {
    const doorsOf = (change: (settings: Settings) => Settings) =>
      [...resourcesOf(templateOf('prod', change)).keys()].filter((id) => id.startsWith('NotificationsPricing'));
    const change = (pricing: Partial<Settings['runtime']['pricing']>) => (settings: Settings) => {
      const open = withDoors()(settings);
      return { ...open, runtime: { ...open.runtime, pricing: { ...open.runtime.pricing, ...pricing } } };
    };
    expect(doorsOf(withDoors())).not.toEqual([]);
    expect(doorsOf(change({ accounts: {} }))).toEqual([]);
    expect(doorsOf(change({ notifications: { enabled: false } }))).toEqual([]);
  });

  test('says where subscriptions are to point', () => {
    for (const output of ['QueueUrl', 'QueueArn', 'DeadLetterQueueUrl', 'DeadLetterQueueArn']) {
      template.hasOutput(`PricingNotifications${output}`, {});
      template.hasOutput(`OfferStatusNotifications${output}`, {});
    }
  });

  test('raises an alarm when something was not understood, and when nothing is taken', () => {
    for (const [queue, metric] of [
      ['NotificationsPricingDeadLetters', 'ApproximateNumberOfMessagesVisible'],
      ['NotificationsPricingQueue', 'ApproximateAgeOfOldestMessage'],
    ] as const) {
      template.hasResourceProperties('AWS::CloudWatch::Alarm', {
        MetricName: metric,
        Dimensions: [
          { Name: 'QueueName', Value: { 'Fn::GetAtt': [Match.stringLikeRegexp(`^${queue}`), 'QueueName'] } },
        ],
        AlarmDescription: Match.stringLikeRegexp('Impact: .* First: '),
      });
    }
  });
});

describe('the door for notifications of Prime Video', () => {
  const [[ruleId, rule] = []] = resourcesOf(template, 'AWS::Events::Rule');

  test('lets the named accounts and the one rule send, and the rule put aside what it cannot deliver', () => {
    const fromRule = (queue: string) => ({
      Effect: 'Allow',
      Action: 'sqs:SendMessage',
      Principal: { Service: 'events.amazonaws.com' },
      Resource: { 'Fn::GetAtt': [expect.stringMatching(new RegExp(`^${queue}`)), 'Arn'] },
      Condition: {
        ArnEquals: { 'aws:SourceArn': { 'Fn::GetAtt': [ruleId, 'Arn'] } },
        StringEquals: { 'aws:SourceAccount': { Ref: 'AWS::AccountId' } },
      },
    });
    expect(statementsOf(template, 'NotificationsOfferStatusQueue')).toEqual([
      {
        Effect: 'Allow',
        Action: ['sqs:GetQueueAttributes', 'sqs:SendMessage'],
        Principal: { AWS: SENDERS.map(rootOf) },
        Resource: { 'Fn::GetAtt': [expect.stringMatching(/^NotificationsOfferStatusQueue/), 'Arn'] },
      },
      fromRule('NotificationsOfferStatusQueue'),
    ]);
    expect(statementsOf(template, 'NotificationsOfferStatusDeadLetters')).toEqual([
      fromRule('NotificationsOfferStatusDeadLetters'),
    ]);
  });

  test('takes the events of one source, or of the whole bus', () => {
    expect(rule?.Properties).toMatchObject({ EventBusName: BUS, EventPattern: { source: ['primevideo'] } });
    const whole = templateOf('prod', withDoors({ eventBus: { name: BUS } }));
    whole.hasResourceProperties('AWS::Events::Rule', { EventPattern: { source: [{ prefix: '' }] } });
    const [target] = z
      .array(z.object({ Arn: z.unknown(), DeadLetterConfig: z.object({ Arn: z.unknown() }) }))
      .parse(rule?.Properties['Targets']);
    expect(flatten(target?.Arn)).toBe('${NotificationsOfferStatusQueue.Arn}');
    expect(flatten(target?.DeadLetterConfig.Arn)).toBe('${NotificationsOfferStatusDeadLetters.Arn}');
  });

  test('lets nobody in from outside where the settings name nobody', () => {
    expect(statementsOf(templateOf('prod', withDoors()), 'NotificationsOfferStatusQueue')).toEqual([]);
  });

  test('is closed by itself', () => {
    const settings = loadSettings('prod');
    expect(settings.runtime.offerStatus.notifications.enabled).toBe(false);
    expect([...resourcesOf(templateOf('prod')).keys()].filter((id) => id.includes('NotificationsOfferStatus'))).toEqual(
      [],
    );
  });
});
