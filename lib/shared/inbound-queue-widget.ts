import { Duration } from 'aws-cdk-lib';
import { GraphWidget, Stats } from 'aws-cdk-lib/aws-cloudwatch';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import type { InboundQueue } from './inbound-queue.ts';

const PERIOD = Duration.minutes(1);
const NEWEST = { statistic: Stats.MAXIMUM, period: PERIOD };

/** What waits in a queue, what was put aside, and whether the function that takes the messages fails. */
export function inboundQueueWidget(
  title: string,
  { queue, deadLetters }: InboundQueue,
  taker: { readonly name: string; readonly function: IFunction },
): GraphWidget {
  return new GraphWidget({
    title: `${title}: queue`,
    left: [
      queue.metricApproximateNumberOfMessagesVisible({ ...NEWEST, label: 'Waiting' }),
      deadLetters.metricApproximateNumberOfMessagesVisible({ ...NEWEST, label: 'Dead letters' }),
      taker.function.metricErrors({ period: PERIOD, label: `${taker.name} errors` }),
    ],
    right: [queue.metricApproximateAgeOfOldestMessage(NEWEST)],
  });
}
