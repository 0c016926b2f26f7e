import { Duration } from 'aws-cdk-lib';
import { Metric, Stats } from 'aws-cdk-lib/aws-cloudwatch';

/** What emits metrics: the `service` dimension. */
export type MetricRoom =
  | 'offer-status'
  | 'pricing'
  | 'change-events'
  | 'offer-codes'
  | 'entitlements'
  | 'buy-with-prime'
  | 'titles'
  | 'prices'
  | 'partner-api';

/** Names of the metrics that the functions emit. */
export type MetricName =
  | 'ApiFaults'
  | 'ApiRequests'
  | 'ApiUpstreamFailures'
  | 'ChangesRecorded'
  | 'CredentialsRefused'
  | 'EntitlementsGranted'
  | 'EntitlementsReported'
  | 'EntitlementsStuck'
  | 'EventsPublished'
  | 'GrantFailures'
  | 'GrantsDeadLettered'
  | 'GrantsResumed'
  | 'GuardTrips'
  | 'InvalidCodes'
  | 'NotificationsRefused'
  | 'NotificationsTaken'
  | 'OldestClaimedSeconds'
  | 'OldestUnpublishedSeconds'
  | 'OldestUnreportedSeconds'
  | 'OpenEntitlements'
  | 'OrdersCreated'
  | 'OrdersRejected'
  | 'OrdersUnknown'
  | 'PartialAnswers'
  | 'PlayersRefused'
  | 'PublishFailures'
  | 'PushesRefused'
  | 'QuotesCached'
  | 'QuotesGiven'
  | 'Rejected'
  | 'ReportsConfirmed'
  | 'ReportsTried'
  | 'Republished'
  | 'RefusedEvents'
  | 'RequestsSent'
  | 'SchemaDrift'
  | 'SlicesPlanned'
  | 'StalledSeconds'
  | 'TakenEvents'
  | 'Throttled'
  | 'Unavailable'
  | 'UnknownSkus'
  | 'UnreadableAnswers'
  | 'WatchesDeadLettered'
  | 'WatchesHurried';

export interface RelayMetricOptions {
  /** @default Stats.SUM */
  readonly statistic?: string;
  /** @default Duration.minutes(5) */
  readonly period?: Duration;
}

/** A metric of the functions' own, which they write into their logs in the embedded metric format. */
export function relayMetric(
  room: MetricRoom,
  stage: string,
  name: MetricName,
  options: RelayMetricOptions = {},
): Metric {
  return new Metric({
    namespace: 'OfferRelay',
    metricName: name,
    dimensionsMap: { service: room, stage },
    statistic: options.statistic ?? Stats.SUM,
    period: options.period ?? Duration.minutes(5),
  });
}
