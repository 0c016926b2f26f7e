import { createHash } from 'node:crypto';
import * as z from 'zod';
import { ACCOUNT_ID, REGION } from '../intrinsics.ts';
import { bool, inert, integerBetween, resourceType, type ResourceContext } from '../resource-type.ts';
import type {
  ApiResource,
  LambdaIntegration,
  MethodThrottle,
  MockIntegration,
  MockResponse,
  RequestParameter,
  RestApiDefinition,
} from '../rest-api/definition.ts';
import { GATEWAY_RESPONSE_TYPES } from '../rest-api/gateway-error.ts';

const number = z.union([
  z.number(),
  z
    .string()
    .regex(/^\d+(\.\d+)?$/)
    .transform(Number),
]);
const texts = z.record(z.string(), z.string());
const StatusCode = z
  .union([z.string(), z.int().transform(String)])
  .refine((code) => /^[2-5]\d\d$/.test(code), 'a status has three digits')
  .transform(Number);
const ThrottleSettings = z.strictObject({
  BurstLimit: integerBetween(0, Number.MAX_SAFE_INTEGER).optional(),
  RateLimit: number.optional(),
});

/** An identifier as API Gateway makes them up; derived, so that a restart finds the same. */
function identifier({ assembly, logicalId }: ResourceContext, length: number): string {
  const hash = createHash('sha256').update(`${assembly.stackName}/${logicalId}`).digest('hex');
  return BigInt(`0x${hash}`).toString(36).slice(-length);
}

function apiOf(id: string, context: ResourceContext): RestApiDefinition {
  const api = context.model.restApis.get(id);
  if (api) return api;
  throw context.unsupported('RestApiId', `${id} is no REST API of this template`);
}

const restApiArn = (path: string): string => `arn:aws:apigateway:${REGION}::${path}`;

export const restApi = resourceType({
  properties: z.strictObject({
    Name: z.string(),
    EndpointConfiguration: z
      .strictObject({
        Types: z.array(z.enum(['REGIONAL', 'EDGE'], 'a private API has no address here')).optional(),
        IpAddressType: inert,
      })
      .optional(),
    ApiKeySourceType: z.literal('HEADER', 'API keys come in the header x-api-key').optional(),
    BinaryMediaTypes: z.array(z.string()).optional(),
  }),
  // The API's local address stands for all that it has on AWS, its own and those of custom domains.
  inert: ['Description', 'DisableExecuteApiEndpoint', 'Tags'],
  deploy({ BinaryMediaTypes = [] }, context) {
    const id = identifier(context, 10);
    const root: ApiResource = { id: identifier(context, 16).slice(0, 6), path: '/' };
    context.model.restApis.set(id, {
      logicalId: context.logicalId,
      id,
      binaryMediaTypes: BinaryMediaTypes.map((type) => type.replaceAll('~1', '/').toLowerCase()),
      resources: new Map([[root.id, root]]),
      methods: [],
      validators: new Map(),
      models: new Map(),
      gatewayResponses: new Map(),
      deployments: new Map(),
      stages: new Map(),
    });
    return { ref: id, attributes: { RestApiId: id, RootResourceId: root.id, Arn: restApiArn(`/restapis/${id}`) } };
  },
});

export const resource = resourceType({
  properties: z.strictObject({
    RestApiId: z.string(),
    ParentId: z.string(),
    PathPart: z
      .string()
      .regex(
        /^[\w.~:-]+$|^\{[\w.:-]+\+?\}$/,
        'a path part is text of letters, digits and -._~:, or one {parameter} or {parameter+}',
      ),
  }),
  inert: [],
  deploy({ RestApiId, ParentId, PathPart }, context) {
    const api = apiOf(RestApiId, context);
    const parent = api.resources.get(ParentId);
    if (!parent) throw context.unsupported('ParentId', `${ParentId} is no resource of this API`);
    if (parent.path.endsWith('+}')) throw context.unsupported('ParentId', 'nothing follows a greedy parameter');
    const id = identifier(context, 6);
    const path = `${parent.path === '/' ? '' : parent.path}/${PathPart}`;
    if ([...api.resources.values()].some((other) => other.path === path)) {
      throw context.unsupported('PathPart', `another resource has the path ${path}`);
    }
    api.resources.set(id, { id, path });
    return { ref: id, attributes: { ResourceId: id } };
  },
});

