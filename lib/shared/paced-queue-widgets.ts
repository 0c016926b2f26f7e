import { Duration } from 'aws-cdk-lib';
import { GraphWidget, type IWidget, Stats } from 'aws-cdk-lib/aws-cloudwatch';
import type { Settings } from '../../config/settings.ts';
import type { PacedQueue } from './paced-queue.ts';
import { type MetricName, relayMetric } from './relay-metric.ts';

const PERIOD = Duration.minutes(1);

/** Row of the dashboard: from the planner to the recorded change. */
export function pacedQueueWidgets(checks: PacedQueue, { stage }: Settings): IWidget[] {
  const { room, noun, planner, worker, queues } = checks;
  const title = (subject: string): string => `${noun[0]?.toUpperCase()}${noun.slice(1)}s: ${subject}`;
  const metric = (name: MetricName, statistic: string = Stats.SUM) =>
    relayMetric(room, stage, name, { statistic, period: PERIOD });
  return [
    new GraphWidget({
      title: title('requests'),
      left: [metric('RequestsSent'), metric('Throttled'), metric('Unavailable'), metric('CredentialsRefused')],
    }),
    new GraphWidget({
      title: title('answers'),
      left: [
        metric('ChangesRecorded'),
        metric('UnreadableAnswers'),
        metric('Rejected'),
        metric('SchemaDrift'),
        metric('WatchesDeadLettered'),
      ],
    }),
    new GraphWidget({
      title: title('slices'),
      left: [
        metric('SlicesPlanned'),
        queues.slices.metricApproximateNumberOfMessagesVisible({ statistic: Stats.MAXIMUM, period: PERIOD }),
        queues.deadLetters.metricApproximateNumberOfMessagesVisible({
          statistic: Stats.MAXIMUM,
          period: PERIOD,
          label: 'Dead letters',
        }),
      ],
      right: [
        queues.slices.metricApproximateAgeOfOldestMessage({ statistic: Stats.MAXIMUM, period: PERIOD }),
        metric('StalledSeconds', Stats.MAXIMUM),
      ],
    }),
    new GraphWidget({
      title: title('functions'),
      left: [
        planner.function.metricErrors({ period: PERIOD, label: 'planner errors' }),
        worker.function.metricErrors({ period: PERIOD, label: 'worker errors' }),
        worker.function.metricThrottles({ period: PERIOD, label: 'worker throttles' }),
      ],
      right: [worker.function.metricDuration({ statistic: 'p99', period: PERIOD, label: 'worker p99' })],
    }),
  ];
}
