import { describe, expect, test } from 'vitest';
import * as z from 'zod';
import { resourcesOf, templateOf, withoutHash } from '../synthesis.ts';
import { stageWith } from './partner-stages.ts';

const template = stageWith();
const alarms = new Map(
  [...resourcesOf(template, 'AWS::CloudWatch::Alarm')].flatMap(([id, { Properties }]) => {
    const [, name] = /^OperationsPartnerApi(\w+)Alarm$/.exec(withoutHash(id)) ?? [];
    return name === undefined ? [] : [[name, Properties] as const];
  }),
);
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

  test('watch what API Gateway answers, and how long it waits', () => {
    expect(alarms.get('ServerErrors')).toMatchObject({
      Namespace: 'AWS/ApiGateway',
      MetricName: '5XXError',
      Statistic: 'Sum',
      Dimensions: ofStage,
    });
    expect(alarms.get('Slow')).toMatchObject({
      MetricName: 'IntegrationLatency',
      ExtendedStatistic: 'p99',
      Threshold: 3000,
      Dimensions: ofStage,
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

  test('add up the faults and throttles of all four functions, where one without any has no data', () => {
    for (const [name, count, own] of [
      ['Faults', 8, 4],
      ['Throttles', 4, 0],
    ] as const) {
      const metrics = Metrics.parse(alarms.get(name)?.['Metrics']);
      const sums = metrics.flatMap(({ Expression }) => Expression ?? []);
      const added = metrics.flatMap(({ Id, MetricStat }) => (MetricStat ? [{ id: Id, ...MetricStat.Metric }] : []));
      expect(added).toHaveLength(count);
      expect(sums).toEqual([added.map(({ id }) => `FILL(${id}, 0)`).join(' + ')]);
      const rooms = added.filter(({ Namespace }) => Namespace === 'OfferRelay').map(({ Dimensions }) => Dimensions);
      expect(rooms).toEqual(own === 0 ? [] : ['offer-codes', 'titles', 'prices', 'partner-api'].map(ofRoom));
      const functions = added.filter(({ Namespace }) => Namespace === 'AWS/Lambda');
      expect(new Set(functions.map(({ Dimensions }) => JSON.stringify(Dimensions))).size).toBe(4);
    }
  });

  test('are on the dashboard, with what partners ask and get', () => {
    const [dashboard] = resourcesOf(template, 'AWS::CloudWatch::Dashboard').values();
    const body = JSON.stringify(dashboard?.Properties['DashboardBody']);
    for (const id of resourcesOf(template, 'AWS::CloudWatch::Alarm').keys()) expect(body).toContain(id);
    for (const word of ['ApiRequests', 'InvalidCodes', 'GuardTrips', '4XXError', '5XXError', 'ServePrices p99']) {
      expect(body).toContain(word);
    }
  });
});
