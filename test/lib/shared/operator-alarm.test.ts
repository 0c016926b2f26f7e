import { describe, expect, test } from 'vitest';
import * as z from 'zod';
import { minutesBetweenRuns } from '../../../config/schedules.ts';
import { resourcesOf, templateOf, withoutHash } from '../synthesis.ts';

const template = templateOf('prod');
const alarms = [...resourcesOf(template, 'AWS::CloudWatch::Alarm').values()];

const Numbers = z.object({ Period: z.number(), EvaluationPeriods: z.number(), Threshold: z.number() });

/** Period in seconds, number of periods and threshold of an alarm. */
function settingsOf(name: string, of = template): [number, number, number] {
  const found = [...resourcesOf(of, 'AWS::CloudWatch::Alarm')].filter(([id]) =>
    new RegExp(`^Operations(OfferStatus|ChangeEvents)${name}Alarm$`).test(withoutHash(id)),
  );
  expect(found, name).toHaveLength(1);
  const { Period, EvaluationPeriods, Threshold } = Numbers.parse(found[0]?.[1].Properties);
  return [Period, EvaluationPeriods, Threshold];
}

describe('alarms', () => {
  test('say the impact and what to do first', () => {
    expect(alarms.length).toBeGreaterThanOrEqual(18);
    for (const { Properties } of alarms) {
      expect(Properties['AlarmDescription']).toMatch(/^Stage prod\. Impact: .+\. First: .+\.$/);
    }
  });

  test('rise without data only where silence is the failure', () => {
    const silent = alarms.filter(({ Properties }) => Properties['TreatMissingData'] === 'breaching');
    expect(silent.map(({ Properties }) => Properties['MetricName'])).toEqual([
      'Invocations',
      'Invocations',
      'Invocations',
    ]);
    expect(alarms.every(({ Properties }) => Properties['TreatMissingData'] !== undefined)).toBe(true);
  });

  test('watch the metrics that the functions emit, with their dimensions', () => {
    const own = alarms.filter(({ Properties }) => Properties['Namespace'] === 'OfferRelay');
    const watched = own.map(({ Properties }) => Properties['MetricName']);
    expect([...new Set(watched)].sort()).toEqual([
      'CredentialsRefused',
      'OldestUnpublishedSeconds',
      'PublishFailures',
      'Republished',
      'StalledSeconds',
      'Throttled',
      'Unavailable',
      'UnreadableAnswers',
    ]);
    for (const { Properties } of own) {
      expect(Properties['Dimensions']).toEqual([
        { Name: 'service', Value: expect.stringMatching(/^(offer-status|pricing|change-events)$/) },
        { Name: 'stage', Value: 'prod' },
      ]);
    }
  });

  test('rise when something lasts, not at once', () => {
    expect(settingsOf('Stalled')).toEqual([300, 3, 1200]);
    expect(settingsOf('Unavailable')).toEqual([300, 3, 20]);
    expect(settingsOf('Throttled')).toEqual([900, 3, 0]);
    expect(settingsOf('Republished')).toEqual([900, 3, 0]);
  });

  test.each([
    ['rate(1 minute)', 'rate(1 minute)'],
    ['rate(9 minutes)', 'rate(60 minutes)'],
  ])('can rise when checks are planned at %s and changes looked for at %s', (plan, reconcile) => {
    const scheduled = templateOf('prod', (settings) => ({
      ...settings,
      schedules: { ...settings.schedules, plan, reconcile },
    }));
    for (const [names, schedule] of [
      [['Stalled', 'PlannerSilent', 'PlannerErrors'], plan],
      [['Republished', 'ReconcilerSilent', 'ReconcilerErrors'], reconcile],
    ] as const) {
      for (const name of names) {
        const [period, periods, threshold] = settingsOf(name, scheduled);
        const seconds = minutesBetweenRuns(schedule) * 60;
        // Enough runs in a period for as many errors as it takes; and CloudWatch looks back a day at most.
        expect(period / seconds, name).toBeGreaterThan(name.endsWith('Errors') ? threshold + 1 : 1);
        expect(period * periods, name).toBeLessThanOrEqual(86_400);
      }
    }
  });

  test('notify nobody by default, and the topic of the settings where there is one', () => {
    expect(alarms.every(({ Properties }) => Properties['AlarmActions'] === undefined)).toBe(true);

    const notificationTopicArn = 'arn:aws:sns:eu-west-1:111122223333:operators';
    const notifying = templateOf('prod', (settings) => ({ ...settings, alarms: { notificationTopicArn } }));
    for (const { Properties } of resourcesOf(notifying, 'AWS::CloudWatch::Alarm').values()) {
      expect(Properties['AlarmActions']).toEqual([notificationTopicArn]);
      expect(Properties['OKActions']).toEqual([notificationTopicArn]);
    }
  });

  test('are all on the one dashboard', () => {
    template.resourceCountIs('AWS::CloudWatch::Dashboard', 1);
    const [dashboard] = resourcesOf(template, 'AWS::CloudWatch::Dashboard').values();
    const body = JSON.stringify(dashboard?.Properties['DashboardBody']);
    for (const id of resourcesOf(template, 'AWS::CloudWatch::Alarm').keys()) expect(body).toContain(id);
    for (const metric of ['StalledSeconds', 'Rejected']) expect(body).toContain(metric);
  });
});
