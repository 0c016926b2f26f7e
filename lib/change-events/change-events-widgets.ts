import { Duration } from 'aws-cdk-lib';
import { GraphWidget, type IWidget, Stats } from 'aws-cdk-lib/aws-cloudwatch';
import type { Settings } from '../../config/settings.ts';
import { type MetricName, relayMetric } from '../shared/relay-metric.ts';
import type { ChangePublishing } from './change-publishing.ts';

const PERIOD = Duration.minutes(1);

/** Row of the dashboard: from the recorded change to the bus. */
export function changeEventsWidgets(publishing: ChangePublishing, { stage }: Settings): IWidget[] {
  const { publisher, reconciler, failedBatches } = publishing;
  const metric = (name: MetricName, statistic: string = Stats.SUM) =>
    relayMetric('change-events', stage, name, { statistic, period: PERIOD });
  return [
    new GraphWidget({
      title: 'Change events: published',
      left: [metric('EventsPublished'), metric('Republished'), metric('PublishFailures')],
    }),
    new GraphWidget({
      title: 'Change events: lag',
      left: [publisher.function.metric('IteratorAge', { statistic: Stats.MAXIMUM, period: PERIOD })],
      right: [metric('OldestUnpublishedSeconds', Stats.MAXIMUM)],
    }),
    new GraphWidget({
      title: 'Change events: failed batches',
      left: [failedBatches.metricApproximateNumberOfMessagesVisible({ statistic: Stats.MAXIMUM, period: PERIOD })],
    }),
    new GraphWidget({
      title: 'Change events: functions',
      left: [
        publisher.function.metricErrors({ period: PERIOD, label: 'PublishChanges errors' }),
        reconciler.function.metricErrors({ period: PERIOD, label: 'RepublishChanges errors' }),
      ],
      right: [publisher.function.metricDuration({ statistic: 'p99', period: PERIOD, label: 'PublishChanges p99' })],
    }),
  ];
}
