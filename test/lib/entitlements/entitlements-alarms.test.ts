import type { Template } from 'aws-cdk-lib/assertions';
import { describe, expect, test } from 'vitest';
import * as z from 'zod';
import { minutesBetweenRuns } from '../../../config/schedules.ts';
import { entitlementsWith, partnerWith, stageWith } from '../partner-api/partner-stages.ts';
import { resourcesOf, withoutHash } from '../synthesis.ts';

const template = stageWith();

function alarmsOf(of: Template) {
  return new Map(
    [...resourcesOf(of, 'AWS::CloudWatch::Alarm')].flatMap(([id, { Properties }]) => {
      const [, name] = /^OperationsEntitlements(\w+)Alarm$/.exec(withoutHash(id)) ?? [];
      return name === undefined ? [] : [[name, Properties] as const];
    }),
  );
}
function bodyOfDashboard(of: Template): string {
  const [dashboard] = resourcesOf(of, 'AWS::CloudWatch::Dashboard').values();
  return JSON.stringify(dashboard?.Properties['DashboardBody']);
}
const alarms = alarmsOf(template);
const Numbers = z.object({ Period: z.number(), EvaluationPeriods: z.number(), Threshold: z.number() });
const numbersOf = (name: string, of = alarms) => Numbers.parse(of.get(name));

