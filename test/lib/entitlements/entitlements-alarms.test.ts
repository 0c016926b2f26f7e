import type { Template } from 'aws-cdk-lib/assertions';
import { describe, expect, test } from 'vitest';
import * as z from 'zod';
import { minutesBetweenRuns } from '../../../config/schedules.ts';
import { stageWith } from '../partner-api/partner-stages.ts';
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
const alarms = alarmsOf(template);
const Numbers = z.object({ Period: z.number(), EvaluationPeriods: z.number(), Threshold: z.number() });
const numbersOf = (name: string, of = alarms) => Numbers.parse(of.get(name));

describe('alarms of entitlements', () => {
  test('say the impact and what to do first', () => {
    expect([...alarms.keys()].sort()).toEqual([
      'DeadLetters',
      'GrantFailures',
      'OldestClaimed',
      'ReportsFail',
      'ResumerErrors',
      'ResumerThrottles',
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

  test('rise at the first unknown SKU, stuck entitlement and dead letter', () => {
    for (const name of ['UnknownSkus', 'Stuck', 'DeadLetters']) {
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

  test('rise when a grant waits for an hour, or for as long as the settings call stuck', () => {
    expect(numbersOf('OldestClaimed').Threshold).toBe(3_600);
    const impatient = alarmsOf(stageWith({ entitlements: { stuckAfterSeconds: 600 } }));
    expect(numbersOf('OldestClaimed', impatient).Threshold).toBe(600);
  });

  test('compare what Amazon takes with what is granted, where there is enough to compare', () => {
    const { Metrics } = z
      .object({ Metrics: z.array(z.looseObject({ Id: z.string(), Expression: z.string().optional() })) })
      .parse(alarms.get('ReportsFail'));
    const [expression, ...compared] = Metrics;
    expect(expression?.Expression).toBe(
      'IF(FILL(granted, 0) >= 10 AND FILL(reported, 0) < FILL(granted, 0) / 2, 1, 0)',
    );
    expect(compared).toMatchObject([
      { Id: 'granted', MetricStat: { Metric: { MetricName: 'EntitlementsGranted' }, Period: 900, Stat: 'Sum' } },
      { Id: 'reported', MetricStat: { Metric: { MetricName: 'EntitlementsReported' }, Period: 900, Stat: 'Sum' } },
    ]);
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
    const [dashboard] = resourcesOf(template, 'AWS::CloudWatch::Dashboard').values();
    const body = JSON.stringify(dashboard?.Properties['DashboardBody']);
    for (const id of resourcesOf(template, 'AWS::CloudWatch::Alarm').keys()) expect(body).toContain(id);
    for (const word of [
      'EntitlementsGranted',
      'EntitlementsReported',
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
