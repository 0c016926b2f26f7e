import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { Template } from 'aws-cdk-lib/assertions';
import { describe, expect, test } from 'vitest';
import * as z from 'zod';
import { loadSettings } from '../../config/settings.ts';
import { partnerWith } from './partner-api/partner-stages.ts';
import { defineStage, resourcesOf, templateOf, testApp } from './synthesis.ts';

const local = templateOf('local');
const prod = templateOf('prod');

/** Types whose resources hold something that cannot be had again; a bus cannot be deleted without its archive. */
const KEEPERS = [
  'AWS::DynamoDB::Table',
  'AWS::SQS::Queue',
  'AWS::Events::Archive',
  'AWS::Events::EventBus',
  'AWS::Logs::LogGroup',
];

describe('the stack', () => {
  test('deploys exactly the handlers that lie below lambdas', () => {
    const folder = join(import.meta.dirname, '../../lambdas');
    const handlers = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((path) =>
      /^[^/\\]+[/\\][^/\\]+\.handler\.ts$/.test(path),
    );
    const stems = handlers.map((path) => path.replaceAll('\\', '/').replace(/\.handler\.ts$/, '')).sort();
    const everything = templateOf('local', (settings) => {
      const { offerStatus, pricing, buyWithPrime } = settings.runtime;
      const main = { marketplaces: ['US'] };
      const { example = partnerWith() } = settings.runtime.partnerApi.partners;
      const pushing = { ...example, entitlements: { ...example.entitlements, push: true } };
      const runtime = {
        ...settings.runtime,
        partnerApi: { partners: { example: pushing } },
        offerStatus: { ...offerStatus, notifications: { ...offerStatus.notifications, enabled: true } },
        pricing: { ...pricing, accounts: { ...pricing.accounts, main } },
        buyWithPrime: { ...buyWithPrime, events: { eventBus: { name: 'aws.partner/buywithprime/example' } } },
      };
      return { ...settings, runtime };
    });
    const functions = resourcesOf(everything, 'AWS::Lambda::Function').size;
    const run = [...resourcesOf(everything, 'AWS::IAM::Role').values()].flatMap(({ Properties }) => {
      const [, stem] = /^Runs (\S+) of Offer Relay/.exec(String(Properties['Description'])) ?? [];
      return stem === undefined ? [] : [stem];
    });

    expect(functions).toBe(stems.length);
    expect(run.sort()).toEqual(stems);
  });

  test('keeps everything that holds data in prod and nothing in local', () => {
    for (const [template, policy] of [
      [prod, 'Retain'],
      [local, 'Delete'],
    ] as const) {
      const keepers = [...resourcesOf(template)].filter(([, { Type }]) => KEEPERS.includes(Type));
      expect(new Set(keepers.map(([, { Type }]) => Type)).size).toBe(KEEPERS.length);
      expect(keepers.length).toBeGreaterThan(8);
      for (const [id, resource] of keepers) {
        expect([id, resource.DeletionPolicy, resource.UpdateReplacePolicy]).toEqual([id, policy, policy]);
      }
    }
  });

  test('protects a kept stage against deletion', () => {
    expect(defineStage(testApp(), loadSettings('prod')).terminationProtection).toBe(true);
    expect(defineStage(testApp(), loadSettings('local')).terminationProtection).toBe(false);
    prod.allResourcesProperties('AWS::DynamoDB::Table', { DeletionProtectionEnabled: true });
    local.allResourcesProperties('AWS::DynamoDB::Table', { DeletionProtectionEnabled: false });
  });

  test('gives no resource a fixed physical name, but for bus and API, which are named after the stack', () => {
    const nameOf: Readonly<Record<string, string>> = {
      'AWS::ApiGateway::ApiKey': 'Name',
      'AWS::ApiGateway::Model': 'Name',
      'AWS::ApiGateway::RequestValidator': 'Name',
      'AWS::ApiGateway::UsagePlan': 'UsagePlanName',
      'AWS::CloudWatch::Alarm': 'AlarmName',
      'AWS::CloudWatch::Dashboard': 'DashboardName',
      'AWS::DynamoDB::Table': 'TableName',
      'AWS::Events::Archive': 'ArchiveName',
      'AWS::IAM::Role': 'RoleName',
      'AWS::Lambda::Function': 'FunctionName',
      'AWS::Logs::LogGroup': 'LogGroupName',
      'AWS::SQS::Queue': 'QueueName',
      'AWS::Scheduler::Schedule': 'Name',
      'AWS::SecretsManager::Secret': 'Name',
    };
    for (const [id, { Type, Properties }] of [...resourcesOf(prod), ...resourcesOf(local)]) {
      const name = nameOf[Type];
      if (name !== undefined) expect([id, Properties[name]]).toEqual([id, undefined]);
    }
    const [bus] = resourcesOf(prod, 'AWS::Events::EventBus').values();
    expect(bus?.Properties['Name']).toMatch(/^OfferRelayprod/);
    const [api] = resourcesOf(local, 'AWS::ApiGateway::RestApi').values();
    expect(api?.Properties['Name']).toBe('OfferRelay-local');
  });

  test('lets two stages live side by side in one account', () => {
    const app = testApp();
    const settings = loadSettings('local');
    const bus = { ...settings.bus, subscriberAccounts: ['111122223333'] };
    const stacks = ['local', 'other'].map((stage) =>
      defineStage(app, { ...settings, bus, stage, runtime: { ...settings.runtime, stage } }),
    );
    const namesOf = (type: string, property: string) =>
      stacks.flatMap((stack) =>
        [...resourcesOf(Template.fromStack(stack), type).values()].map(({ Properties }) => Properties[property]),
      );

    expect(stacks.map((stack) => stack.stackName)).toEqual(['OfferRelay-local', 'OfferRelay-other']);
    expect(new Set(namesOf('AWS::Events::EventBus', 'Name')).size).toBe(2);
    expect(namesOf('AWS::Events::EventBusPolicy', 'StatementId')).toEqual(['OfferRelay-local', 'OfferRelay-other']);
  });

  test('belongs to no account or region', () => {
    // SP-API's own account is the same for everybody.
    expect(JSON.stringify(prod.toJSON())).not.toMatch(/:(?!437568002678)\d{12}:|[a-z]{2}-[a-z]+-\d/);
  });

  test('says where everything is', () => {
    const outputs = z
      .object({ Outputs: z.record(z.string(), z.object({ Value: z.unknown(), Description: z.string().min(10) })) })
      .parse(local.toJSON()).Outputs;

    expect(Object.keys(outputs).sort()).toEqual([
      'BucketsTableName',
      'BusArn',
      'BusName',
      'DashboardUrl',
      'DeadLetterQueueArn',
      'DeadLetterQueueUrl',
      'EntitlementsTableName',
      'FailedBatchesQueueUrl',
      'GrantsDeadLetterQueueArn',
      'GrantsDeadLetterQueueUrl',
      'GrantsQueueArn',
      'GrantsQueueUrl',
      'HistoryTableName',
      'PartnerApiUrl',
      'PartnerExampleApiKeyId',
      'PartnerExampleRoleArn',
      'PriceDeadLetterQueueArn',
      'PriceDeadLetterQueueUrl',
      'PriceSlicesQueueArn',
      'PriceSlicesQueueUrl',
      'PricingNotificationsDeadLetterQueueArn',
      'PricingNotificationsDeadLetterQueueUrl',
      'PricingNotificationsQueueArn',
      'PricingNotificationsQueueUrl',
      'RequestsTableName',
      'RequiredSecrets',
      'SlicesQueueArn',
      'SlicesQueueUrl',
      'WatchesTableName',
    ]);
    expect(outputs['RequiredSecrets']?.Value).toBe(
      'offer-relay/local/offer-status/example,offer-relay/local/pricing/example,offer-relay/local/pricing/example-eu,offer-relay/local/offer-codes/trust,offer-relay/local/entitlements/trust,offer-relay/local/buy-with-prime/example',
    );
  });

  test('says so when no secret is needed', () => {
    const template = templateOf('local', (settings) => ({
      ...settings,
      runtime: {
        ...settings.runtime,
        offerStatus: { ...settings.runtime.offerStatus, accounts: {} },
        pricing: { ...settings.runtime.pricing, accounts: {} },
        partnerApi: { partners: {} },
      },
    }));
    template.hasOutput('RequiredSecrets', { Value: 'none' });
  });
});
