import { Match } from 'aws-cdk-lib/assertions';
import { describe, expect, test } from 'vitest';
import { entitlementsWith, partnerWith, stageWith, webhook } from '../partner-api/partner-stages.ts';
import { allowedTo, functionOf, resourcesOf, withoutHash } from '../synthesis.ts';

const template = stageWith();
const SECRET = 'arn:${AWS::Partition}:secretsmanager:${AWS::Region}:${AWS::AccountId}:secret:';
const RESOURCE = 'arn:aws:execute-api:eu-west-1:444455556666:abc123/prod/*';
const webhooks = stageWith({
  partners: {
    keyed: partnerWith({ entitlements: entitlementsWith({ granter: webhook() }) }),
    named: partnerWith({ entitlements: entitlementsWith({ granter: webhook(), secret: 'team/keys' }) }),
    signed: partnerWith({
      entitlements: entitlementsWith({
        granter: webhook({ kind: 'sigv4', service: 'execute-api', region: 'eu-west-1', resourceArn: RESOURCE }),
      }),
    }),
    pushed: partnerWith({ entitlements: entitlementsWith({ push: true }) }),
  },
});

const RESUMER = [
  'dynamodb:GetItem ${EntitlementsStoreEntitlements.Arn}',
  'dynamodb:PutItem ${WatchTablesHistory.Arn}',
  'dynamodb:UpdateItem ${EntitlementsStoreEntitlements.Arn}',
  'sqs:ChangeMessageVisibility ${EntitlementsQueue.Arn}',
  'sqs:DeleteMessage ${EntitlementsQueue.Arn}',
  'sqs:GetQueueAttributes ${EntitlementsQueue.Arn}',
  'sqs:ReceiveMessage ${EntitlementsQueue.Arn}',
  'sqs:SendMessage ${EntitlementsDeadLetters.Arn}',
];

describe('the grants queue', () => {
  test.each([
    [1, 21],
    [12, 32],
    [100, 120],
  ])('leaves it to the function to give up: of %d tries, redrives after %d receipts', (grantAttempts, receipts) => {
    const queue = stageWith({ entitlements: { grantAttempts } });
    queue.hasResource('AWS::SQS::Queue', {
      Properties: {
        FifoQueue: Match.absent(),
        SqsManagedSseEnabled: true,
        // Four days: a hundred tries that are a quarter of an hour apart take one.
        MessageRetentionPeriod: 345_600,
        VisibilityTimeout: 6 * (functionOf(queue, 'EntitlementsResumeGrants')?.Timeout ?? 0),
        RedrivePolicy: {
          maxReceiveCount: receipts,
          deadLetterTargetArn: { 'Fn::GetAtt': [Match.stringLikeRegexp('^EntitlementsDeadLetters'), 'Arn'] },
        },
      },
      DeletionPolicy: 'Retain',
    });
  });

  test('keeps dead letters for longer than the grants themselves, whose age they take along', () => {
    const [deadLetters] = [...resourcesOf(template, 'AWS::SQS::Queue')].filter(
      ([id]) => withoutHash(id) === 'EntitlementsDeadLetters',
    );
    expect(deadLetters?.[1].Properties['MessageRetentionPeriod']).toBe(14 * 86_400);
  });

  test('is worked off a few grants at a time, each of which is answered for', () => {
    template.hasResourceProperties('AWS::Lambda::EventSourceMapping', {
      EventSourceArn: { 'Fn::GetAtt': [Match.stringLikeRegexp('^EntitlementsQueue'), 'Arn'] },
      FunctionName: { Ref: Match.stringLikeRegexp('^EntitlementsResumeGrantsFunction') },
      BatchSize: 5,
      FunctionResponseTypes: ['ReportBatchItemFailures'],
      ScalingConfig: { MaximumConcurrency: 10 },
    });
  });

  test('says where it is, to be redriven to', () => {
    for (const output of ['GrantsQueue', 'GrantsDeadLetterQueue']) {
      template.hasOutput(`${output}Url`, {});
      template.hasOutput(`${output}Arn`, {});
    }
    template.hasOutput('EntitlementsTableName', {});
  });
});

describe('the function that resumes grants', () => {
  test('may grant by the inventory, give up, and nothing else', () => {
    expect(allowedTo(template, 'EntitlementsResumeGrants')).toEqual(RESUMER);
  });

  test('may read the keys of webhooks, and no other secret, and call what signs for a role', () => {
    expect(allowedTo(webhooks, 'EntitlementsResumeGrants')).toEqual(
      [
        ...RESUMER,
        `execute-api:Invoke ${RESOURCE}`,
        `secretsmanager:GetSecretValue ${SECRET}offer-relay/prod/entitlements/keyed-??????`,
        `secretsmanager:GetSecretValue ${SECRET}team/keys-??????`,
      ].sort(),
    );
  });

  test('knows the tables and both queues', () => {
    expect(functionOf(template, 'EntitlementsResumeGrants')?.variables).toEqual({
      ENTITLEMENTS_TABLE: '${EntitlementsStoreEntitlements}',
      HISTORY_TABLE: '${WatchTablesHistory}',
      GRANTS_QUEUE_URL: '${EntitlementsQueue}',
      DEAD_LETTER_QUEUE_URL: '${EntitlementsDeadLetters}',
    });
  });
});

describe('the sweeper', () => {
  test('may look at what is open, mark what is stuck, tell it and send grants; it needs no secret', () => {
    const expected = [
      'dynamodb:PutItem ${WatchTablesHistory.Arn}',
      'dynamodb:Query ${EntitlementsStoreEntitlements.Arn}/index/open',
      'dynamodb:UpdateItem ${EntitlementsStoreEntitlements.Arn}',
      'sqs:SendMessage ${EntitlementsQueue.Arn}',
    ];
    expect(allowedTo(template, 'EntitlementsSweepEntitlements')).toEqual(expected);
    expect(allowedTo(webhooks, 'EntitlementsSweepEntitlements')).toEqual(expected);
    expect(functionOf(template, 'EntitlementsSweepEntitlements')?.variables).toEqual({
      ENTITLEMENTS_TABLE: '${EntitlementsStoreEntitlements}',
      HISTORY_TABLE: '${WatchTablesHistory}',
      GRANTS_QUEUE_URL: '${EntitlementsQueue}',
    });
  });

  test('runs as often as the settings say, and drops a tick that is late', () => {
    const seldom = stageWith({ sweep: 'rate(60 minutes)' });
    const [schedule] = [...resourcesOf(seldom, 'AWS::Scheduler::Schedule')].filter(([id]) =>
      id.startsWith('EntitlementsSweepSchedule'),
    );
    expect(schedule?.[1].Properties).toMatchObject({
      ScheduleExpression: 'rate(60 minutes)',
      Target: { Arn: { 'Fn::GetAtt': [expect.stringMatching(/^EntitlementsSweepEntitlementsFunction/), 'Arn'] } },
    });
    template.hasResourceProperties('AWS::Lambda::EventInvokeConfig', {
      FunctionName: { Ref: Match.stringLikeRegexp('^EntitlementsSweepEntitlementsFunction') },
      MaximumEventAgeInSeconds: 60,
      MaximumRetryAttempts: 0,
    });
    expect(allowedTo(template, 'EntitlementsSweepSchedule')).toEqual([
      'lambda:InvokeFunction ${EntitlementsSweepEntitlementsFunction.Arn}',
    ]);
  });
});
