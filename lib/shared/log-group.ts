import { LogGroup } from 'aws-cdk-lib/aws-logs';
import type { Construct } from 'constructs';
import type { Settings } from '../../config/settings.ts';
import { removalPolicyOf } from './removal.ts';

/** A log group that keeps its lines for as long as the stage says. */
export function defineLogGroup(scope: Construct, id: string, settings: Settings): LogGroup {
  return new LogGroup(scope, id, {
    // eslint-disable-next-line @typescript-eslint/no-unsafe-enum-assignment -- the settings allow the enum's values only
    retention: settings.logRetentionDays,
    removalPolicy: removalPolicyOf(settings),
  });
}
