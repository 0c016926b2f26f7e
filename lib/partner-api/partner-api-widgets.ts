import { Duration } from 'aws-cdk-lib';
import { GraphWidget, type IWidget } from 'aws-cdk-lib/aws-cloudwatch';
import type { Settings } from '../../config/settings.ts';
import { type MetricName, relayMetric } from '../shared/relay-metric.ts';
import type { PartnerApi } from './partner-api.ts';

const PERIOD = Duration.minutes(1);

/** Row of the dashboard: what partners ask, what they get, and how long it takes. */
export function partnerApiWidgets({ gateway, functions }: PartnerApi, settings: Settings): IWidget[] {
  const stage = gateway.api.deploymentStage;
  const offerCodes = (name: MetricName) => relayMetric('offer-codes', settings.stage, name, { period: PERIOD });
  const named = {
    ServeOfferCodes: functions.offerCodes,
    ServePlayers: functions.entitlements.players,
    ...(functions.entitlements.pushes && { TakePushes: functions.entitlements.pushes }),
    ServeBuyWithPrime: functions.buyWithPrime,
    ServeTitles: functions.titles,
    ServePrices: functions.prices,
    DescribeService: functions.service,
  };
  return [
    new GraphWidget({
      title: 'Partner API: requests',
      left: [
        stage.metricCount({ statistic: 'SampleCount', period: PERIOD, label: 'Requests' }),
        stage.metricClientError({ statistic: 'Sum', period: PERIOD, label: '4xx' }),
        stage.metricServerError({ statistic: 'Sum', period: PERIOD, label: '5xx' }),
      ],
    }),
    new GraphWidget({
      title: 'Partner API: latency',
      left: (['p50', 'p99'] as const).flatMap((statistic) => [
        stage.metricLatency({ statistic, period: PERIOD, label: `${statistic} total` }),
        stage.metricIntegrationLatency({ statistic, period: PERIOD, label: `${statistic} function` }),
      ]),
    }),
    new GraphWidget({
      title: 'Partner API: offer codes',
      left: [
        offerCodes('ApiRequests'),
        offerCodes('ApiUpstreamFailures'),
        offerCodes('InvalidCodes'),
        offerCodes('GuardTrips'),
      ],
    }),
    new GraphWidget({
      title: 'Partner API: functions',
      left: Object.entries(named).flatMap(([name, { function: target }]) => [
        target.metricErrors({ period: PERIOD, label: `${name} errors` }),
        target.metricThrottles({ period: PERIOD, label: `${name} throttles` }),
      ]),
      right: Object.entries(named).map(([name, { function: target }]) =>
        target.metricDuration({ statistic: 'p99', period: PERIOD, label: `${name} p99` }),
      ),
    }),
  ];
}
