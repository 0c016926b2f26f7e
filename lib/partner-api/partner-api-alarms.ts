import { Duration } from 'aws-cdk-lib';
import { type Alarm, type IMetric, MathExpression } from 'aws-cdk-lib/aws-cloudwatch';
import { Construct } from 'constructs';
import type { Settings } from '../../config/settings.ts';
import { OperatorAlarm, type OperatorAlarmProps } from '../shared/operator-alarm.ts';
import { relayMetric } from '../shared/relay-metric.ts';
import type { PartnerApi } from './partner-api.ts';

export interface PartnerApiAlarmsProps {
  readonly partnerApi: PartnerApi;
  readonly settings: Settings;
}

const PERIOD = Duration.minutes(5);
const ROOMS = ['offer-codes', 'entitlements', 'buy-with-prime', 'titles', 'prices', 'partner-api'] as const;

/** Alarms for partners that get no answer, a late one, or too many refusals. */
export class PartnerApiAlarms extends Construct {
  readonly alarms: Alarm[];

  constructor(scope: Construct, id: string, { partnerApi, settings }: PartnerApiAlarmsProps) {
    super(scope, id);
    const { gateway, functions } = partnerApi;
    const stage = gateway.api.deploymentStage;
    const all = [...functions.byHandler.values()];
    const define = (name: string, props: Omit<OperatorAlarmProps, 'settings'>) =>
      new OperatorAlarm(this, name, { ...props, settings }).alarm;

    const { deadlineMs } = settings.runtime.offerCodes;
    this.alarms = [
      define('ServerErrors', {
        metric: stage.metricServerError({ statistic: 'Sum', period: PERIOD }),
        threshold: 5,
        periods: 3,
        impact:
          'partners keep getting 5xx answers: codes are not redeemed, players or shoppers get nothing, or nothing can be read.',
        firstStep:
          'see on the dashboard whether Amazon fails (ApiUpstreamFailures) or Offer Relay does, then look the requests up in the access log and in the log of the function.',
      }),
      define('Faults', {
        metric: sumOf(
          'faults',
          ROOMS.map((room) => relayMetric(room, settings.stage, 'ApiFaults', { period: PERIOD })),
          PERIOD,
        ),
        threshold: 0,
        impact:
          'requests of partners were answered with INTERNAL_ERROR or STORAGE_UNAVAILABLE, and not through Amazon.',
        firstStep:
          'read the latest warning or error in the logs of the functions of the partner API: a fault of theirs, or a table or secret that cannot be used.',
      }),
      // Apart from the faults, since the expression of an alarm takes ten metrics.
      define('FunctionErrors', {
        metric: sumOf(
          'errors',
          all.map((one) => one.metricErrors({ period: PERIOD })),
          PERIOD,
        ),
        threshold: 0,
        impact: 'requests of partners were not answered at all: a function crashed or ran out of time.',
        firstStep: 'see on the dashboard which function has errors, and read the latest one in its log.',
      }),
      define('UpstreamFailures', {
        metric: relayMetric('offer-codes', settings.stage, 'ApiUpstreamFailures', { period: PERIOD }),
        threshold: 10,
        periods: 3,
        impact: 'the API that verifies and redeems offer codes fails or refuses us; customers cannot use their codes.',
        firstStep: 'read the codes and causes of the warnings in the log of ServeOfferCodes, then ask Amazon.',
      }),
      define('Slow', {
        // Of this function alone: who fulfils entitlements waits for several answers of Amazon, and may.
        metric: functions.offerCodes.function.metricDuration({ statistic: 'p99', period: PERIOD }),
        // Half of what a request may take in all: somebody is waiting at a till.
        threshold: Math.round(deadlineMs / 2),
        periods: 3,
        impact: `one request for an offer code in a hundred takes longer than ${(deadlineMs / 2000).toFixed(1)} s; who waits for it may give up.`,
        firstStep: 'compare upstreamMs with ms in the log of ServeOfferCodes: Amazon is slow, or the function is.',
      }),
      define('Throttles', {
        metric: sumOf(
          'throttles',
          all.map((one) => one.metricThrottles({ period: PERIOD })),
          PERIOD,
        ),
        threshold: 5,
        periods: 2,
        impact: "requests are not served, because the account's Lambda concurrency is used up.",
        firstStep: "look for the function that uses the account's concurrency, or ask for a higher quota.",
      }),
      define('GuardTrips', {
        metric: relayMetric('offer-codes', settings.stage, 'GuardTrips', { period: PERIOD }),
        threshold: 0,
        periods: 3,
        impact:
          'a partner keeps trying codes that do not exist and is refused; somebody may be guessing codes, and its honest customers have to wait as well.',
        firstStep: 'find the partner in the log of ServeOfferCodes by the code TOO_MANY_INVALID_CODES, and ask it.',
      }),
    ];
  }
}

/** The sum of metrics, of which those without data count as nothing. */
function sumOf(label: string, metrics: readonly IMetric[], period: Duration): MathExpression {
  const names = metrics.map((_, index) => `m${index}`);
  return new MathExpression({
    label,
    expression: names.map((name) => `FILL(${name}, 0)`).join(' + '),
    usingMetrics: Object.fromEntries(metrics.map((metric, index) => [`m${index}`, metric])),
    period,
  });
}
