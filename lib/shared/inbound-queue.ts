import { Aws, Duration, Validations } from 'aws-cdk-lib';
import { type AddToResourcePolicyResult, PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { EventSourceMapping, type IFunction } from 'aws-cdk-lib/aws-lambda';
import { Queue, QueueEncryption, type QueueProps } from 'aws-cdk-lib/aws-sqs';
import type { Construct } from 'constructs';
import type { Settings } from '../../config/settings.ts';
import { removalPolicyOf } from './removal.ts';

/** A standard queue that somebody outside sends to, and its dead-letter queue. */
export interface InboundQueue {
  readonly queue: Queue;
  readonly deadLetters: Queue;
}

export interface InboundQueueProps {
  /** Time-out of the function that takes the messages. */
  readonly takerTimeout: Duration;
  /** How long the function's mapping waits for a batch to fill. */
  readonly batchingWindow: Duration;
  /** How long a message that cannot be taken waits: less than in the dead-letter queue, where it keeps its age. */
  readonly retentionPeriod: Duration;
  readonly settings: Settings;
}

/** Defines the two queues in a scope, as `Queue` and `DeadLetters`. A message that five tries could not take is put aside. */
export function defineInboundQueue(scope: Construct, props: InboundQueueProps): InboundQueue {
  const common = {
    encryption: QueueEncryption.SQS_MANAGED,
    enforceSSL: true,
    removalPolicy: removalPolicyOf(props.settings),
  } as const satisfies QueueProps;
  // No redrive allow policy: it would name the queue, which names this one, and only fixed names break the ring.
  const deadLetters = new Queue(scope, 'DeadLetters', { retentionPeriod: Duration.days(14), ...common });
  Validations.of(deadLetters).acknowledge(
    { id: 'AwsSolutions-SQS3', reason: 'This is the dead-letter queue.' },
    { id: 'Serverless-SQSRedrivePolicy', reason: 'This is the dead-letter queue.' },
  );
  const queue = new Queue(scope, 'Queue', {
    // As Lambda advises: six times the function's time-out, and the batching window.
    visibilityTimeout: Duration.seconds(6 * props.takerTimeout.toSeconds() + props.batchingWindow.toSeconds()),
    retentionPeriod: props.retentionPeriod,
    deadLetterQueue: { queue: deadLetters, maxReceiveCount: 5 },
    ...common,
  });
  return { queue, deadLetters };
}

export interface InboundMappingProps {
  readonly taker: IFunction;
  readonly batchSize: number;
  readonly batchingWindow: Duration;
  /** Functions that run at once. */
  readonly maxConcurrency: number;
}

/** Hands a queue's messages to a function that answers for each of them by itself. */
export function defineInboundMapping(
  scope: Construct,
  id: string,
  { queue }: InboundQueue,
  props: InboundMappingProps,
) {
  const mapping = new EventSourceMapping(scope, id, {
    target: props.taker,
    eventSourceArn: queue.queueArn,
    batchSize: props.batchSize,
    maxBatchingWindow: props.batchingWindow,
    maxConcurrency: props.maxConcurrency,
    reportBatchItemFailures: true,
  });
  Validations.of(mapping).acknowledge({
    id: 'Serverless-LambdaEventSourceMappingDestination',
    reason: "A queue's mapping has no such destination; the redrive policy of the queue does that work.",
  });
}

/**
 * Lets EventBridge send to a queue on behalf of a rule of this account.
 *
 * @param ruleArn ARN of the rule; a star in it stands for anything
 */
export function letRuleSend(queue: Queue, ruleArn: string): AddToResourcePolicyResult {
  return queue.addToResourcePolicy(
    new PolicyStatement({
      principals: [new ServicePrincipal('events.amazonaws.com')],
      actions: ['sqs:SendMessage'],
      resources: [queue.queueArn],
      conditions: {
        // Judged in the same way as ArnLike.
        ArnEquals: { 'aws:SourceArn': ruleArn },
        StringEquals: { 'aws:SourceAccount': Aws.ACCOUNT_ID },
      },
    }),
  );
}
