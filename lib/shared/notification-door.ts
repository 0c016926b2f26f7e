import { Duration } from 'aws-cdk-lib';
import { CfnRule } from 'aws-cdk-lib/aws-events';
import { AccountPrincipal, PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { Queue } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import type { Settings } from '../../config/settings.ts';
import type { TakerEnvironment } from '../../lambdas/shared/notifications/notification-taker.ts';
import { HandlerFunction } from './handler-function.ts';
import { defineInboundMapping, defineInboundQueue, type InboundQueue, letRuleSend } from './inbound-queue.ts';
import type { WatchTables } from './watch-tables.ts';

export interface NotificationDoorProps {
  readonly room: 'offer-status' | 'pricing';
  /** Who sends, for descriptions, such as `SP-API`. */
  readonly sender: string;
  /** AWS accounts that may send to the queue. */
  readonly senderAccounts: readonly string[];
  /**
   * A bus of this account and region whose events are put into the queue: all of them, or those of one source.
   *
   * @default - none
   */
  readonly eventBus?: { readonly name: string; readonly source?: string | undefined } | undefined;
  readonly tables: WatchTables;
  readonly settings: Settings;
}

const TIMEOUT = Duration.seconds(30);
const BATCHING_WINDOW = Duration.seconds(5);

/** Where an upstream tells of changes: a queue of ours that it may send to, and the function that makes watches urgent. */
export class NotificationDoor extends Construct implements InboundQueue {
  readonly room: NotificationDoorProps['room'];
  readonly queue: Queue;
  readonly deadLetters: Queue;
  readonly taker: HandlerFunction<TakerEnvironment>;

  constructor(scope: Construct, id: string, props: NotificationDoorProps) {
    super(scope, id);
    const { senderAccounts, eventBus, settings } = props;
    this.room = props.room;

    const { queue, deadLetters } = defineInboundQueue(this, {
      takerTimeout: TIMEOUT,
      batchingWindow: BATCHING_WINDOW,
      // Polling has made up for a notification that is older.
      retentionPeriod: Duration.days(1),
      settings,
    });
    this.queue = queue;
    this.deadLetters = deadLetters;
    if (senderAccounts.length > 0) {
      this.queue.addToResourcePolicy(
        new PolicyStatement({
          principals: senderAccounts.map((account) => new AccountPrincipal(account)),
          actions: ['sqs:SendMessage', 'sqs:GetQueueAttributes'],
          resources: [this.queue.queueArn],
        }),
      );
    }
    if (eventBus) this.defineRule(eventBus, props);
    this.taker = this.defineTaker(props);
  }

  private defineTaker({ room, sender, tables, settings }: NotificationDoorProps) {
    const taker = new HandlerFunction<TakerEnvironment>(this, 'TakeNotifications', {
      handler: `${room}/take-notifications`,
      description: `Notifications of ${sender}: makes the watches urgent that they are about.`,
      timeout: TIMEOUT,
      memorySize: 256,
      environment: {
        WATCHES_TABLE: tables.watches.tableName,
        DEAD_LETTER_QUEUE_URL: this.deadLetters.queueUrl,
      },
      permissions: [
        {
          actions: ['sqs:ReceiveMessage', 'sqs:DeleteMessage', 'sqs:GetQueueAttributes'],
          resources: [this.queue.queueArn],
        },
        { actions: ['dynamodb:BatchGetItem', 'dynamodb:UpdateItem'], resources: [tables.watches.tableArn] },
        { actions: ['sqs:SendMessage'], resources: [this.deadLetters.queueArn] },
      ],
      settings,
    });
    defineInboundMapping(this, 'QueueToTakeNotifications', this, {
      taker: taker.function,
      batchSize: 100,
      batchingWindow: BATCHING_WINDOW,
      // A flood waits in the queue: the watches that it is about are urgent after its first batches.
      maxConcurrency: 2,
    });
    return taker;
  }

  private defineRule(
    { name, source }: NonNullable<NotificationDoorProps['eventBus']>,
    { sender, settings }: NotificationDoorProps,
  ): void {
    const rule = new CfnRule(this, 'Rule', {
      description: `Offer Relay (${settings.stage}): takes the notifications of ${sender}`,
      eventBusName: name,
      // A rule wants a pattern, and an empty prefix is in front of every source.
      eventPattern: { source: source === undefined ? [{ prefix: '' }] : [source] },
      targets: [{ id: 'Queue', arn: this.queue.queueArn, deadLetterConfig: { arn: this.deadLetters.queueArn } }],
    });
    for (const queue of [this.queue, this.deadLetters]) letRuleSend(queue, rule.attrArn);
  }
}
