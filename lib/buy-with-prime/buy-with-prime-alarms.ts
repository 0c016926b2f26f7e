import { Duration } from 'aws-cdk-lib';
import { type Alarm, MathExpression } from 'aws-cdk-lib/aws-cloudwatch';
import { Construct } from 'constructs';
import { buyWithPrimeSecrets, type Settings } from '../../config/settings.ts';
import { OperatorAlarm, type OperatorAlarmProps } from '../shared/operator-alarm.ts';
import { type MetricName, relayMetric, type RelayMetricOptions } from '../shared/relay-metric.ts';

export interface BuyWithPrimeAlarmsProps {
  readonly settings: Settings;
}

/** Long enough for shares of what a small shop sells. */
const SHARE_PERIOD = Duration.minutes(15);

/** Whether some partner may ask for offers: the others are told that they may not, which nobody has to look at. */
export function hasMerchants(settings: Settings): boolean {
  return buyWithPrimeSecrets(settings).length > 0;
}

/** Alarms for shoppers who cannot order, and for orders that nobody knows of. */
export class BuyWithPrimeAlarms extends Construct {
  readonly alarms: Alarm[];

  constructor(scope: Construct, id: string, { settings }: BuyWithPrimeAlarmsProps) {
    super(scope, id);
    const define = (name: string, props: Omit<OperatorAlarmProps, 'settings'>) =>
      new OperatorAlarm(this, name, { ...props, settings }).alarm;
    const metric = (name: MetricName, options?: RelayMetricOptions) =>
      relayMetric('buy-with-prime', settings.stage, name, options);

    this.alarms = [
      define('OrdersUnknown', {
        metric: metric('OrdersUnknown'),
        threshold: 0,
        impact:
          "Buy with Prime's answer to an order was lost; until the shop repeats its request, nobody knows whether there is an order.",
        firstStep:
          'find partner and requestId in the log of ServeBuyWithPrime by the code ORDER_UNKNOWN, and have the partner repeat that request with the same Idempotency-Key: the repeat finds the order, or makes it.',
      }),
      define('OrdersRejected', {
        metric: new MathExpression({
          label: 'more rejected than created',
          expression: 'IF(FILL(rejected, 0) >= 10 AND FILL(rejected, 0) > FILL(created, 0), 1, 0)',
          usingMetrics: {
            rejected: metric('OrdersRejected', { period: SHARE_PERIOD }),
            created: metric('OrdersCreated', { period: SHARE_PERIOD }),
          },
          period: SHARE_PERIOD,
        }),
        threshold: 0,
        periods: 2,
        impact: 'Buy with Prime rejects most orders; shoppers do not get through the checkout.',
        firstStep:
          'read reason in the events Order Rejected: OFFER_EXPIRED and PRICE_CHANGED are about how old the offers are that the shop orders, BUY_WITH_PRIME_REFUSED is for Amazon, whose own code is in the answer to the partner.',
      }),
      define('CredentialsRefused', {
        metric: metric('CredentialsRefused'),
        threshold: 0,
        impact:
          'Buy with Prime refuses the API credentials of a merchant account; its shops can neither quote nor order.',
        firstStep:
          'read the latest warning with the code UPSTREAM_CREDENTIALS in the log of ServeBuyWithPrime, then put clientId, clientSecret and targetId into the secret of the account anew; no redeployment.',
      }),
      define('UpstreamFailures', {
        metric: metric('ApiUpstreamFailures'),
        threshold: 10,
        periods: 3,
        impact:
          'Buy with Prime fails, throttles or refuses us; shops show no delivery promises, and orders are not made.',
        firstStep: 'read the codes and causes of the warnings in the log of ServeBuyWithPrime, then ask Amazon.',
      }),
      define('SchemaDrift', {
        metric: metric('SchemaDrift'),
        threshold: 0,
        impact: 'Buy with Prime answers otherwise than its document says; quotes or orders lack what cannot be read.',
        firstStep:
          'read the fields or the shape that the latest warnings in the log of ServeBuyWithPrime name, then ask Amazon what has changed.',
      }),
    ];
  }
}
