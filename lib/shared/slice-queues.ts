import { Duration, Validations } from 'aws-cdk-lib';
import { DeduplicationScope, FifoThroughputLimit, Queue, QueueEncryption, type QueueProps } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import type { Settings } from '../../config/settings.ts';
import { removalPolicyOf } from './removal.ts';

export interface SliceQueuesProps {
  readonly settings: Settings;
}

/**
 * The queue between planner and workers, and where slices and watches go that cannot be checked.
 *
 * The message group is the token bucket: one worker at a time sends out of a bucket, and the groups of different
 * buckets do not slow one another.
 */
export class SliceQueues extends Construct {
  readonly slices: Queue;
  readonly deadLetters: Queue;

  constructor(scope: Construct, id: string, { settings }: SliceQueuesProps) {
    super(scope, id);

    const common = {
      fifo: true,
      // Every sender names what it sends: two slices of one bucket may well have the same body.
      contentBasedDeduplication: false,
      deduplicationScope: DeduplicationScope.MESSAGE_GROUP,
      fifoThroughputLimit: FifoThroughputLimit.PER_MESSAGE_GROUP_ID,
      encryption: QueueEncryption.SQS_MANAGED,
      enforceSSL: true,
      removalPolicy: removalPolicyOf(settings),
    } as const satisfies QueueProps;

    // No redrive allow policy: it would name the slices queue, which names this one, and only fixed names break the ring.
    this.deadLetters = new Queue(this, 'DeadLetters', { retentionPeriod: Duration.days(14), ...common });
    this.slices = new Queue(this, 'Slices', {
      // Above the worker's time-out, and short, so that a crash costs a bucket a minute and a half at most.
      visibilityTimeout: Duration.seconds(90),
      retentionPeriod: Duration.days(4),
      deadLetterQueue: { queue: this.deadLetters, maxReceiveCount: 10 },
      ...common,
    });
    Validations.of(this.deadLetters).acknowledge(
      { id: 'AwsSolutions-SQS3', reason: 'This is the dead-letter queue.' },
      { id: 'Serverless-SQSRedrivePolicy', reason: 'This is the dead-letter queue.' },
    );
  }
}
