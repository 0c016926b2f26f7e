import { describe, expect, test } from 'vitest';
import { resourcesOf, templateOf } from '../synthesis.ts';

const template = templateOf('prod');
const alarms = [...resourcesOf(template, 'AWS::CloudWatch::Alarm').values()];

describe('alarms', () => {
  test('say the impact and what to do first', () => {
    expect(alarms.length).toBeGreaterThanOrEqual(12);
    for (const { Properties } of alarms) {
      expect(Properties['AlarmDescription']).toMatch(/^Stage prod\. Impact: .+\. First: .+\.$/);
    }
  });

  test('rise without data only where silence is the failure', () => {
    const silent = alarms.filter(({ Properties }) => Properties['TreatMissingData'] === 'breaching');
    expect(silent.map(({ Properties }) => Properties['MetricName'])).toEqual(['Invocations']);
    expect(alarms.every(({ Properties }) => Properties['TreatMissingData'] !== undefined)).toBe(true);
  });

  test('watch the metrics that the functions emit, with their dimensions', () => {
    const own = alarms.filter(({ Properties }) => Properties['Namespace'] === 'OfferRelay');
    const watched = own.map(({ Properties }) => Properties['MetricName']);
    expect(watched.sort()).toEqual([
      'CredentialsRefused',
      'OldestUnpublishedSeconds',
      'PublishFailures',
      'Throttled',
      'UnreadableAnswers',
    ]);
    for (const { Properties } of own) {
      expect(Properties['Dimensions']).toEqual([
        { Name: 'service', Value: expect.stringMatching(/^(offer-status|change-events)$/) },
        { Name: 'stage', Value: 'prod' },
      ]);
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
  });
});