describe('alarms of entitlements', () => {
  test('say the impact and what to do first', () => {
    expect([...alarms.keys()].sort()).toEqual([
      'DeadLetters',
      'GrantFailures',
      'OldestClaimed',
      'PlayersRefused',
      'ReportsFail',
      'ResumerErrors',
      'ResumerThrottles',
      'SchemaDrift',
      'Stuck',
      'SweeperSilent',
      'UnknownSkus',
      'UpstreamFailures',
    ]);
    for (const properties of alarms.values()) {
      expect(properties['AlarmDescription']).toMatch(/^Stage prod\. Impact: .+\. First: .+\.$/);
    }
  });

  test.each([
    ['UnknownSkus', 'UnknownSkus', 'Sum'],
    ['Stuck', 'EntitlementsStuck', 'Sum'],
    ['GrantFailures', 'GrantFailures', 'Sum'],
    ['SchemaDrift', 'SchemaDrift', 'Sum'],
    ['UpstreamFailures', 'ApiUpstreamFailures', 'Sum'],
    ['OldestClaimed', 'OldestClaimedSeconds', 'Maximum'],
    ['SweeperSilent', 'OpenEntitlements', 'SampleCount'],
  ])('%s watches the metric %s that the functions emit', (name, metric, statistic) => {
    expect(alarms.get(name)).toMatchObject({
      Namespace: 'OfferRelay',
      MetricName: metric,
      Statistic: statistic,
      Dimensions: [
        { Name: 'service', Value: 'entitlements' },
        { Name: 'stage', Value: 'prod' },
      ],
    });
  });

  test('rise at the first unknown SKU, stuck entitlement, dead letter and answer that is not as documented', () => {
    for (const name of ['UnknownSkus', 'Stuck', 'DeadLetters', 'SchemaDrift']) {
      expect(numbersOf(name)).toMatchObject({ EvaluationPeriods: 1, Threshold: 0 });
    }
    expect(alarms.get('DeadLetters')).toMatchObject({
      MetricName: 'ApproximateNumberOfMessagesVisible',
      Dimensions: [
        {
          Name: 'QueueName',
          Value: { 'Fn::GetAtt': [expect.stringMatching(/^EntitlementsDeadLetters/), 'QueueName'] },
        },
      ],
    });
  });

  test('rise when a grant waits for an hour', () => {
    expect(numbersOf('OldestClaimed').Threshold).toBe(3_600);
  });

  test.each([
    [
      'ReportsFail',
      'IF(FILL(tried, 0) >= 10 AND FILL(confirmed, 0) < FILL(tried, 0) / 2, 1, 0)',
      { tried: 'ReportsTried', confirmed: 'ReportsConfirmed' },
    ],
    [
      'PlayersRefused',
      'IF(FILL(requests, 0) >= 20 AND FILL(refused, 0) >= FILL(requests, 0) / 2, 1, 0)',
      { requests: 'ApiRequests', refused: 'PlayersRefused' },
    ],
  ])(
    '%s compares one count with another, where there is enough to compare, twice in a row',
    (name, formula, counts) => {
      const { Metrics } = z
        .object({ Metrics: z.array(z.looseObject({ Id: z.string(), Expression: z.string().optional() })) })
        .parse(alarms.get(name));
      const [expression, ...compared] = Metrics;
      expect(expression?.Expression).toBe(formula);
      const Dimensions = [
        { Name: 'service', Value: 'entitlements' },
        { Name: 'stage', Value: 'prod' },
      ];
      expect(compared).toMatchObject(
        Object.entries(counts).map(([Id, MetricName]) => ({
          Id,
          MetricStat: { Metric: { MetricName, Dimensions }, Period: 900, Stat: 'Sum' },
        })),
      );
      expect(alarms.get(name)).toMatchObject({ EvaluationPeriods: 2, Threshold: 0 });
    },
  );

  test('watch for pushes that are refused where somebody takes pushes', () => {
    const pushing = stageWith({ partners: { shop: partnerWith({ entitlements: entitlementsWith({ push: true }) }) } });
    const pushed = alarmsOf(pushing);
    expect([...pushed.keys()].filter((name) => !alarms.has(name))).toEqual(['PushesRefused']);
    expect(pushed.get('PushesRefused')).toMatchObject({
      AlarmDescription: expect.stringMatching(/^Stage prod\. Impact: .+\. First: .+\.$/),
      MetricName: 'PushesRefused',
      Statistic: 'Sum',
      Period: 900,
      EvaluationPeriods: 1,
      Threshold: 20,
    });
    expect(bodyOfDashboard(pushing)).toContain('PushesRefused');
    expect(bodyOfDashboard(template)).not.toContain('PushesRefused');
  });

  test('see a grant that fails at each of its tries, which are up to fifteen minutes apart', () => {
    const { Period, EvaluationPeriods } = numbersOf('GrantFailures');
    expect(Period).toBeGreaterThanOrEqual(900);
    expect(EvaluationPeriods).toBeGreaterThan(1);
  });

  test.each(['rate(1 minute)', 'rate(60 minutes)'])('hear of every sweep, or of its absence, at %s', (sweep) => {
    const scheduled = alarmsOf(stageWith({ sweep }));
    const seconds = minutesBetweenRuns(sweep) * 60;
    for (const name of ['OldestClaimed', 'SweeperSilent']) {
      const { Period, EvaluationPeriods } = numbersOf(name, scheduled);
      expect(Period / seconds).toBeGreaterThan(1);
      expect(Period * EvaluationPeriods).toBeLessThanOrEqual(86_400);
    }
  });

  test('rise without data only where nobody sweeps', () => {
    const silent = [...alarms].filter(([, properties]) => properties['TreatMissingData'] === 'breaching');
    expect(silent.map(([name]) => name)).toEqual(['SweeperSilent']);
    expect(alarms.get('SweeperSilent')).toMatchObject({ ComparisonOperator: 'LessThanThreshold', Threshold: 1 });
  });

  test('are on the dashboard, with what is granted, reported and open', () => {
    const body = bodyOfDashboard(template);
    for (const id of resourcesOf(template, 'AWS::CloudWatch::Alarm').keys()) expect(body).toContain(id);
    for (const word of [
      'EntitlementsGranted',
      'EntitlementsReported',
      'ReportsTried',
      'ReportsConfirmed',
      'PlayersRefused',
      'OpenEntitlements',
      'OldestUnreportedSeconds',
      'GrantsDeadLettered',
      'ResumeGrants errors',
      'ServePlayers p99',
    ]) {
      expect(body).toContain(word);
    }
  });
});
