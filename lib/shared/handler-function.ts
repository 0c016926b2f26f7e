import { type Duration, Validations } from 'aws-cdk-lib';
import { Effect, PolicyDocument, PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import {
  ApplicationLogLevel,
  Architecture,
  Function as LambdaFunction,
  LoggingFormat,
  type RecursiveLoop,
  Runtime,
  Tracing,
} from 'aws-cdk-lib/aws-lambda';
import { Construct } from 'constructs';
import type { Settings } from '../../config/settings.ts';
import { type HandlerPath, handlerCode } from './handler-bundle.ts';
import { defineLogGroup } from './log-group.ts';

/** Actions on the resources with the given ARNs. */
export interface Permission {
  readonly actions: readonly string[];
  readonly resources: readonly string[];
  /**
   * What has to hold besides: values by condition key, by operator.
   *
   * @default - nothing
   */
  readonly conditions?: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

export interface HandlerFunctionProps<Environment extends object> {
  /** The handler below `lambdas/`, such as `offer-status/plan-checks`. */
  readonly handler: HandlerPath;
  /** What the function does, shown in the Lambda console. */
  readonly description: string;
  /** Every variable that the handler's schema asks for. */
  readonly environment: Environment;
  /** Everything the function may do besides writing its own log and traces. */
  readonly permissions: readonly Permission[];
  readonly timeout: Duration;
  /** MiB; the processor's share grows with it. */
  readonly memorySize: number;
  readonly settings: Settings;
  /**
   * Files that lie beside the bundle besides `settings.json`: their text by name.
   *
   * @default - none
   */
  readonly files?: Readonly<Record<string, string>>;
  /**
   * How long an asynchronous invocation may wait before it is dropped.
   *
   * @default - the function is not invoked asynchronously
   */
  readonly maximumEventAge?: Duration;
  /**
   * What Lambda does when the function keeps invoking itself by way of a queue.
   *
   * @default - Lambda's own, which is to stop it after 16 links
   */
  readonly recursiveLoop?: RecursiveLoop;
}

/**
 * One handler as a function: its bundle, its log group and a role that holds exactly what is listed.
 *
 * The type parameter is the handler's own `Environment`, so that a missing variable does not compile.
 */
export class HandlerFunction<Environment extends Record<keyof Environment, string>> extends Construct {
  readonly function: LambdaFunction;
  readonly role: Role;

  constructor(scope: Construct, id: string, props: HandlerFunctionProps<Environment>) {
    super(scope, id);
    const { settings } = props;

    const logGroup = defineLogGroup(this, 'Logs', settings);

    this.role = new Role(this, 'Role', {
      assumedBy: new ServicePrincipal('lambda.amazonaws.com'),
      description: `Runs ${props.handler} of Offer Relay (${settings.stage})`,
      inlinePolicies: {
        Handler: new PolicyDocument({
          statements: [
            { actions: ['logs:CreateLogStream', 'logs:PutLogEvents'], resources: [logGroup.logGroupArn] },
            { actions: ['xray:PutTraceSegments', 'xray:PutTelemetryRecords'], resources: ['*'] },
            ...props.permissions,
          ].map(
            ({ actions, resources, conditions }: Permission) =>
              new PolicyStatement({
                effect: Effect.ALLOW,
                actions: [...actions],
                resources: [...resources],
                ...(conditions && { conditions }),
              }),
          ),
        }),
      },
    });
    const traces = 'X-Ray has no resources that the two actions of active tracing could be limited to.';
    Validations.of(this.role).acknowledge(
      { id: 'AwsSolutions-IAM5[Resource::*]', reason: traces },
      { id: 'Serverless-LambdaStarPermissions', reason: traces },
    );

    this.function = new LambdaFunction(this, 'Function', {
      description: props.description,
      runtime: Runtime.NODEJS_24_X,
      architecture: Architecture.ARM_64,
      handler: 'index.handler',
      code: handlerCode(props.handler, settings.runtime, props.files),
      environment: props.environment,
      memorySize: props.memorySize,
      timeout: props.timeout,
      tracing: Tracing.ACTIVE,
      logGroup,
      // The runtime makes the log lines: JSON with time, level and request id.
      loggingFormat: LoggingFormat.JSON,
      applicationLogLevelV2: ApplicationLogLevel[settings.runtime.logLevel],
      // CDK's helpers add more than is used; what the role may do is listed here and nowhere else.
      role: this.role.withoutPolicyUpdates(),
      ...(props.maximumEventAge && { maxEventAge: props.maximumEventAge, retryAttempts: 0 }),
      ...(props.recursiveLoop && { recursiveLoop: props.recursiveLoop }),
    });
    const noDeadLetters = props.maximumEventAge
      ? 'The event is a tick of a schedule and holds nothing: the next tick does the work of one that failed.'
      : 'The function is never invoked asynchronously: its event source keeps what failed, or its caller hears of it.';
    Validations.of(this.function).acknowledge(
      { id: 'Serverless-LambdaDLQ', reason: noDeadLetters },
      { id: 'Serverless-LambdaAsyncFailureDestination', reason: noDeadLetters },
    );
  }
}
