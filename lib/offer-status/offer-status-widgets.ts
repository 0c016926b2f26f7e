import { Duration } from 'aws-cdk-lib';
import { GraphWidget, type IWidget, Stats } from 'aws-cdk-lib/aws-cloudwatch';
import type { Settings } from '../../config/settings.ts';
import { type MetricName, relayMetric } from '../shared/relay-metric.ts';
import type { TitleChecks } from './title-checks.ts';

const PERIOD = Duration.minutes(1);

/** Row of the dashboard: from the planner to the recorded change. */
export function offerStatusWidgets({ planner, worker, queues }: TitleChecks, { stage }: Settings): IWidget[] {
  const metric = (name: MetricName, statistic: string = Stats.SUM) =>
    relayMetric('offer-status', stage, name, { statistic, period: PERIOD });
  return [
    new GraphWidget({
      title: 'Offer status: requests',
      left: [metric('RequestsSent'), metric('Throttled'), metric('Unavailable'), metric('CredentialsRefused')],
    }),
    new GraphWidget({
      title: 'Offer status: answers',
      left: [
        metric('ChangesRecorded'),
        metric('UnreadableAnswers'),
        metric('Rejected'),
        metric('SchemaDrift'),
        metric('WatchesDeadLettered'),
      ],
    }),
    new GraphWidget({
      title: 'Offer status: slices',
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
      title: 'Offer status: functions',
      left: [
        planner.function.metricErrors({ period: PERIOD, label: 'PlanChecks errors' }),
        worker.function.metricErrors({ period: PERIOD, label: 'CheckTitles errors' }),
        worker.function.metricThrottles({ period: PERIOD, label: 'CheckTitles throttles' }),
      ],
      right: [worker.function.metricDuration({ statistic: 'p99', period: PERIOD, label: 'CheckTitles p99' })],
    }),
  ];
}