const IntegrationResponse = z.strictObject({
  StatusCode,
  SelectionPattern: z.string().optional(),
  ResponseParameters: texts.optional(),
  ResponseTemplates: texts.optional(),
});

const Integration = z.strictObject({
  Type: z.enum(['AWS_PROXY', 'MOCK'], 'integrations are with Lambda functions (AWS_PROXY) or MOCK'),
  IntegrationHttpMethod: z.string().optional(),
  Uri: z.string().optional(),
  TimeoutInMillis: integerBetween(50, 29_000).optional(),
  PassthroughBehavior: z.enum(['WHEN_NO_MATCH', 'WHEN_NO_TEMPLATES', 'NEVER']).optional(),
  RequestTemplates: texts.optional(),
  IntegrationResponses: z.array(IntegrationResponse).optional(),
  CacheKeyParameters: inert,
  CacheNamespace: inert,
});

export const method = resourceType({
  properties: z.strictObject({
    RestApiId: z.string(),
    ResourceId: z.string(),
    HttpMethod: z.enum(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'ANY']),
    AuthorizationType: z.enum(['NONE', 'AWS_IAM'], 'authorizers are not supported').optional(),
    ApiKeyRequired: bool.optional(),
    RequestParameters: z.record(z.string(), bool).optional(),
    RequestModels: texts.optional(),
    RequestValidatorId: z.string().optional(),
    Integration,
  }),
  inert: ['MethodResponses', 'OperationName'],
  deploy(properties, context) {
    const api = apiOf(properties.RestApiId, context);
    const found = api.resources.get(properties.ResourceId);
    if (!found) throw context.unsupported('ResourceId', `${properties.ResourceId} is no resource of this API`);
    const { HttpMethod: httpMethod, RequestModels: requestModels = {}, RequestValidatorId: validatorId } = properties;
    if (api.methods.some((other) => other.resource === found && other.httpMethod === httpMethod)) {
      throw context.unsupported('HttpMethod', `the resource ${found.path} has a method ${httpMethod} already`);
    }
    for (const [type, name] of Object.entries(requestModels)) {
      if (!api.models.has(name)) throw context.unsupported(`RequestModels.${type}`, `${name} is no model of this API`);
    }
    if (validatorId !== undefined && !api.validators.has(validatorId)) {
      throw context.unsupported('RequestValidatorId', `${validatorId} is no request validator of this API`);
    }
    api.methods.push({
      logicalId: context.logicalId,
      resource: found,
      httpMethod,
      authorization: properties.AuthorizationType ?? 'NONE',
      apiKeyRequired: properties.ApiKeyRequired ?? false,
      requiredParameters: requiredParameters(properties.RequestParameters ?? {}, found.path, context),
      requestModels,
      ...(validatorId === undefined ? {} : { validatorId }),
      integration:
        properties.Integration.Type === 'MOCK'
          ? mockIntegration(properties.Integration, context)
          : lambdaIntegration(properties.Integration, context),
    });
    return { ref: identifier(context, 12), attributes: {} };
  },
});

