import type { Template } from 'aws-cdk-lib/assertions';
import { describe, expect, test } from 'vitest';
import * as z from 'zod';
import { resourcesOf, templateOf, withoutHash } from '../synthesis.ts';
import { EVERYTHING, stageWith } from './partner-stages.ts';

const template = stageWith();

function alarmsOf(of: Template) {
  return new Map(
    [...resourcesOf(of, 'AWS::CloudWatch::Alarm')].flatMap(([id, { Properties }]) => {
      const [, name] = /^OperationsPartnerApi(\w+)Alarm$/.exec(withoutHash(id)) ?? [];
      return name === undefined ? [] : [[name, Properties] as const];
    }),
  );
}

const alarms = alarmsOf(template);
const Metrics = z.array(
  z.object({
    Id: z.string(),
    Expression: z.string().optional(),
    MetricStat: z
      .object({ Metric: z.object({ MetricName: z.string(), Namespace: z.string(), Dimensions: z.array(z.unknown()) }) })
      .optional(),
  }),
);

const ofStage = [
  { Name: 'ApiName', Value: 'OfferRelay-prod' },
  { Name: 'Stage', Value: { Ref: expect.stringMatching(/^PartnerApiGatewayApiDeploymentStageprod/) } },
];
const ofRoom = (service: string) => [
  { Name: 'service', Value: service },
  { Name: 'stage', Value: 'prod' },
];

describe('alarms of the partner API', () => {
  test('are there where there are partners, and say the impact and what to do first', () => {
    expect([...alarms.keys()].sort()).toEqual([
      'Faults',
      'FunctionErrors',
      'GuardTrips',
      'ServerErrors',
      'Slow',
      'Throttles',
      'UpstreamFailures',
    ]);
    for (const properties of alarms.values()) {
      expect(properties['AlarmDescription']).toMatch(/^Stage prod\. Impact: .+\. First: .+\.$/);
      expect(properties['TreatMissingData']).toBe('notBreaching');
    }
    const without = resourcesOf(templateOf('prod'), 'AWS::CloudWatch::Alarm');
    expect([...without.keys()].filter((id) => id.includes('PartnerApi'))).toEqual([]);
  });

  test('watch what API Gateway answers, and how long somebody waits at a till', () => {
    expect(alarms.get('ServerErrors')).toMatchObject({
      Namespace: 'AWS/ApiGateway',
      MetricName: '5XXError',
      Statistic: 'Sum',
      Dimensions: ofStage,
    });
    expect(alarms.get('Slow')).toMatchObject({
      Namespace: 'AWS/Lambda',
      MetricName: 'Duration',
      ExtendedStatistic: 'p99',
      Threshold: 3000,
      Dimensions: [
        { Name: 'FunctionName', Value: { Ref: expect.stringMatching(/^PartnerApiFunctionsServeOfferCodesFunction/) } },
      ],
    });
  });

  test('watch the upstream and the guard by the metrics that the function emits', () => {
    for (const [name, metric] of [
      ['UpstreamFailures', 'ApiUpstreamFailures'],
      ['GuardTrips', 'GuardTrips'],
    ] as const) {
      expect(alarms.get(name)).toMatchObject({
        Namespace: 'OfferRelay',
        MetricName: metric,
        Dimensions: ofRoom('offer-codes'),
      });
    }
  });

  test.each([
    ['a stage', template, 6],
    ['a stage with the push integration', stageWith(EVERYTHING), 7],
  ] as const)(
    'add up faults, errors and throttles of all functions of %s, where one without any has no data',
    (_, of, functions) => {
      const own = alarmsOf(of);
      for (const [name, count] of [
        ['Faults', 6],
        ['FunctionErrors', functions],
        ['Throttles', functions],
      ] as const) {
        const metrics = Metrics.parse(own.get(name)?.['Metrics']);
        const sums = metrics.flatMap(({ Expression }) => Expression ?? []);
        const added = metrics.flatMap(({ Id, MetricStat }) => (MetricStat ? [{ id: Id, ...MetricStat.Metric }] : []));
        expect(added).toHaveLength(count);
        // What CloudWatch takes in the expression of an alarm.
        expect(added.length).toBeLessThanOrEqual(10);
        expect(sums).toEqual([added.map(({ id }) => `FILL(${id}, 0)`).join(' + ')]);
        expect(new Set(added.map(({ Dimensions }) => JSON.stringify(Dimensions))).size).toBe(count);
        if (name === 'Faults') {
          expect(added.map(({ Dimensions }) => Dimensions)).toEqual(
            ['offer-codes', 'entitlements', 'buy-with-prime', 'titles', 'prices', 'partner-api'].map(ofRoom),
          );
        } else {
          const metric = name === 'Throttles' ? 'Throttles' : 'Errors';
          for (const one of added) expect(one).toMatchObject({ Namespace: 'AWS/Lambda', MetricName: metric });
        }
      }
    },
  );

  test('are on the dashboard, with what partners ask and get', () => {
    const [dashboard] = resourcesOf(template, 'AWS::CloudWatch::Dashboard').values();
    const body = JSON.stringify(dashboard?.Properties['DashboardBody']);
    for (const id of resourcesOf(template, 'AWS::CloudWatch::Alarm').keys()) expect(body).toContain(id);
    for (const word of [
      'ApiRequests',
      'InvalidCodes',
      'GuardTrips',
      '4XXError',
      '5XXError',
      'ServePrices p99',
      'ServeBuyWithPrime p99',
    ]) {
      expect(body).toContain(word);
    }
  });
});
