import { Duration } from 'aws-cdk-lib';
import { type Alarm, MathExpression, Stats } from 'aws-cdk-lib/aws-cloudwatch';
import { Construct } from 'constructs';
import { pushedPartners, type Settings } from '../../config/settings.ts';
import { periodOfRuns } from '../shared/function-schedule.ts';
import { OperatorAlarm, type OperatorAlarmProps } from '../shared/operator-alarm.ts';
import { type MetricName, relayMetric, type RelayMetricOptions } from '../shared/relay-metric.ts';
import type { EntitlementGrants } from './entitlement-grants.ts';

export interface EntitlementsAlarmsProps {
  readonly grants: EntitlementGrants;
  readonly settings: Settings;
}

/** A grant that waits for longer has seen several tries, or none. */
const OLD_GRANT = Duration.hours(1);
/** Long enough for shares of what a small game does. */
const SHARE_PERIOD = Duration.minutes(15);

/** Alarms for players who do not get what they claimed, and for grants that Amazon does not hear of. */
export class EntitlementsAlarms extends Construct {
  readonly alarms: Alarm[];

  constructor(scope: Construct, id: string, { grants, settings }: EntitlementsAlarmsProps) {
    super(scope, id);
    const { deadLetters, resumer } = grants;
    const { sweep } = settings.schedules;
    const define = (name: string, props: Omit<OperatorAlarmProps, 'settings'>) =>
      new OperatorAlarm(this, name, { ...props, settings }).alarm;
    const metric = (name: MetricName, options?: RelayMetricOptions) =>
      relayMetric('entitlements', settings.stage, name, options);
    const silence = periodOfRuns(3, sweep, 15);

    this.alarms = [
      define('UnknownSkus', {
        metric: metric('UnknownSkus'),
        threshold: 0,
        impact: 'players claimed something that the catalogue does not know, and do not get it.',
        firstStep:
          'read the SKU in the log of ServePlayers or TakePushes and add it, by `npm run skus` or in the settings; the next call of the game grants it.',
      }),
      define('Stuck', {
        metric: metric('EntitlementsStuck'),
        threshold: 0,
        impact: 'an entitlement will not be granted, or not be reported to Amazon, without somebody who looks.',
        firstStep:
          'read the reason in the event Entitlement Stuck, which names the entitlement and the player; NOT_REPORTED mostly means that the player has not come back.',
      }),
      define('DeadLetters', {
        metric: deadLetters.metricApproximateNumberOfMessagesVisible({
          statistic: Stats.MAXIMUM,
          period: Duration.minutes(1),
        }),
        threshold: 0,
        impact: 'grants were given up; their players have not got what they claimed, and nobody tries any more.',
        firstStep:
          "read the attribute reason of the messages in the grants' dead-letter queue, mend its cause, then redrive them with the grants queue as the explicit destination; one without came here because ResumeGrants could not run.",
      }),
      define('OldestClaimed', {
        // Told once a sweep.
        metric: metric('OldestClaimedSeconds', { statistic: Stats.MAXIMUM, period: periodOfRuns(2, sweep, 15) }),
        threshold: OLD_GRANT.toSeconds(),
        impact: 'players wait for what they claimed; nothing is lost, it is tried again.',
        firstStep:
          "read the latest warning in the log of ResumeGrants: the game's backend fails, or the function does.",
      }),
      // Single ones are the sweeper's matter: after a while they are stuck. This is about all of them, and at once.
      define('ReportsFail', {
        metric: new MathExpression({
          label: 'less than half confirmed',
          expression: 'IF(FILL(tried, 0) >= 10 AND FILL(confirmed, 0) < FILL(tried, 0) / 2, 1, 0)',
          usingMetrics: {
            tried: metric('ReportsTried', { period: SHARE_PERIOD }),
            confirmed: metric('ReportsConfirmed', { period: SHARE_PERIOD }),
          },
          period: SHARE_PERIOD,
        }),
        threshold: 0,
        periods: 2,
        impact:
          'Amazon does not confirm most reports; it may still show players as unclaimed what they have been given.',
        firstStep:
          'read the latest warnings in the log of ServePlayers, then ask Amazon. Each report is repeated when its player comes back.',
      }),
      define('PlayersRefused', {
        // A game that shows the inventory as well asks twice for each player, and only one of the two needs the token.
        metric: new MathExpression({
          label: 'half or more refused',
          expression: 'IF(FILL(requests, 0) >= 20 AND FILL(refused, 0) >= FILL(requests, 0) / 2, 1, 0)',
          usingMetrics: {
            requests: metric('ApiRequests', { period: SHARE_PERIOD }),
            refused: metric('PlayersRefused', { period: SHARE_PERIOD }),
          },
          period: SHARE_PERIOD,
        }),
        threshold: 0,
        periods: 2,
        impact: 'Amazon refuses most tokens of players; nobody gets what they claimed.',
        firstStep:
          'see in the log of ServePlayers whether it is PLAYER_CONSENT_MISSING (ask Prime Gaming whether it has withdrawn the scope) or PLAYER_TOKEN_REFUSED (ask the partner of these lines whether its game sends tokens that have expired).',
      }),
      ...(Object.keys(pushedPartners(settings)).length > 0
        ? [
            define('PushesRefused', {
              metric: metric('PushesRefused', { period: SHARE_PERIOD }),
              threshold: 20,
              impact:
                'what Amazon pushes is refused, and its players do not get what they claimed; or somebody forges it.',
              firstStep:
                "compare pushKey in the partner's secret with the key that Amazon signs with; the code is PUSH_SIGNATURE_REFUSED in the log of TakePushes.",
            }),
          ]
        : []),
      define('SchemaDrift', {
        metric: metric('SchemaDrift'),
        threshold: 0,
        impact:
          'Prime Gaming or Login with Amazon answers otherwise than its documents say; what cannot be read is not granted, or not reported.',
        firstStep: 'read shape in the latest warnings in the log of ServePlayers, then ask Amazon what has changed.',
      }),
      define('GrantFailures', {
        // A grant that keeps failing is tried every fifteen minutes.
        metric: metric('GrantFailures', { period: Duration.minutes(15) }),
        threshold: 0,
        periods: 4,
        impact: "a game's backend keeps failing or refusing grants; its players do not get what they claimed.",
        firstStep: 'read the partner and the cause in the log of ResumeGrants, and ask the partner.',
      }),
      define('UpstreamFailures', {
        metric: metric('ApiUpstreamFailures'),
        threshold: 10,
        periods: 3,
        impact: 'Prime Gaming or Login with Amazon fails or refuses us; players do not get what they claimed.',
        firstStep: 'read the codes and causes of the warnings in the log of ServePlayers, then ask Amazon.',
      }),
      define('ResumerErrors', {
        metric: resumer.function.metricErrors({ period: Duration.minutes(5) }),
        threshold: 2,
        impact: 'grants that wait for their next try get none; after many of them they are given up.',
        firstStep: 'read the latest error in the log of ResumeGrants.',
      }),
      define('ResumerThrottles', {
        metric: resumer.function.metricThrottles({ period: Duration.minutes(5) }),
        threshold: 10,
        periods: 3,
        impact: "waiting grants are not tried, because the account's Lambda concurrency is used up.",
        firstStep: "look for the function that uses the account's concurrency, or ask for a higher quota.",
      }),
      define('SweeperSilent', {
        // Told at the end of each sweep: silence is a schedule that does not fire as well as a sweep that fails.
        metric: metric('OpenEntitlements', { statistic: Stats.SAMPLE_COUNT, period: silence }),
        threshold: 1,
        whenBelow: true,
        impact: `nobody has looked for entitlements that were left behind for ${silence.toMinutes()} minutes; one whose function dies now is only granted when the player comes back.`,
        firstStep:
          'read the latest error in the log of SweepEntitlements; where it has no lines, see that the sweep schedule is enabled and that its role may invoke the function.',
      }),
    ];
  }
}
