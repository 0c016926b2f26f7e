import { Duration } from 'aws-cdk-lib';
import { GraphWidget, type IWidget } from 'aws-cdk-lib/aws-cloudwatch';
import type { Settings } from '../../config/settings.ts';
import type { PartnerFunctions } from '../partner-api/partner-functions.ts';
import { type MetricName, relayMetric } from '../shared/relay-metric.ts';

const PERIOD = Duration.minutes(1);

/** Row of the dashboard: what shops ask Buy with Prime, what becomes of their orders, and how long they wait. */
export function buyWithPrimeWidgets(
  { buyWithPrime }: Pick<PartnerFunctions, 'buyWithPrime'>,
  settings: Settings,
): IWidget[] {
  const counts = (...names: MetricName[]) =>
    names.map((name) => relayMetric('buy-with-prime', settings.stage, name, { period: PERIOD }));
  return [
    new GraphWidget({
      title: 'Buy with Prime: quotes',
      left: counts('ApiRequests', 'QuotesGiven', 'QuotesCached'),
      right: counts('PartialAnswers', 'SchemaDrift'),
    }),
    new GraphWidget({
      title: 'Buy with Prime: orders',
      left: counts('OrdersCreated', 'OrdersRejected', 'OrdersUnknown'),
      right: counts('ApiUpstreamFailures', 'CredentialsRefused'),
    }),
    new GraphWidget({
      title: 'Buy with Prime: latency',
      left: (['p50', 'p99'] as const).map((statistic) =>
        buyWithPrime.function.metricDuration({ statistic, period: PERIOD, label: `${statistic} function` }),
      ),
    }),
  ];
}
