import { Duration } from 'aws-cdk-lib';
import { Stats } from 'aws-cdk-lib/aws-cloudwatch';
import type { Queue } from 'aws-cdk-lib/aws-sqs';
import type { OperatorAlarmProps } from './operator-alarm.ts';

type Threshold = Pick<OperatorAlarmProps, 'metric' | 'threshold' | 'periods'>;

const NEWEST = { statistic: Stats.MAXIMUM, period: Duration.minutes(1) };

/** Exceeded as soon as a dead-letter queue holds a message. */
export function holdsMessages(deadLetters: Queue): Threshold {
  return { metric: deadLetters.metricApproximateNumberOfMessagesVisible(NEWEST), threshold: 0 };
}

/** Exceeded when a message has waited for more than ten minutes, three minutes in a row. */
export function waitsTooLong(queue: Queue): Threshold {
  return { metric: queue.metricApproximateAgeOfOldestMessage(NEWEST), threshold: 600, periods: 3 };
}
