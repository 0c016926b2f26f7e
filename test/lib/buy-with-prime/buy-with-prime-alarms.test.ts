import type { Template } from 'aws-cdk-lib/assertions';
import { describe, expect, test } from 'vitest';
import * as z from 'zod';
import { partnerWith, stageWith } from '../partner-api/partner-stages.ts';
import { resourcesOf, templateOf, withoutHash } from '../synthesis.ts';

const buyWithPrime = { accounts: { main: {} } };
const template = stageWith({ partners: { shop: partnerWith({ buyWithPrime: { account: 'main' } }) }, buyWithPrime });

function alarmsOf(of: Template) {
  return new Map(
    [...resourcesOf(of, 'AWS::CloudWatch::Alarm')].flatMap(([id, { Properties }]) => {
      const [, name] = /^OperationsBuyWithPrime(\w+)Alarm$/.exec(withoutHash(id)) ?? [];
      return name === undefined ? [] : [[name, Properties] as const];
    }),
  );
}
function bodyOfDashboard(of: Template): string {
  const [dashboard] = resourcesOf(of, 'AWS::CloudWatch::Dashboard').values();
  return JSON.stringify(dashboard?.Properties['DashboardBody']);
}
const alarms = alarmsOf(template);
const Dimensions = [
  { Name: 'service', Value: 'buy-with-prime' },
  { Name: 'stage', Value: 'prod' },
];

describe('alarms of Buy with Prime', () => {
  test('say the impact and what to do first', () => {
    expect([...alarms.keys()].sort()).toEqual([
      'CredentialsRefused',
      'OrdersRejected',
      'OrdersUnknown',
      'SchemaDrift',
      'UpstreamFailures',
    ]);
    for (const properties of alarms.values()) {
      expect(properties['AlarmDescription']).toMatch(/^Stage prod\. Impact: .+\. First: .+\.$/);
      // CloudWatch takes no longer one.
      expect(String(properties['AlarmDescription']).length).toBeLessThanOrEqual(1024);
      // Nobody orders at night.
      expect(properties['TreatMissingData']).toBe('notBreaching');
    }
  });

  test.each([
    ['OrdersUnknown', 'OrdersUnknown', 1, 0],
    ['CredentialsRefused', 'CredentialsRefused', 1, 0],
    ['SchemaDrift', 'SchemaDrift', 1, 0],
    ['UpstreamFailures', 'ApiUpstreamFailures', 3, 10],
  ])('%s watches the metric %s of this service, %d periods above %d', (name, metric, periods, threshold) => {
    expect(alarms.get(name)).toMatchObject({
      Namespace: 'OfferRelay',
      MetricName: metric,
      Statistic: 'Sum',
      Dimensions,
      Period: 300,
      EvaluationPeriods: periods,
      Threshold: threshold,
      ComparisonOperator: 'GreaterThanThreshold',
    });
  });

  test('compare rejected orders with those that were made, where there are enough to compare, twice in a row', () => {
    const { Metrics } = z
      .object({ Metrics: z.array(z.looseObject({ Id: z.string(), Expression: z.string().optional() })) })
      .parse(alarms.get('OrdersRejected'));
    const [expression, ...compared] = Metrics;
    expect(expression?.Expression).toBe('IF(FILL(rejected, 0) >= 10 AND FILL(rejected, 0) > FILL(created, 0), 1, 0)');
    expect(compared).toMatchObject(
      Object.entries({ rejected: 'OrdersRejected', created: 'OrdersCreated' }).map(([Id, MetricName]) => ({
        Id,
        MetricStat: { Metric: { MetricName, Dimensions }, Period: 900, Stat: 'Sum' },
      })),
    );
    expect(alarms.get('OrdersRejected')).toMatchObject({ EvaluationPeriods: 2, Threshold: 0 });
  });

  test('are on the dashboard, with what is quoted and ordered, and how long it takes', () => {
    const body = bodyOfDashboard(template);
    for (const id of resourcesOf(template, 'AWS::CloudWatch::Alarm').keys()) expect(body).toContain(id);
    for (const word of [
      'QuotesGiven',
      'QuotesCached',
      'PartialAnswers',
      'OrdersCreated',
      'OrdersRejected',
      'OrdersUnknown',
      'Buy with Prime: latency',
    ]) {
      expect(body).toContain(word);
    }
  });

  test.each([
    ['there are no partners', templateOf('prod')],
    ['no partner has a merchant account', stageWith({ buyWithPrime })],
  ])('are not there where %s', (_, of) => {
    expect([...alarmsOf(of).keys()]).toEqual([]);
    expect(bodyOfDashboard(of)).not.toContain('Buy with Prime');
  });
});