function requiredParameters(given: Record<string, boolean>, path: string, context: ResourceContext) {
  return Object.entries(given)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([key, required]): RequestParameter[] => {
      const [, place, name] = /^method\.request\.(header|path|querystring)\.(.+)$/.exec(key) ?? [];
      if (place === undefined || name === undefined) {
        const form = 'it is not method.request.header, .path or .querystring with a name';
        throw context.unsupported(`RequestParameters.${key}`, form);
      }
      if (place === 'path' && !path.includes(`{${name}}`) && !path.includes(`{${name}+}`)) {
        throw context.unsupported(`RequestParameters.${key}`, `${path} has no such parameter`);
      }
      return required ? [{ in: place as RequestParameter['in'], name }] : [];
    });
}

function lambdaIntegration(integration: z.infer<typeof Integration>, context: ResourceContext): LambdaIntegration {
  const { IntegrationHttpMethod, Uri = '', TimeoutInMillis, PassthroughBehavior } = integration;
  if (IntegrationHttpMethod !== 'POST') {
    throw context.unsupported('Integration.IntegrationHttpMethod', 'Lambda functions are invoked with POST only');
  }
  const functionArn = /^arn:aws:apigateway:[^:]+:lambda:path\/2015-03-31\/functions\/(.+)\/invocations$/.exec(Uri)?.[1];
  if (functionArn === undefined || !context.model.functions.has(functionArn)) {
    throw context.unsupported('Integration.Uri', `${Uri} does not invoke a function of this template`);
  }
  for (const property of ['RequestTemplates', 'IntegrationResponses'] as const) {
    if (Object.keys(integration[property] ?? {}).length > 0) {
      throw context.unsupported(`Integration.${property}`, 'a proxy integration passes everything on as it is');
    }
  }
  const passthrough = PassthroughBehavior ?? 'WHEN_NO_MATCH';
  return { kind: 'lambda', functionArn, timeoutMs: TimeoutInMillis ?? 29_000, passthrough };
}

