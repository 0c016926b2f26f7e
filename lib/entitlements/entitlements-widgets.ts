import { Duration } from 'aws-cdk-lib';
import { GraphWidget, type IWidget, Stats } from 'aws-cdk-lib/aws-cloudwatch';
import { pushedPartners, type Settings } from '../../config/settings.ts';
import { periodOfRuns } from '../shared/function-schedule.ts';
import { type MetricName, relayMetric } from '../shared/relay-metric.ts';
import type { EntitlementGrants } from './entitlement-grants.ts';

const PERIOD = Duration.minutes(1);

/** Row of the dashboard: from what players claim to what Amazon knows of. */
export function entitlementsWidgets(
  { queue, deadLetters, resumer, sweeper }: EntitlementGrants,
  settings: Settings,
): IWidget[] {
  const { stage, schedules } = settings;
  const counts = (...names: MetricName[]) =>
    names.map((name) => relayMetric('entitlements', stage, name, { period: PERIOD }));
  const swept = (name: MetricName) =>
    relayMetric('entitlements', stage, name, { statistic: Stats.MAXIMUM, period: periodOfRuns(1, schedules.sweep, 1) });
  const newest = { statistic: Stats.MAXIMUM, period: PERIOD };
  return [
    new GraphWidget({
      title: 'Entitlements: fulfilled',
      left: counts('ApiRequests', 'EntitlementsGranted', 'EntitlementsReported', 'ReportsTried', 'ReportsConfirmed'),
      right: [
        ...counts('ApiUpstreamFailures', 'PlayersRefused', 'SchemaDrift'),
        ...(Object.keys(pushedPartners(settings)).length > 0 ? counts('PushesRefused') : []),
      ],
    }),
    new GraphWidget({
      title: 'Entitlements: open',
      left: [swept('OpenEntitlements'), ...counts('EntitlementsStuck', 'UnknownSkus')],
      right: [swept('OldestClaimedSeconds'), swept('OldestUnreportedSeconds')],
    }),
    new GraphWidget({
      title: 'Entitlements: grants that wait',
      left: [
        queue.metricApproximateNumberOfMessagesVisible({ ...newest, label: 'Waiting' }),
        // A try's pause is the time for which its message is hidden.
        queue.metricApproximateNumberOfMessagesNotVisible({ ...newest, label: 'Pausing or being tried' }),
        deadLetters.metricApproximateNumberOfMessagesVisible({ ...newest, label: 'Dead letters' }),
        ...counts('GrantsResumed', 'GrantFailures', 'GrantsDeadLettered'),
      ],
    }),
    new GraphWidget({
      title: 'Entitlements: functions',
      left: Object.entries({ ResumeGrants: resumer, SweepEntitlements: sweeper }).flatMap(
        ([name, { function: target }]) => [
          target.metricErrors({ period: PERIOD, label: `${name} errors` }),
          target.metricThrottles({ period: PERIOD, label: `${name} throttles` }),
        ],
      ),
      right: Object.entries({ ResumeGrants: resumer, SweepEntitlements: sweeper }).map(([name, { function: target }]) =>
        target.metricDuration({ statistic: 'p99', period: PERIOD, label: `${name} p99` }),
      ),
    }),
  ];
}
