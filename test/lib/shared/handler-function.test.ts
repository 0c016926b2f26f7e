import { Duration, Stack } from 'aws-cdk-lib';
import { Match } from 'aws-cdk-lib/assertions';
import { describe, expect, test } from 'vitest';
import { loadSettings } from '../../../config/settings.ts';
import type { Environment } from '../../../lambdas/change-events/publish-changes.handler.ts';
import { HandlerFunction, type HandlerFunctionProps } from '../../../lib/shared/handler-function.ts';
import { resourcesOf, templateOf, testApp } from '../synthesis.ts';

const template = templateOf('prod');

describe('handler functions', () => {
  test('run on the current Node, on arm64, traced, with a log group of their own', () => {
    template.allResourcesProperties('AWS::Lambda::Function', {
      Runtime: 'nodejs24.x',
      Architectures: ['arm64'],
      Handler: 'index.handler',
      TracingConfig: { Mode: 'Active' },
      LoggingConfig: { LogGroup: { Ref: Match.stringLikeRegexp('Logs') } },
      Description: Match.stringLikeRegexp('^(Schedule|Slices queue|History stream|Notifications of .+): '),
    });
    template.allResourcesProperties('AWS::Logs::LogGroup', { RetentionInDays: 90 });
    expect(resourcesOf(template, 'AWS::Logs::LogGroup').size).toBe(resourcesOf(template, 'AWS::Lambda::Function').size);
  });

  test('run under a role that only Lambda can take', () => {
    const roles = [...resourcesOf(template, 'AWS::IAM::Role')].filter(([id]) => !id.includes('Schedule'));
    expect(roles).toHaveLength(resourcesOf(template, 'AWS::Lambda::Function').size);
    for (const [, role] of roles) {
      expect(role.Properties['AssumeRolePolicyDocument']).toMatchObject({
        Statement: [{ Action: 'sts:AssumeRole', Effect: 'Allow', Principal: { Service: 'lambda.amazonaws.com' } }],
      });
    }
  });

  test('are scheduled by roles that only schedules of this account can take', () => {
    const roles = [...resourcesOf(template, 'AWS::IAM::Role')].filter(([id]) => id.includes('Schedule'));
    expect(roles).toHaveLength(3);
    for (const [, role] of roles) {
      expect(role.Properties['AssumeRolePolicyDocument']).toMatchObject({
        Statement: [
          {
            Principal: { Service: 'scheduler.amazonaws.com' },
            Condition: { StringEquals: { 'aws:SourceAccount': { Ref: 'AWS::AccountId' } } },
          },
        ],
      });
    }
  });

  test('do not compile when a variable is missing or unknown to the handler', () => {
    const define = (environment: HandlerFunctionProps<Environment>['environment']) =>
      new HandlerFunction<Environment>(new Stack(testApp(), 'Test'), 'Sample', {
        handler: 'change-events/publish-changes',
        description: 'Sample',
        timeout: Duration.seconds(1),
        memorySize: 128,
        permissions: [],
        settings: loadSettings('local'),
        environment,
      });

    define({ HISTORY_TABLE: 'a', BUS_NAME: 'b' });
    // @ts-expect-error -- the handler asks for BUS_NAME as well
    define({ HISTORY_TABLE: 'a' });
    // @ts-expect-error -- the handler knows no BUS
    define({ HISTORY_TABLE: 'a', BUS_NAME: 'b', BUS: 'c' });
  });
});