function mockIntegration(integration: z.infer<typeof Integration>, context: ResourceContext): MockIntegration {
  const statusCodes = Object.entries(integration.RequestTemplates ?? {}).map(([type, template]) => {
    const code = /^\s*\{\s*"?statusCode"?\s*:\s*"?(\d{3})"?\s*\}\s*$/.exec(template)?.[1];
    if (code !== undefined) return [type.toLowerCase(), Number(code)] as const;
    throw context.unsupported(
      `Integration.RequestTemplates.${type}`,
      'a mock integration’s template is { "statusCode": … } and nothing else',
    );
  });
  const responses = (integration.IntegrationResponses ?? []).map((response, index): MockResponse => {
    const at = `Integration.IntegrationResponses.${index}`;
    const headers = Object.entries(response.ResponseParameters ?? {}).map(([key, value]) => {
      const name = /^method\.response\.header\.(.+)$/.exec(key)?.[1];
      const text = /^'(.*)'$/s.exec(value)?.[1];
      if (name !== undefined && text !== undefined) return [name, text] as const;
      throw context.unsupported(
        `${at}.ResponseParameters.${key}`,
        'only headers with a fixed text in quotes are played',
      );
    });
    for (const [type, template] of Object.entries(response.ResponseTemplates ?? {})) {
      if (!/[#$]/.test(template)) continue;
      throw context.unsupported(`${at}.ResponseTemplates.${type}`, 'directives and variables (VTL) are not played');
    }
    return {
      ...(response.SelectionPattern ? { selection: new RegExp(`^(?:${response.SelectionPattern})$`) } : {}),
      statusCode: response.StatusCode,
      headers: Object.fromEntries(headers),
      bodies: lowerCased(response.ResponseTemplates ?? {}),
    };
  });
  return {
    kind: 'mock',
    statusCodes: Object.fromEntries(statusCodes),
    responses,
    passthrough: integration.PassthroughBehavior ?? 'WHEN_NO_MATCH',
  };
}

const lowerCased = (byType: Record<string, string>): Record<string, string> =>
  Object.fromEntries(Object.entries(byType).map(([type, value]) => [type.toLowerCase(), value]));

export const deployment = resourceType({
  properties: z.strictObject({ RestApiId: z.string() }),
  inert: ['Description'],
  deploy({ RestApiId }, context) {
    const api = apiOf(RestApiId, context);
    if (api.methods.length === 0) {
      throw context.unsupported('RestApiId', 'the API has no methods yet; the deployment has to depend on them');
    }
    const id = identifier(context, 6);
    api.deployments.set(id, { logicalId: context.logicalId, id, methods: [...api.methods] });
    return { ref: id, attributes: { DeploymentId: id } };
  },
});

const MethodSetting = z.strictObject({
  ResourcePath: z.string().optional(),
  HttpMethod: z.string().optional(),
  ThrottlingBurstLimit: integerBetween(-1, Number.MAX_SAFE_INTEGER).optional(),
  ThrottlingRateLimit: z.union([number, z.literal(-1)]).optional(),
  CachingEnabled: z.literal(false, 'caches are not supported').optional(),
  DataTraceEnabled: inert,
  LoggingLevel: inert,
  MetricsEnabled: inert,
});

export const stage = resourceType({
  properties: z.strictObject({
    RestApiId: z.string(),
    DeploymentId: z.string(),
    StageName: z.string().regex(/^[\w-]{1,128}$/, 'a stage name has 1 to 128 letters, digits, hyphens and underscores'),
    Variables: texts.optional(),
    MethodSettings: z.array(MethodSetting).optional(),
    AccessLogSetting: z.strictObject({ DestinationArn: z.string(), Format: z.string() }).optional(),
    CacheClusterEnabled: z.literal(false, 'caches are not supported').optional(),
  }),
  inert: ['Description', 'DocumentationVersion', 'Tags', 'TracingEnabled'],
  deploy(properties, context) {
    const api = apiOf(properties.RestApiId, context);
    const { StageName: name, DeploymentId, AccessLogSetting: log } = properties;
    const deployed = api.deployments.get(DeploymentId);
    if (!deployed) throw context.unsupported('DeploymentId', `${DeploymentId} is no deployment of this API`);
    const groupName = /^arn:aws:logs:[^:]*:[^:]*:log-group:([^:]+)(?::\*)?$/.exec(log?.DestinationArn ?? '')?.[1];
    if (log && groupName === undefined) {
      throw context.unsupported('AccessLogSetting.DestinationArn', 'access logs are written to log groups only');
    }
    if (log && !/\$context\.(requestId|extendedRequestId)\b/.test(log.Format)) {
      throw context.unsupported(
        'AccessLogSetting.Format',
        'it has to contain $context.requestId or $context.extendedRequestId',
      );
    }
    api.stages.set(name, {
      logicalId: context.logicalId,
      name,
      deployment: deployed,
      variables: properties.Variables ?? {},
      throttles: (properties.MethodSettings ?? []).map((setting) => ({
        ...scopeOf(setting.ResourcePath ?? '/*', setting.HttpMethod ?? '*'),
        // Minus one lifts a limit.
        ...limits(atLeastZero(setting.ThrottlingRateLimit), atLeastZero(setting.ThrottlingBurstLimit)),
      })),
      ...(log && groupName !== undefined ? { accessLog: { groupName, format: log.Format } } : {}),
    });
    return { ref: name, attributes: {} };
  },
});

const atLeastZero = (value: number | undefined): number | undefined =>
  value === undefined || value < 0 ? undefined : value;

const limits = (rate: number | undefined, burst: number | undefined) => ({
  ...(rate === undefined ? {} : { rate }),
  ...(burst === undefined ? {} : { burst }),
});

/** Settings name a path as `/~1titles~1{alid}`, and everything with stars. */
function scopeOf(resourcePath: string, httpMethod: string): MethodThrottle {
  const path = resourcePath.includes('~1') ? resourcePath.replace(/^\//, '').replaceAll('~1', '/') : resourcePath;
  return {
    ...(path === '/*' || path === '*' ? {} : { resourcePath: path }),
    ...(httpMethod === '*' ? {} : { httpMethod }),
  };
}

export const requestValidator = resourceType({
  properties: z.strictObject({
    RestApiId: z.string(),
    ValidateRequestBody: bool.optional(),
    ValidateRequestParameters: bool.optional(),
  }),
  inert: ['Name'],
  deploy({ RestApiId, ValidateRequestBody = false, ValidateRequestParameters = false }, context) {
    const id = identifier(context, 6);
    const validator = { body: ValidateRequestBody, parameters: ValidateRequestParameters };
    apiOf(RestApiId, context).validators.set(id, validator);
    return { ref: id, attributes: { RequestValidatorId: id } };
  },
});

export const model = resourceType({
  properties: z.strictObject({
    RestApiId: z.string(),
    Name: z
      .string()
      .regex(/^[a-zA-Z0-9]+$/, 'a model’s name has letters and digits')
      .optional(),
    ContentType: z.string().optional(),
    Schema: z.record(z.string(), z.unknown()).optional(),
  }),
  inert: ['Description'],
  deploy({ RestApiId, Name, Schema = {} }, context) {
    const name = Name ?? identifier(context, 12);
    apiOf(RestApiId, context).models.set(name, { logicalId: context.logicalId, name, schema: Schema });
    return { ref: name, attributes: {} };
  },
});

export const gatewayResponse = resourceType({
  properties: z.strictObject({
    RestApiId: z.string(),
    ResponseType: z.enum(GATEWAY_RESPONSE_TYPES),
    StatusCode: StatusCode.optional(),
    ResponseParameters: texts.optional(),
    ResponseTemplates: texts.optional(),
  }),
  inert: [],
  deploy({ RestApiId, ResponseType, StatusCode: statusCode, ...properties }, context) {
    const headers = Object.entries(properties.ResponseParameters ?? {}).map(([key, source]) => {
      const name = /^gatewayresponse\.header\.(.+)$/.exec(key)?.[1];
      const known = /^'.*'$|^(method\.request\.(header|querystring)|context|stageVariables)\..+$/s.test(source);
      if (name !== undefined && known) return [name, source] as const;
      throw context.unsupported(
        `ResponseParameters.${key}`,
        'it has to be gatewayresponse.header.… from a text in quotes, method.request.header.…, .querystring.…, context.… or stageVariables.…',
      );
    });
    apiOf(RestApiId, context).gatewayResponses.set(ResponseType, {
      ...(statusCode === undefined ? {} : { statusCode }),
      headers: Object.fromEntries(headers),
      templates: lowerCased(properties.ResponseTemplates ?? {}),
    });
    return { ref: identifier(context, 10), attributes: { Id: identifier(context, 10) } };
  },
});

export const apiKey = resourceType({
  properties: z.strictObject({
    Enabled: bool.optional(),
    Value: z
      .string()
      .regex(/^.{20,128}$/s, 'a key has 20 to 128 characters')
      .optional(),
  }),
  // Stages are opened to a key by a usage plan.
  inert: ['CustomerId', 'Description', 'GenerateDistinctId', 'Name', 'StageKeys', 'Tags'],
  deploy({ Enabled = false, Value: value }, context) {
    const id = identifier(context, 10);
    if (value !== undefined && [...context.model.apiKeys.values()].some((other) => other.value === value)) {
      throw context.unsupported('Value', 'another key has the same');
    }
    context.model.apiKeys.set(id, {
      logicalId: context.logicalId,
      id,
      enabled: Enabled,
      ...(value === undefined ? {} : { value }),
    });
    return { ref: id, attributes: { APIKeyId: id } };
  },
});

const QuotaSettings = z
  .strictObject({
    Limit: integerBetween(0, Number.MAX_SAFE_INTEGER),
    Offset: integerBetween(0, Number.MAX_SAFE_INTEGER).optional(),
    Period: z.enum(['DAY', 'WEEK', 'MONTH']),
  })
  .refine(({ Offset = 0, Period }) => Offset <= { DAY: 0, WEEK: 6, MONTH: 27 }[Period], {
    path: ['Offset'],
    error: 'API Gateway takes 0 with DAY, up to 6 with WEEK and up to 27 with MONTH',
  });

export const usagePlan = resourceType({
  properties: z.strictObject({
    ApiStages: z
      .array(
        z.strictObject({
          ApiId: z.string(),
          Stage: z.string(),
          Throttle: z.record(z.string(), ThrottleSettings).optional(),
        }),
      )
      .optional(),
    Throttle: ThrottleSettings.optional(),
    Quota: QuotaSettings.optional(),
  }),
  inert: ['Description', 'Tags', 'UsagePlanName'],
  deploy({ ApiStages = [], Throttle = {}, Quota }, context) {
    const id = identifier(context, 6);
    const stages = ApiStages.map(({ ApiId, Stage, Throttle: byMethod = {} }, index) => {
      if (!context.model.restApis.get(ApiId)?.stages.has(Stage)) {
        throw context.unsupported(`ApiStages.${index}`, `${ApiId} has no stage ${Stage}`);
      }
      const throttles = Object.entries(byMethod).map(([key, { RateLimit, BurstLimit }]): MethodThrottle => {
        const [, path = '', httpMethod = ''] = /^(.*)\/([A-Z]+|\*)$/.exec(key) ?? [];
        return { ...scopeOf(path === '' ? '/' : path, httpMethod), ...limits(RateLimit, BurstLimit) };
      });
      return { apiId: ApiId, stage: Stage, throttles };
    });
    context.model.usagePlans.set(id, {
      logicalId: context.logicalId,
      id,
      stages,
      throttle: limits(Throttle.RateLimit, Throttle.BurstLimit),
      ...(Quota ? { quota: { limit: Quota.Limit, offset: Quota.Offset ?? 0, period: Quota.Period } } : {}),
      keyIds: new Set(),
    });
    return { ref: id, attributes: { Id: id } };
  },
});

export const usagePlanKey = resourceType({
  properties: z.strictObject({
    KeyId: z.string(),
    KeyType: z.literal('API_KEY'),
    UsagePlanId: z.string(),
  }),
  inert: [],
  deploy({ KeyId, UsagePlanId }, context) {
    const { apiKeys, usagePlans } = context.model;
    const plan = usagePlans.get(UsagePlanId);
    if (!plan) throw context.unsupported('UsagePlanId', `${UsagePlanId} is no usage plan of this template`);
    if (!apiKeys.has(KeyId)) throw context.unsupported('KeyId', `${KeyId} is no API key of this template`);
    for (const other of usagePlans.values()) {
      if (!other.keyIds.has(KeyId)) continue;
      const shared = other.stages.find((one) =>
        plan.stages.some((s) => s.apiId === one.apiId && s.stage === one.stage),
      );
      if (!shared) continue;
      const reason = `the key has the usage plan ${other.logicalId} for the stage ${shared.stage} already`;
      throw context.unsupported('UsagePlanId', reason);
    }
    plan.keyIds.add(KeyId);
    return { ref: `${KeyId}:${UsagePlanId}`, attributes: { Id: `${KeyId}:${UsagePlanId}` } };
  },
});

export const apiGatewayAccount = resourceType({
  properties: z.strictObject({ CloudWatchRoleArn: z.string().optional() }),
  inert: [],
  deploy({ CloudWatchRoleArn }, context) {
    if (CloudWatchRoleArn !== undefined) {
      context.model.apiGatewayAccounts.push({ logicalId: context.logicalId, logRoleArn: CloudWatchRoleArn });
    }
    return { ref: ACCOUNT_ID, attributes: { Id: ACCOUNT_ID } };
  },
});
