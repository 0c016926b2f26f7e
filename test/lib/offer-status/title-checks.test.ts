import { Match } from 'aws-cdk-lib/assertions';
import { describe, expect, test } from 'vitest';
import { flatten, resourcesOf, templateOf, withoutHash } from '../synthesis.ts';

const template = templateOf('prod');

describe('title checks', () => {
  test('queue slices in groups that do not slow one another', () => {
    template.hasResource('AWS::SQS::Queue', {
      Properties: {
        FifoQueue: true,
        ContentBasedDeduplication: false,
        DeduplicationScope: 'messageGroup',
        FifoThroughputLimit: 'perMessageGroupId',
        VisibilityTimeout: 90,
        MessageRetentionPeriod: 4 * 86_400,
        SqsManagedSseEnabled: true,
        RedrivePolicy: { maxReceiveCount: 10, deadLetterTargetArn: Match.anyValue() },
      },
    });
  });

  test('keep dead letters for 14 days in a FIFO queue', () => {
    template.hasResourceProperties('AWS::SQS::Queue', {
      FifoQueue: true,
      MessageRetentionPeriod: 14 * 86_400,
      SqsManagedSseEnabled: true,
      RedrivePolicy: Match.absent(),
    });
  });

  test('refuse requests to any queue that are not encrypted on their way', () => {
    expect(resourcesOf(template, 'AWS::SQS::QueuePolicy').size).toBe(resourcesOf(template, 'AWS::SQS::Queue').size);
    template.allResourcesProperties('AWS::SQS::QueuePolicy', {
      PolicyDocument: {
        Statement: Match.arrayWith([
          Match.objectLike({
            Effect: 'Deny',
            Action: 'sqs:*',
            Condition: { Bool: { 'aws:SecureTransport': 'false' } },
          }),
        ]),
      },
    });
  });

  test('give a worker one slice at a time and as many workers as the settings say', () => {
    template.hasResourceProperties('AWS::Lambda::EventSourceMapping', {
      EventSourceArn: { 'Fn::GetAtt': [Match.stringLikeRegexp('QueuesSlices'), 'Arn'] },
      BatchSize: 1,
      FunctionResponseTypes: ['ReportBatchItemFailures'],
      ScalingConfig: { MaximumConcurrency: 10 },
    });
  });

  test('hide a slice for longer than its worker may run', () => {
    template.hasResourceProperties('AWS::Lambda::Function', {
      Description: Match.stringLikeRegexp('^Slices queue'),
      Timeout: 60,
    });
  });

  test('plan every minute, dropping ticks that are late', () => {
    template.hasResourceProperties('AWS::Scheduler::Schedule', {
      ScheduleExpression: 'rate(1 minute)',
      FlexibleTimeWindow: { Mode: 'OFF' },
      State: Match.absent(),
      StartDate: Match.absent(),
      Target: {
        Arn: { 'Fn::GetAtt': [Match.stringLikeRegexp('PlannerFunction'), 'Arn'] },
        RetryPolicy: { MaximumEventAgeInSeconds: 60, MaximumRetryAttempts: 2 },
      },
    });
    template.allResourcesProperties('AWS::Lambda::EventInvokeConfig', {
      MaximumEventAgeInSeconds: 60,
      MaximumRetryAttempts: 0,
    });
  });

  test('let the worker, and nobody else, send to the queue that invokes it for as long as it takes', () => {
    const loops = [...resourcesOf(template, 'AWS::Lambda::Function')].flatMap(([id, { Properties }]) =>
      Properties['RecursiveLoop'] === undefined ? [] : [[withoutHash(id), Properties['RecursiveLoop']]],
    );
    expect(loops).toEqual([
      ['TitleChecksWorkerFunction', 'Allow'],
      ['PriceChecksWorkerFunction', 'Allow'],
    ]);
  });

  test('deploy the planner after the worker', () => {
    template.hasResource('AWS::Lambda::Function', {
      Properties: { Description: Match.stringLikeRegexp('^Schedule: tops up') },
      DependsOn: Match.arrayWith([Match.stringLikeRegexp('^TitleChecksWorkerFunction')]),
    });
  });

  test('read the secret that an account names instead of the usual one', () => {
    const named = templateOf('prod', (settings) => ({
      ...settings,
      runtime: {
        ...settings.runtime,
        offerStatus: {
          ...settings.runtime.offerStatus,
          accounts: { main: { licensors: ['a'], secret: 'team/amazon' } },
        },
      },
    }));
    expect(JSON.stringify(named.toJSON())).toContain('secret:team/amazon-??????');
    expect(JSON.stringify(named.toJSON())).not.toContain('offer-relay/prod/offer-status/main');
  });

  test('never wait for reserved concurrency', () => {
    template.allResourcesProperties('AWS::Lambda::Function', { ReservedConcurrentExecutions: Match.absent() });
  });

  test('point the worker at the tables and queues of its own stack', () => {
    const [worker] = [...resourcesOf(template, 'AWS::Lambda::Function').values()].filter((resource) =>
      JSON.stringify(resource.Properties['Environment']).includes('DEAD_LETTER_QUEUE_URL'),
    );
    const { Variables } = worker?.Properties['Environment'] as { Variables: Record<string, unknown> };
    expect(Object.fromEntries(Object.entries(Variables).map(([name, value]) => [name, flatten(value)]))).toEqual({
      WATCHES_TABLE: '${WatchTablesWatches}',
      HISTORY_TABLE: '${WatchTablesHistory}',
      BUCKETS_TABLE: '${WatchTablesBuckets}',
      SLICES_QUEUE_URL: '${TitleChecksQueuesSlices}',
      DEAD_LETTER_QUEUE_URL: '${TitleChecksQueuesDeadLetters}',
    });
  });
});
