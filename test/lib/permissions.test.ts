import { describe, expect, test } from 'vitest';
import { type Grant, grantsOf, resourcesOf, templateOf, withoutHash } from './synthesis.ts';

const grants = grantsOf(templateOf('prod'));

/** Wildcards that are there, each with the reason why it cannot be narrower. */
const WILDCARDS: Readonly<Record<string, string>> = {
  '*': 'X-Ray knows no resources.',
  '${WatchTablesHistory.Arn}/stream/*': 'ListStreams is about all streams of a table.',
  'arn:${AWS::Partition}:secretsmanager:${AWS::Region}:${AWS::AccountId}:secret:offer-relay/prod/offer-status/main-??????':
    'Secrets Manager ends the ARN of each secret with six characters of its own.',
  'arn:${AWS::Partition}:secretsmanager:${AWS::Region}:${AWS::AccountId}:secret:offer-relay/prod/pricing/main-??????':
    'As above.',
};

function allowedTo(role: string): Record<string, string[]> {
  const own = grants.filter((grant) => withoutHash(grant.role) === `${role}Role` && !isPlumbing(grant));
  const byResource = Map.groupBy(own, ({ resource }) => resource);
  return Object.fromEntries(
    [...byResource].map(([resource, list]) => [resource, list.map(({ action }) => action).sort()]),
  );
}

const isPlumbing = ({ action }: Grant): boolean => /^(?:logs|xray):/.test(action);

describe('permissions', () => {
  test('no action is a wildcard', () => {
    expect(grants.length).toBeGreaterThan(20);
    expect(grants.filter(({ action }) => action.includes('*'))).toEqual([]);
  });

  test('every resource with a wildcard is known and has its reason', () => {
    const used = new Set(grants.map(({ resource }) => resource).filter((resource) => /[*?]/.test(resource)));
    expect([...used].sort()).toEqual(Object.keys(WILDCARDS).sort());
  });

  test('only traces and streams are allowed on a star', () => {
    const starred = grants.filter(({ resource }) => resource.includes('*')).map(({ action }) => action);
    expect([...new Set(starred)].sort()).toEqual([
      'dynamodb:ListStreams',
      'xray:PutTelemetryRecords',
      'xray:PutTraceSegments',
    ]);
  });

  test('nobody creates log groups, and each function writes to its own', () => {
    const logs = grants.filter(({ action }) => action.startsWith('logs:'));
    expect(new Set(logs.map(({ action }) => action))).toEqual(new Set(['logs:CreateLogStream', 'logs:PutLogEvents']));
    for (const { role, resource } of logs) {
      expect(resource).toBe(`\${${withoutHash(role).replace(/Role$/, 'Logs')}.Arn}`);
    }
  });

  test('there are no policies besides those inside the roles', () => {
    const template = templateOf('prod');
    expect(resourcesOf(template, 'AWS::IAM::Policy').size).toBe(0);
    for (const [id, role] of resourcesOf(template, 'AWS::IAM::Role')) {
      expect([id, role.Properties['ManagedPolicyArns']]).toEqual([id, undefined]);
    }
  });

  test('the planner reads laps, keeps its place in the buckets and sends slices', () => {
    expect(allowedTo('TitleChecksPlanner')).toEqual({
      '${WatchTablesWatches.Arn}/index/lap': ['dynamodb:Query'],
      '${WatchTablesBuckets.Arn}': ['dynamodb:GetItem', 'dynamodb:UpdateItem'],
      '${TitleChecksQueuesSlices.Arn}': ['sqs:SendMessage'],
    });
  });

  test('the worker receives slices, records changes and reads its own secrets', () => {
    expect(allowedTo('TitleChecksWorker')).toEqual({
      '${TitleChecksQueuesSlices.Arn}': [
        'sqs:ChangeMessageVisibility',
        'sqs:DeleteMessage',
        'sqs:GetQueueAttributes',
        'sqs:ReceiveMessage',
        'sqs:SendMessage',
      ],
      '${TitleChecksQueuesDeadLetters.Arn}': ['sqs:SendMessage'],
      '${WatchTablesWatches.Arn}': ['dynamodb:BatchGetItem', 'dynamodb:UpdateItem'],
      '${WatchTablesHistory.Arn}': ['dynamodb:PutItem'],
      '${WatchTablesBuckets.Arn}': ['dynamodb:GetItem', 'dynamodb:UpdateItem'],
      'arn:${AWS::Partition}:secretsmanager:${AWS::Region}:${AWS::AccountId}:secret:offer-relay/prod/offer-status/main-??????':
        ['secretsmanager:GetSecretValue'],
    });
  });

  test('planner and worker of prices may do the same with queues and secrets of their own', () => {
    const renamed = (id: string): Record<string, unknown> =>
      JSON.parse(
        JSON.stringify(allowedTo(id))
          .replaceAll('PriceChecks', 'TitleChecks')
          .replaceAll('/pricing/', '/offer-status/'),
      ) as Record<string, unknown>;
    expect(renamed('PriceChecksPlanner')).toEqual(allowedTo('TitleChecksPlanner'));
    expect(renamed('PriceChecksWorker')).toEqual(allowedTo('TitleChecksWorker'));
  });

  test('the door for notifications finds watches and makes them urgent', () => {
    expect(allowedTo('NotificationsPricingTakeNotifications')).toEqual({
      '${NotificationsPricingQueue.Arn}': ['sqs:DeleteMessage', 'sqs:GetQueueAttributes', 'sqs:ReceiveMessage'],
      '${NotificationsPricingDeadLetters.Arn}': ['sqs:SendMessage'],
      '${WatchTablesWatches.Arn}': ['dynamodb:BatchGetItem', 'dynamodb:UpdateItem'],
    });
  });

  test('the publisher reads the stream, marks rows and puts events on the one bus', () => {
    expect(allowedTo('ChangePublishingPublishChanges')).toEqual({
      '${WatchTablesHistory.StreamArn}': [
        'dynamodb:DescribeStream',
        'dynamodb:GetRecords',
        'dynamodb:GetShardIterator',
      ],
      '${WatchTablesHistory.Arn}/stream/*': ['dynamodb:ListStreams'],
      '${WatchTablesHistory.Arn}': ['dynamodb:BatchGetItem', 'dynamodb:UpdateItem'],
      '${ChangePublishingChangeBus.Arn}': ['events:PutEvents'],
      '${ChangePublishingFailedBatches.Arn}': ['sqs:SendMessage'],
    });
  });

  test('the reconciler finds unpublished rows, marks them and puts events on the one bus', () => {
    expect(allowedTo('ChangePublishingRepublishChanges')).toEqual({
      '${WatchTablesHistory.Arn}/index/unpublished': ['dynamodb:Query'],
      '${WatchTablesHistory.Arn}': ['dynamodb:BatchGetItem', 'dynamodb:UpdateItem'],
      '${ChangePublishingChangeBus.Arn}': ['events:PutEvents'],
    });
  });

  test('a schedule may invoke its own function and nothing else', () => {
    expect(allowedTo('TitleChecksPlanSchedule')).toEqual({
      '${TitleChecksPlannerFunction.Arn}': ['lambda:InvokeFunction'],
    });
    expect(allowedTo('PriceChecksPlanSchedule')).toEqual({
      '${PriceChecksPlannerFunction.Arn}': ['lambda:InvokeFunction'],
    });
    expect(allowedTo('ChangePublishingReconcileSchedule')).toEqual({
      '${ChangePublishingRepublishChangesFunction.Arn}': ['lambda:InvokeFunction'],
    });
  });
});
