import { Match } from 'aws-cdk-lib/assertions';
import { describe, expect, test } from 'vitest';
import * as z from 'zod';
import type { Settings } from '../../../config/settings.ts';
import { statementsOf } from '../queue-policies.ts';
import { allowedTo, flatten, functionOf, resourcesOf, templateOf } from '../synthesis.ts';

const BUS = 'aws.partner/buywithprime/example-shop';

/** The stage with Buy with Prime's events taken from a bus. */
function takingFrom(eventBus: { name: string; source?: string }): (settings: Settings) => Settings {
  return (settings) => {
    const buyWithPrime = { ...settings.runtime.buyWithPrime, events: { eventBus } };
    return { ...settings, runtime: { ...settings.runtime, buyWithPrime } };
  };
}

const template = templateOf('prod', takingFrom({ name: BUS }));

const Rule = z.object({
  Properties: z.object({
    EventBusName: z.string(),
    EventPattern: z.unknown(),
    Targets: z.tuple([
      z.strictObject({
        Id: z.string(),
        Arn: z.unknown(),
        InputTransformer: z.object({ InputPathsMap: z.record(z.string(), z.string()), InputTemplate: z.string() }),
        RetryPolicy: z.unknown(),
      }),
    ]),
  }),
  DependsOn: z.array(z.string()),
});
const Resources = z.object({ Resources: z.record(z.string(), z.looseObject({ Type: z.string() })) });

/** The stack's only rule. */
function ruleOf(from: typeof template) {
  const rules = Object.entries(Resources.parse(from.toJSON()).Resources).filter(
    ([, { Type }]) => Type === 'AWS::Events::Rule',
  );
  expect(rules).toHaveLength(1);
  const [[id, rule] = []] = rules;
  return { id, ...Rule.parse(rule) };
}

