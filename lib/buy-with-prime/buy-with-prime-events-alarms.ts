import { Duration } from 'aws-cdk-lib';
import type { Alarm } from 'aws-cdk-lib/aws-cloudwatch';
import { Construct } from 'constructs';
import type { Settings } from '../../config/settings.ts';
import { OperatorAlarm, type OperatorAlarmProps } from '../shared/operator-alarm.ts';
import { holdsMessages, waitsTooLong } from '../shared/queue-thresholds.ts';
import type { BuyWithPrimeEvents } from './buy-with-prime-events.ts';

export interface BuyWithPrimeEventsAlarmsProps {
  readonly amazonEvents: BuyWithPrimeEvents;
  readonly settings: Settings;
}

/** Alarms for events of Buy with Prime that do not reach the stack's bus. Nothing else makes up for them. */
export class BuyWithPrimeEventsAlarms extends Construct {
  readonly alarms: Alarm[];

  constructor(scope: Construct, id: string, { amazonEvents, settings }: BuyWithPrimeEventsAlarmsProps) {
    super(scope, id);
    const define = (name: string, props: Omit<OperatorAlarmProps, 'settings'>) =>
      new OperatorAlarm(this, name, { ...props, settings }).alarm;

    this.alarms = [
      define('DeadLetters', {
        ...holdsMessages(amazonEvents.deadLetters),
        impact: "events of Buy with Prime's could not be understood or recorded; subscribers do not hear of them.",
        firstStep:
          'read the attribute reason of the messages in the dead-letter queue; one without came here after five failed tries, whose errors are in the log of TakeEvents. Redrive them when its cause is mended, within 14 days.',
      }),
      define('Waiting', {
        ...waitsTooLong(amazonEvents.queue),
        impact: "events of Buy with Prime's wait for more than ten minutes; subscribers hear of them late.",
        firstStep: 'read the latest warning in the log of TakeEvents, and see whether it is throttled.',
      }),
      define('Dropped', {
        metric: amazonEvents.metricFailedInvocations({ period: Duration.minutes(1) }),
        threshold: 0,
        impact:
          "EventBridge could not put events of Buy with Prime's into the queue and has dropped them; nobody hears of them.",
        firstStep:
          'see that the queue exists and that its policy lets the rule send. What was dropped does not come again: ask Buy with Prime for the orders, returns and deliveries that have changed since.',
      }),
    ];
  }
}
