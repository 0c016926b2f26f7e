import type { TemporaryCredentials } from './credentials.ts';
import type { FilterPattern } from './event-pattern.ts';
import type { PolicyStatement } from './iam/policy.ts';
import type {
  ApiGatewayAccount,
  ApiKeyDefinition,
  RestApiDefinition,
  UsagePlanDefinition,
} from './rest-api/definition.ts';

/** What the template's resources come to: everything that the running parts of the cloud need to know, by ARN. */
export interface CloudModel {
  readonly functions: Map<string, FunctionDefinition>;
  readonly queues: Map<string, QueueDefinition>;
  readonly streams: Map<string, StreamDefinition>;
  readonly timeToLive: TimeToLiveDefinition[];
  readonly buses: Map<string, BusDefinition>;
  readonly rules: RuleDefinition[];
  readonly schedules: ScheduleDefinition[];
  readonly eventSources: EventSourceDefinition[];
  /** By function ARN. */
  readonly asyncInvocation: Map<string, AsyncInvocationSettings>;
  readonly roles: Map<string, RoleDefinition>;
  readonly secrets: Map<string, SecretDefinition>;
  /** The template's own managed policies. */
  readonly managedPolicies: Map<string, readonly PolicyStatement[]>;
  /** What a queue, bus or function says itself about who may use it. */
  readonly resourcePolicies: Map<string, readonly PolicyStatement[]>;
  /** By identifier, as are API keys and usage plans. */
  readonly restApis: Map<string, RestApiDefinition>;
  readonly apiKeys: Map<string, ApiKeyDefinition>;
  readonly usagePlans: Map<string, UsagePlanDefinition>;
  readonly apiGatewayAccounts: ApiGatewayAccount[];
}

export interface RoleDefinition {
  logicalId: string;
  name: string;
  arn: string;
  /** `AROA…` */
  roleId: string;
  /** How long a session of it may last. */
  maxSessionSeconds: number;
  /** Who may act in its name. */
  trust: readonly PolicyStatement[];
  /** What it may do. */
  statements: PolicyStatement[];
}

export interface SecretDefinition {
  logicalId: string;
  name: string;
  arn: string;
  /** Undefined where the template leaves it to somebody else to give it one. */
  value?: string;
}

export interface FunctionDefinition {
  logicalId: string;
  name: string;
  arn: string;
  /** The directory that Lambda would unpack to /var/task. */
  codeDirectory: string;
  handler: string;
  timeoutSeconds: number;
  memoryMb: number;
  environment: Record<string, string>;
  runtime: string;
  logGroup: string;
  /** Whether the group is left to Lambda to make, because the template names none. */
  makesLogGroup: boolean;
  logFormat: 'Text' | 'JSON';
  logLevel?: string;
  deadLetterArn?: string;
  roleArn: string;
  /** Whether Lambda writes X-Ray segments for it. */
  traced: boolean;
  credentials: TemporaryCredentials;
}

export interface QueueDefinition {
  name: string;
  arn: string;
  /** The engine's own; callers have one that leads through the front door. */
  url: string;
  fifo: boolean;
  visibilityTimeoutSeconds: number;
  /** ARNs of the queues that may use it as their dead-letter queue; undefined lets all. */
  redriveFrom?: readonly string[];
}

export interface StreamDefinition {
  /** The stream's ARN as the template sees it, in this cloud's region and account. */
  arn: string;
  tableName: string;
  /** The same stream's ARN as the engine knows it. */
  engineArn: string;
}

export interface TimeToLiveDefinition {
  tableName: string;
  attribute: string;
  keys: string[];
}

export interface BusDefinition {
  name: string;
  arn: string;
}

export interface DeliveryRetries {
  maximumAttempts: number;
  maximumAgeSeconds: number;
}

export interface InputTransformer {
  paths: Record<string, string>;
  template: string;
}

export interface RuleTarget {
  id: string;
  arn: string;
  roleArn?: string;
  input?: string;
  inputPath?: string;
  inputTransformer?: InputTransformer;
  messageGroupId?: string;
  retries: DeliveryRetries;
  deadLetterArn?: string;
}

export interface RuleDefinition {
  logicalId: string;
  name: string;
  arn: string;
  busName: string;
  enabled: boolean;
  pattern?: FilterPattern;
  scheduleExpression?: string;
  targets: RuleTarget[];
}

export interface ScheduleDefinition {
  logicalId: string;
  name: string;
  arn: string;
  groupArn: string;
  expression: string;
  enabled: boolean;
  startDate?: Date;
  endDate?: Date;
  target: {
    arn: string;
    roleArn: string;
    input?: string;
    messageGroupId?: string;
    retries: DeliveryRetries;
    deadLetterArn?: string;
  };
}

interface EventSourceCommon {
  id: string;
  logicalId: string;
  functionArn: string;
  enabled: boolean;
  batchSize: number;
  batchingWindowSeconds: number;
  reportBatchItemFailures: boolean;
  filters: FilterPattern[];
}

export interface SqsEventSourceDefinition extends EventSourceCommon {
  kind: 'sqs';
  queueArn: string;
  maximumConcurrency?: number;
}

export interface StreamEventSourceDefinition extends EventSourceCommon {
  kind: 'stream';
  streamArn: string;
  startingPosition: 'TRIM_HORIZON' | 'LATEST';
  bisectOnError: boolean;
  /** −1: until the record expires. */
  maximumRetryAttempts: number;
  /** −1: until the record expires. */
  maximumRecordAgeSeconds: number;
  parallelizationFactor: number;
  onFailureArn?: string;
}

export type EventSourceDefinition = SqsEventSourceDefinition | StreamEventSourceDefinition;

export interface AsyncInvocationSettings {
  maximumRetryAttempts: number;
  maximumEventAgeSeconds: number;
  onSuccessArn?: string;
  onFailureArn?: string;
}

export function emptyModel(): CloudModel {
  return {
    functions: new Map(),
    queues: new Map(),
    streams: new Map(),
    timeToLive: [],
    buses: new Map(),
    rules: [],
    schedules: [],
    eventSources: [],
    asyncInvocation: new Map(),
    roles: new Map(),
    secrets: new Map(),
    managedPolicies: new Map(),
    resourcePolicies: new Map(),
    restApis: new Map(),
    apiKeys: new Map(),
    usagePlans: new Map(),
    apiGatewayAccounts: [],
  };
}
