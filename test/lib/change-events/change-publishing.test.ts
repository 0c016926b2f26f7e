import { Match } from 'aws-cdk-lib/assertions';
import { describe, expect, test } from 'vitest';
import { resourcesOf, templateOf } from '../synthesis.ts';

const template = templateOf('prod');

describe('change publishing', () => {
  test('reads every insert of the history stream from its beginning and gives up nothing unseen', () => {
    template.hasResourceProperties('AWS::Lambda::EventSourceMapping', {
      EventSourceArn: { 'Fn::GetAtt': [Match.stringLikeRegexp('^WatchTablesHistory'), 'StreamArn'] },
      StartingPosition: 'TRIM_HORIZON',
      FilterCriteria: { Filters: [{ Pattern: '{"eventName":["INSERT"]}' }] },
      BatchSize: 100,
      BisectBatchOnFunctionError: true,
      MaximumRetryAttempts: 10,
      FunctionResponseTypes: ['ReportBatchItemFailures'],
      DestinationConfig: {
        OnFailure: { Destination: { 'Fn::GetAtt': [Match.stringLikeRegexp('FailedBatches'), 'Arn'] } },
      },
    });
  });

  test('looks for unpublished changes as often as the settings say', () => {
    template.hasResourceProperties('AWS::Scheduler::Schedule', { ScheduleExpression: 'rate(5 minutes)' });
  });
});

describe('the change bus', () => {
  const subscribers = ['111122223333', '444455556666'];
  const shared = templateOf('prod', (settings) => ({
    ...settings,
    bus: { archiveDays: 7, subscriberAccounts: subscribers },
  }));

  test('archives its events for as long as the settings say', () => {
    template.hasResourceProperties('AWS::Events::Archive', {
      RetentionDays: 90,
      EventPattern: { source: ['offer-relay'] },
      SourceArn: { 'Fn::GetAtt': [Match.stringLikeRegexp('ChangeBus'), 'Arn'] },
    });
    shared.hasResourceProperties('AWS::Events::Archive', { RetentionDays: 7 });
  });

  test('is closed to other accounts by default', () => {
    template.resourceCountIs('AWS::Events::EventBusPolicy', 0);
  });

  test('lets each subscriber account manage rules that it created, and put no events', () => {
    shared.resourceCountIs('AWS::Events::EventBusPolicy', 1);
    shared.hasResourceProperties('AWS::Events::EventBusPolicy', {
      StatementId: 'OfferRelay-prod',
      Statement: {
        Sid: 'OfferRelay-prod',
        Effect: 'Allow',
        Principal: {
          AWS: subscribers.map((account) => ({ 'Fn::Join': ['', Match.arrayWith([`:iam::${account}:root`])] })),
        },
        Action: Match.arrayWith(['events:PutRule', 'events:DeleteRule', 'events:PutTargets']),
        Resource: { 'Fn::Join': ['', Match.arrayWith([':rule/', '/*'])] },
        Condition: { StringEqualsIfExists: { 'events:creatorAccount': '${aws:PrincipalAccount}' } },
      },
    });
    for (const policy of resourcesOf(shared, 'AWS::Events::EventBusPolicy').values()) {
      expect(JSON.stringify(policy)).not.toContain('events:PutEvents');
    }
  });
});