describe("the way in for Buy with Prime's own events", () => {
  const rule = ruleOf(template);
  const [target] = rule.Properties.Targets;

  test('is a rule on the named bus, for the sources of Buy with Prime or the one that is named', () => {
    expect(rule.Properties.EventBusName).toBe(BUS);
    expect(rule.Properties.EventPattern).toEqual({ source: [{ prefix: 'aws.partner/buywithprime' }] });
    const one = ruleOf(templateOf('prod', takingFrom({ name: BUS, source: BUS })));
    expect(one.Properties.EventPattern).toEqual({ source: [BUS] });
  });

  test('passes on what tells events apart and what they are about, and no data', () => {
    expect(flatten(target.Arn)).toBe('${BuyWithPrimeEventsQueue.Arn}');
    const { InputPathsMap: paths, InputTemplate: text } = target.InputTransformer;
    // Each placeholder by itself, in front of its path.
    const passedOn: unknown = JSON.parse(text.replaceAll(/<([^>]+)>/g, (_, name: string) => `"${paths[name] ?? ''}"`));
    expect(passedOn).toEqual({
      id: '$.id',
      time: '$.time',
      'detail-type': '$.detail-type',
      source: '$.source',
      resources: '$.resources',
      detail: {
        idempotencyKey: '$.detail.idempotencyKey',
        eventDescriptor: '$.detail.eventDescriptor',
        resources: '$.detail.resources',
        eventId: '$.detail.eventId',
        apiVersion: '$.detail.apiVersion',
        subscriptionId: '$.detail.subscriptionId',
        eventTime: '$.detail.eventTime',
      },
    });
    expect(Object.keys(paths)).toHaveLength(12);
  });

  test('tries to deliver for as long as EventBridge does, and gives no event to a dead-letter queue of the rule', () => {
    expect(target.RetryPolicy).toEqual({ MaximumRetryAttempts: 185, MaximumEventAgeInSeconds: 86_400 });
    expect(Object.keys(target)).not.toContain('DeadLetterConfig');
    expect(statementsOf(template, 'BuyWithPrimeEventsDeadLetters')).toEqual([]);
  });

  test('lets rules of that bus send to the queue, and nobody else, before the rule is there', () => {
    const [statement, ...others] = statementsOf(template, 'BuyWithPrimeEventsQueue');
    expect(others).toEqual([]);
    expect(statement).toMatchObject({
      Effect: 'Allow',
      Action: 'sqs:SendMessage',
      Principal: { Service: 'events.amazonaws.com' },
      Condition: { StringEquals: { 'aws:SourceAccount': { Ref: 'AWS::AccountId' } } },
    });
    const { Condition } = z
      .object({ Condition: z.object({ ArnEquals: z.object({ 'aws:SourceArn': z.unknown() }) }) })
      .parse(statement);
    expect(flatten(Condition.ArnEquals['aws:SourceArn'])).toBe(
      `arn:\${AWS::Partition}:events:\${AWS::Region}:\${AWS::AccountId}:rule/${BUS}/*`,
    );
    expect(rule.DependsOn).toEqual([expect.stringMatching(/^BuyWithPrimeEventsQueuePolicy/)]);
  });

  test('keeps what cannot be taken for a week, and then for another one with its reason', () => {
    template.hasResource('AWS::SQS::Queue', {
      Properties: {
        SqsManagedSseEnabled: true,
        MessageRetentionPeriod: 7 * 86_400,
        VisibilityTimeout: 181,
        RedrivePolicy: {
          maxReceiveCount: 5,
          deadLetterTargetArn: { 'Fn::GetAtt': [Match.stringLikeRegexp('^BuyWithPrimeEventsDeadLetters'), 'Arn'] },
        },
      },
      DeletionPolicy: 'Retain',
    });
    template.hasResourceProperties('AWS::Lambda::EventSourceMapping', {
      FunctionName: { Ref: Match.stringLikeRegexp('^BuyWithPrimeEventsTakeEventsFunction') },
      FunctionResponseTypes: ['ReportBatchItemFailures'],
      ScalingConfig: { MaximumConcurrency: 5 },
    });
  });

  test('is taken by a function that may write history, and nothing besides', () => {
    expect(allowedTo(template, 'BuyWithPrimeEventsTakeEvents')).toEqual([
      'dynamodb:PutItem ${WatchTablesHistory.Arn}',
      'sqs:DeleteMessage ${BuyWithPrimeEventsQueue.Arn}',
      'sqs:GetQueueAttributes ${BuyWithPrimeEventsQueue.Arn}',
      'sqs:ReceiveMessage ${BuyWithPrimeEventsQueue.Arn}',
      'sqs:SendMessage ${BuyWithPrimeEventsDeadLetters.Arn}',
    ]);
    expect(functionOf(template, 'BuyWithPrimeEventsTakeEvents')?.variables).toEqual({
      HISTORY_TABLE: '${WatchTablesHistory}',
      DEAD_LETTER_QUEUE_URL: '${BuyWithPrimeEventsDeadLetters}',
    });
  });

  test('raises an alarm when events are dropped, put aside or not taken', () => {
    const alarm = (properties: object) =>
      template.hasResourceProperties('AWS::CloudWatch::Alarm', {
        ...properties,
        AlarmDescription: Match.stringLikeRegexp('Impact: .* First: '),
      });
    const queueName = (queue: string) => [
      { Name: 'QueueName', Value: { 'Fn::GetAtt': [Match.stringLikeRegexp(`^${queue}`), 'QueueName'] } },
    ];
    alarm({
      MetricName: 'ApproximateNumberOfMessagesVisible',
      Dimensions: queueName('BuyWithPrimeEventsDeadLetters'),
      Threshold: 0,
    });
    alarm({ MetricName: 'ApproximateAgeOfOldestMessage', Dimensions: queueName('BuyWithPrimeEventsQueue') });
    alarm({
      Namespace: 'AWS/Events',
      MetricName: 'FailedInvocations',
      Dimensions: [
        { Name: 'EventBusName', Value: BUS },
        { Name: 'RuleName', Value: { 'Fn::Select': [1, { 'Fn::Split': ['|', { Ref: rule.id }] }] } },
      ],
      Threshold: 0,
      TreatMissingData: 'notBreaching',
    });
  });

  test('knows how rules of the default bus are called', () => {
    const onDefault = templateOf('prod', takingFrom({ name: 'default' }));
    const { id } = ruleOf(onDefault);
    onDefault.hasResourceProperties('AWS::CloudWatch::Alarm', {
      MetricName: 'FailedInvocations',
      Dimensions: [{ Name: 'RuleName', Value: { Ref: id } }],
    });
    expect(JSON.stringify(statementsOf(onDefault, 'BuyWithPrimeEventsQueue'))).toContain(':rule/*"');
  });

  test('says where the queues are', () => {
    for (const output of ['QueueUrl', 'QueueArn', 'DeadLetterQueueUrl', 'DeadLetterQueueArn']) {
      template.hasOutput(`BuyWithPrimeEvents${output}`, {});
    }
  });

  test('is not there unless the settings name a bus', () => {
    const ids = [...resourcesOf(templateOf('prod')).keys()].filter((id) => id.includes('BuyWithPrimeEvents'));
    expect(ids).toEqual([]);
  });
});
