import { Aws, Duration } from 'aws-cdk-lib';
import { PolicyDocument, PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import { CfnSchedule } from 'aws-cdk-lib/aws-scheduler';
import { Construct } from 'constructs';
import { minutesBetweenRuns } from '../../config/schedules.ts';

/** A tick that could not be delivered for so long is worth nothing: the next one does its work. */
export const TICK_LIFETIME = Duration.seconds(60);

/** An alarm's period that holds a number of runs of a schedule, however seldom it runs. */
export function periodOfRuns(runs: number, expression: string, leastMinutes: number): Duration {
  return Duration.minutes(Math.max(leastMinutes, runs * minutesBetweenRuns(expression)));
}

export interface FunctionScheduleProps {
  readonly target: LambdaFunction;
  /** `rate(<n> minutes)`. It fires at once when the schedule is created. */
  readonly expression: string;
  readonly description: string;
}

/** Invokes a function on a schedule. Ticks do not pile up: what is late is dropped. */
export class FunctionSchedule extends Construct {
  constructor(scope: Construct, id: string, { target, expression, description }: FunctionScheduleProps) {
    super(scope, id);

    const role = new Role(this, 'Role', {
      // Only schedules of this account may act through the role, not one that somebody else points here.
      assumedBy: new ServicePrincipal('scheduler.amazonaws.com', {
        conditions: { StringEquals: { 'aws:SourceAccount': Aws.ACCOUNT_ID } },
      }),
      inlinePolicies: {
        Invoke: new PolicyDocument({
          statements: [new PolicyStatement({ actions: ['lambda:InvokeFunction'], resources: [target.functionArn] })],
        }),
      },
    });

    new CfnSchedule(this, 'Schedule', {
      description,
      scheduleExpression: expression,
      flexibleTimeWindow: { mode: 'OFF' },
      target: {
        arn: target.functionArn,
        roleArn: role.roleArn,
        retryPolicy: { maximumEventAgeInSeconds: TICK_LIFETIME.toSeconds(), maximumRetryAttempts: 2 },
      },
    });
  }
}
