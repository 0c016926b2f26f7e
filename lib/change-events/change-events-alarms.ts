import { Duration } from 'aws-cdk-lib';
import { type Alarm, Stats } from 'aws-cdk-lib/aws-cloudwatch';
import { Construct } from 'constructs';
import type { Settings } from '../../config/settings.ts';
import { periodOfRuns } from '../shared/function-schedule.ts';
import { OperatorAlarm, type OperatorAlarmProps } from '../shared/operator-alarm.ts';
import { relayMetric } from '../shared/relay-metric.ts';
import type { ChangePublishing } from './change-publishing.ts';

export interface ChangeEventsAlarmsProps {
  readonly publishing: ChangePublishing;
  readonly settings: Settings;
}

/** Alarms for changes that were recorded and do not reach the bus. */
export class ChangeEventsAlarms extends Construct {
  readonly alarms: Alarm[];

  constructor(scope: Construct, id: string, { publishing, settings }: ChangeEventsAlarmsProps) {
    super(scope, id);
    const { publisher, reconciler, failedBatches } = publishing;
    const define = (name: string, props: Omit<OperatorAlarmProps, 'settings'>) =>
      new OperatorAlarm(this, name, { ...props, settings }).alarm;

    const { reconcile } = settings.schedules;
    const silence = periodOfRuns(3, reconcile, 15);
    this.alarms = [
      define('PublisherBehind', {
        metric: publisher.function.metric('IteratorAge', { statistic: Stats.MAXIMUM, period: Duration.minutes(1) }),
        threshold: Duration.minutes(5).toMilliseconds(),
        periods: 3,
        impact: 'recorded changes reach the bus more than five minutes late.',
        firstStep:
          'read the latest error in the log of PublishChanges; a poisonous record is given up after ten tries.',
      }),
      define('FailedBatches', {
        metric: failedBatches.metricApproximateNumberOfMessagesVisible({
          statistic: Stats.MAXIMUM,
          period: Duration.minutes(1),
        }),
        threshold: 0,
        impact: 'the publisher gave up a part of the stream; its changes wait for the reconciler.',
        firstStep:
          'see that OldestUnpublishedSeconds falls again, read why in the log of PublishChanges, then purge the queue.',
      }),
      define('PublishFailures', {
        metric: relayMetric('change-events', settings.stage, 'PublishFailures'),
        threshold: 0,
        periods: 3,
        impact: 'the bus keeps refusing events; subscribers do not hear of the changes in them.',
        firstStep: 'read the error code of the refused entries in the log of PublishChanges.',
      }),
      define('Republished', {
        metric: relayMetric('change-events', settings.stage, 'Republished', { period: periodOfRuns(2, reconcile, 15) }),
        threshold: 0,
        periods: 3,
        impact: 'the publisher does not work, and the reconciler does its work; subscribers hear of every change late.',
        firstStep: "see that the event source mapping of PublishChanges is enabled, then read the function's log.",
      }),
      define('ReconcilerSilent', {
        metric: reconciler.function.metricInvocations({ period: silence }),
        threshold: 1,
        whenBelow: true,
        impact: `nobody has looked for unpublished changes for ${silence.toMinutes()} minutes; one that gets stuck is not published again.`,
        firstStep: 'see that the reconcile schedule is enabled and that its role may invoke RepublishChanges.',
      }),
      define('ReconcilerErrors', {
        metric: reconciler.function.metricErrors({ period: periodOfRuns(3, reconcile, 15) }),
        threshold: 1,
        impact: 'changes that got stuck are not published again.',
        firstStep: 'read the latest error in the log of RepublishChanges.',
      }),
      define('OldestUnpublished', {
        metric: relayMetric('change-events', settings.stage, 'OldestUnpublishedSeconds', { statistic: Stats.MAXIMUM }),
        threshold: settings.runtime.publishing.reconcileAfterSeconds + Duration.minutes(30).toSeconds(),
        impact: 'a recorded change has not reached the bus for more than half an hour.',
        firstStep: 'read the logs of PublishChanges and RepublishChanges for the row that is named there.',
      }),
    ];
  }
}
