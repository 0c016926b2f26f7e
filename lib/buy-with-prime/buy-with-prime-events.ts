import { Aws, Duration, Fn, Validations } from 'aws-cdk-lib';
import { Metric, type MetricOptions, Stats } from 'aws-cdk-lib/aws-cloudwatch';
import { CfnRule } from 'aws-cdk-lib/aws-events';
import type { Queue } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import type { Settings } from '../../config/settings.ts';
import type { Environment as TakeEventsEnvironment } from '../../lambdas/buy-with-prime/take-events.handler.ts';
import { HandlerFunction } from '../shared/handler-function.ts';
import { defineInboundMapping, defineInboundQueue, type InboundQueue, letRuleSend } from '../shared/inbound-queue.ts';
import type { WatchTables } from '../shared/watch-tables.ts';

type EventBusSettings = NonNullable<Settings['runtime']['buyWithPrime']['events']>['eventBus'];

export interface BuyWithPrimeEventsProps {
  /** A bus of this account and region, which is there before the stack. */
  readonly eventBus: EventBusSettings;
  readonly tables: WatchTables;
  readonly settings: Settings;
}

const TIMEOUT = Duration.seconds(30);
const BATCHING_WINDOW = Duration.seconds(1);
const PARTNER_SOURCES = 'aws.partner/buywithprime';

/** Fields of EventBridge's envelope, and of Amazon's event inside of it, that are passed on. `data` is none of them. */
const ENVELOPE = ['id', 'time', 'detail-type', 'source', 'resources'] as const;
const DETAIL = [
  'idempotencyKey',
  'eventDescriptor',
  'resources',
  'eventId',
  'apiVersion',
  'subscriptionId',
  'eventTime',
] as const;

/**
 * Where Buy with Prime's own events come in: a rule on the bus of its partner event source, a queue of ours, and the function
 * that records each event once.
 */
export class BuyWithPrimeEvents extends Construct implements InboundQueue {
  readonly queue: Queue;
  readonly deadLetters: Queue;
  readonly taker: HandlerFunction<TakeEventsEnvironment>;
  private readonly rule: CfnRule;
  private readonly busName: string;

  constructor(scope: Construct, id: string, props: BuyWithPrimeEventsProps) {
    super(scope, id);
    const { queue, deadLetters } = defineInboundQueue(this, {
      takerTimeout: TIMEOUT,
      batchingWindow: BATCHING_WINDOW,
      // Nothing makes up for an event that is lost.
      retentionPeriod: Duration.days(7),
      settings: props.settings,
    });
    this.queue = queue;
    this.deadLetters = deadLetters;
    this.busName = props.eventBus.name;
    this.rule = this.defineRule(props);
    this.taker = this.defineTaker(props);
  }

  /** Events that the rule has dropped for good. EventBridge gives no data while there are none. */
  metricFailedInvocations(options: MetricOptions = {}): Metric {
    const name = this.rule.ref;
    return new Metric({
      namespace: 'AWS/Events',
      metricName: 'FailedInvocations',
      // A rule on a bus other than the default one is referred to as `<bus>|<rule>`.
      dimensionsMap: onDefaultBus(this.busName)
        ? { RuleName: name }
        : { EventBusName: this.busName, RuleName: Fn.select(1, Fn.split('|', name)) },
      statistic: Stats.SUM,
      ...options,
    });
  }

  private defineRule({ eventBus: { name, source }, settings }: BuyWithPrimeEventsProps): CfnRule {
    const rule = new CfnRule(this, 'Rule', {
      description: `Offer Relay (${settings.stage}): takes Buy with Prime's own events`,
      eventBusName: name,
      eventPattern: { source: source === undefined ? [{ prefix: PARTNER_SOURCES }] : [source] },
      targets: [
        {
          id: 'Queue',
          arn: this.queue.queueArn,
          inputTransformer: withoutData(),
          // EventBridge's longest, said aloud because there is nothing behind it.
          retryPolicy: { maximumRetryAttempts: 185, maximumEventAgeInSeconds: Duration.hours(24).toSeconds() },
          // No dead-letter queue. Nothing that AWS publishes says that it would get what the transformer makes of an event,
          // and what others have seen there is the event itself, which may hold a shopper's name and e-mail address.
        },
      ],
    });
    Validations.of(rule).acknowledge({
      id: 'Serverless-EventBusDLQ',
      reason: "It would get events whole, with shoppers' names and e-mail addresses; an alarm tells of dropped events.",
    });
    // Whatever EventBridge may not deliver, it drops at once: the queue has to let the rule in before the rule is there, and
    // so cannot name it.
    const rules = onDefaultBus(name) ? 'rule/*' : `rule/${name}/*`;
    const admission = letRuleSend(this.queue, `arn:${Aws.PARTITION}:events:${Aws.REGION}:${Aws.ACCOUNT_ID}:${rules}`);
    if (admission.policyDependable) rule.node.addDependency(admission.policyDependable);
    return rule;
  }

  private defineTaker({ tables, settings }: BuyWithPrimeEventsProps) {
    const taker = new HandlerFunction<TakeEventsEnvironment>(this, 'TakeEvents', {
      handler: 'buy-with-prime/take-events',
      description: "Buy with Prime's own events: records each of them once.",
      timeout: TIMEOUT,
      memorySize: 256,
      environment: {
        HISTORY_TABLE: tables.history.tableName,
        DEAD_LETTER_QUEUE_URL: this.deadLetters.queueUrl,
      },
      permissions: [
        {
          actions: ['sqs:ReceiveMessage', 'sqs:DeleteMessage', 'sqs:GetQueueAttributes'],
          resources: [this.queue.queueArn],
        },
        { actions: ['dynamodb:PutItem'], resources: [tables.history.tableArn] },
        { actions: ['sqs:SendMessage'], resources: [this.deadLetters.queueArn] },
      ],
      settings,
    });
    defineInboundMapping(this, 'QueueToTakeEvents', this, {
      taker: taker.function,
      batchSize: 50,
      batchingWindow: BATCHING_WINDOW,
      maxConcurrency: 5,
    });
    return taker;
  }
}

const onDefaultBus = (name: string): boolean => name === 'default';

/**
 * The event as it is, less what is not passed on. A path that leads nowhere gives an empty text. Each placeholder stands for a
 * whole value: EventBridge then writes it as JSON, whatever it is, where inside of quotes it would not escape it.
 */
function withoutData(): CfnRule.InputTransformerProperty {
  const inputPathsMap: Record<string, string> = {};
  const objectOf = (fields: readonly string[], path: string, more: readonly string[] = []): string => {
    const members = fields.map((field) => {
      const variable = `${path}-${field}`;
      inputPathsMap[variable] = path === 'event' ? `$.${field}` : `$.${path}.${field}`;
      return `"${field}":<${variable}>`;
    });
    return `{${[...members, ...more].join(',')}}`;
  };
  const inputTemplate = objectOf(ENVELOPE, 'event', [`"detail":${objectOf(DETAIL, 'detail')}`]);
  return { inputPathsMap, inputTemplate };
}
