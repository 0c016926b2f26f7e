import type { GatewayResponseType } from './gateway-error.ts';

/** A REST API of the template with everything that belongs to it. */
export interface RestApiDefinition {
  logicalId: string;
  /** The identifier in its ARN, ten letters and digits. */
  id: string;
  /** Media types that are bytes rather than text; `*` stands for any type or subtype. */
  binaryMediaTypes: readonly string[];
  /** By identifier. */
  readonly resources: Map<string, ApiResource>;
  /** In the order in which they were made. */
  readonly methods: MethodDefinition[];
  /** By identifier. */
  readonly validators: Map<string, RequestValidator>;
  /** By name. */
  readonly models: Map<string, ModelDefinition>;
  readonly gatewayResponses: Map<GatewayResponseType, GatewayResponseDefinition>;
  /** By identifier. */
  readonly deployments: Map<string, DeploymentDefinition>;
  /** By name. */
  readonly stages: Map<string, StageDefinition>;
}

export interface ApiResource {
  id: string;
  /** Such as `/titles/{alid}`. */
  path: string;
}

export interface MethodDefinition {
  logicalId: string;
  resource: ApiResource;
  /** Such as `GET`; `ANY` stands for all that the resource has no method of its own for. */
  httpMethod: string;
  authorization: 'NONE' | 'AWS_IAM';
  apiKeyRequired: boolean;
  requiredParameters: readonly RequestParameter[];
  /** Name of the model by media type; `$default` stands for every other. */
  requestModels: Readonly<Record<string, string>>;
  validatorId?: string;
  integration: LambdaIntegration | MockIntegration;
}

export interface RequestParameter {
  in: 'header' | 'path' | 'querystring';
  name: string;
}

interface IntegrationCommon {
  /** What becomes of a body whose media type nothing is said about. */
  passthrough: 'WHEN_NO_MATCH' | 'WHEN_NO_TEMPLATES' | 'NEVER';
}

export interface LambdaIntegration extends IntegrationCommon {
  kind: 'lambda';
  functionArn: string;
  timeoutMs: number;
}

export interface MockIntegration extends IntegrationCommon {
  kind: 'mock';
  /** Status that the request's template answers with, by media type. */
  statusCodes: Readonly<Record<string, number>>;
  responses: readonly MockResponse[];
}

export interface MockResponse {
  /** For which statuses; undefined is the one for all others. */
  selection?: RegExp;
  statusCode: number;
  headers: Readonly<Record<string, string>>;
  /** Body by media type. */
  bodies: Readonly<Record<string, string>>;
}

export interface RequestValidator {
  body: boolean;
  parameters: boolean;
}

export interface ModelDefinition {
  logicalId: string;
  name: string;
  /** JSON Schema, draft 4. */
  schema: Readonly<Record<string, unknown>>;
}

export interface GatewayResponseDefinition {
  statusCode?: number;
  /** Where each header's value comes from: `'text'`, or a parameter of the request, a stage or context variable. */
  headers: Readonly<Record<string, string>>;
  /** By media type. */
  templates: Readonly<Record<string, string>>;
}

/** What a stage serves: the methods that there were when it was deployed. */
export interface DeploymentDefinition {
  logicalId: string;
  id: string;
  methods: readonly MethodDefinition[];
}

export interface StageDefinition {
  logicalId: string;
  name: string;
  deployment: DeploymentDefinition;
  variables: Readonly<Record<string, string>>;
  throttles: readonly MethodThrottle[];
  accessLog?: { groupName: string; format: string };
}

export interface Throttle {
  /** Requests a second; undefined leaves them to the account's limit. */
  rate?: number;
  /** Requests at once. */
  burst?: number;
}

/** A throttle of some methods of a stage. */
export interface MethodThrottle extends Throttle {
  /** Undefined: of every resource. */
  resourcePath?: string;
  /** Undefined: of every method. */
  httpMethod?: string;
}

export interface ApiKeyDefinition {
  logicalId: string;
  id: string;
  enabled: boolean;
  /** Undefined leaves it to API Gateway to make one up. */
  value?: string;
}

export interface UsagePlanDefinition {
  logicalId: string;
  id: string;
  stages: readonly { apiId: string; stage: string; throttles: readonly MethodThrottle[] }[];
  throttle: Throttle;
  quota?: Quota;
  readonly keyIds: Set<string>;
}

export interface Quota {
  limit: number;
  /** Requests that the first period is short of. */
  offset: number;
  period: 'DAY' | 'WEEK' | 'MONTH';
}

/** The account's settings of API Gateway. */
export interface ApiGatewayAccount {
  logicalId: string;
  /** In whose name logs are written. */
  logRoleArn: string;
}
