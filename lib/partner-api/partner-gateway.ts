import { Aws, Fn, Stack, Validations } from 'aws-cdk-lib';
import {
  AccessLogFormat,
  AuthorizationType,
  AwsIntegration,
  type CfnRestApi,
  DomainName,
  EndpointType,
  type JsonSchema as ModelSchema,
  JsonSchemaVersion,
  LogGroupLogDestination,
  type Method,
  MethodLoggingLevel,
  type Model,
  type RequestValidator,
  RestApi,
  SecurityPolicy,
} from 'aws-cdk-lib/aws-apigateway';
import { Certificate } from 'aws-cdk-lib/aws-certificatemanager';
import { ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import { CfnWebACLAssociation } from 'aws-cdk-lib/aws-wafv2';
import { Construct } from 'constructs';
import type { Settings } from '../../config/settings.ts';
import { defineLogGroup } from '../shared/log-group.ts';
import type { ApiDocument, ApiOperation } from './api-document.ts';
import { bodyShape } from './body-shape.ts';
import { defineGatewayResponses } from './gateway-responses.ts';

/** API Gateway's own limits of an account, which no stage can exceed. */
const MOST_PER_SECOND = 10_000;
const MOST_BURST = 5_000;

/**
 * What each route of the push integration lets through, whoever calls: strangers can, and every call costs an invocation. A
 * claim that is refused comes again.
 */
const PUSHES = { throttlingRateLimit: 50, throttlingBurstLimit: 100 };

/** What is written of each request: nothing that holds a path, a query, a header or a body, since codes stand in them. */
const ACCESS_LOG = {
  // The other identifier can be chosen by the client, and may be any text.
  requestId: '$context.extendedRequestId',
  time: '$context.requestTime',
  httpMethod: '$context.httpMethod',
  resourcePath: '$context.resourcePath',
  protocol: '$context.protocol',
  status: '$context.status',
  caller: '$context.identity.caller',
  apiKeyId: '$context.identity.apiKeyId',
  responseLength: '$context.responseLength',
  responseLatency: '$context.responseLatency',
  integrationLatency: '$context.integrationLatency',
  integrationStatus: '$context.integration.status',
  errorType: '$context.error.responseType',
} as const;

/** Headers that a page may send besides those that any page may. */
const CORS_HEADERS = [
  'Authorization',
  'Content-Type',
  'Idempotency-Key',
  'If-None-Match',
  'X-Amz-Access-Token',
  'X-Amz-Content-Sha256',
  'X-Amz-Date',
  'X-Amz-Security-Token',
  'X-Api-Key',
];

export interface PartnerGatewayProps {
  readonly document: ApiDocument;
  readonly settings: Settings;
}

/**
 * The REST API of the partners: who may call is decided here, before a function runs; but for the push integration, whose
 * callers have a key of their own and no role. Its methods are those of the OpenAPI document.
 */
export class PartnerGateway extends Construct {
  readonly api: RestApi;
  /** Where the API is called, without a slash at its end. */
  readonly url: string;
  /** The domain of the settings, if they have one. */
  readonly domain: DomainName | undefined;
  readonly #document: ApiDocument;
  readonly #settings: Settings;
  readonly #validator: RequestValidator;
  readonly #models = new Map<string, Model>();

  constructor(scope: Construct, id: string, { document, settings }: PartnerGatewayProps) {
    super(scope, id);
    this.#document = document;
    this.#settings = settings;
    this.api = this.defineApi(settings);
    this.#validator = this.api.addRequestValidator('Validator', {
      validateRequestParameters: true,
      validateRequestBody: true,
    });
    defineGatewayResponses(this.api, document, settings.runtime.partnerApi.corsOrigin);
    this.domain = this.defineDomain(settings);
    this.url = settings.gateway.domain
      ? `https://${settings.gateway.domain.name}`
      : `https://${this.api.restApiId}.execute-api.${Aws.REGION}.${Aws.URL_SUFFIX}/${settings.stage}`;
    this.placeFirewall(settings);
  }

  /** Serves operations by a function, which the gateway may invoke from then on. */
  serve(operations: readonly ApiOperation[], target: LambdaFunction): void {
    const integration = new AwsIntegration({
      service: 'lambda',
      path: `2015-03-31/functions/${target.functionArn}/invocations`,
      proxy: true,
    });
    for (const operation of operations) this.addMethod(operation, integration);
    // One for the stage, not one for each method: a function's policy has 20 KB.
    target.addPermission('PartnerGateway', {
      principal: new ServicePrincipal('apigateway.amazonaws.com'),
      sourceArn: this.api.arnForExecuteApi('*', '/v1/*', this.#settings.stage),
    });
  }

  /** ARN that a policy names an operation by, whatever its parameters. A star stands for each of those. */
  arnOf({ method, path }: ApiOperation): string {
    const api = Stack.of(this).getLogicalId(this.api.node.defaultChild as CfnRestApi);
    // One substitution instead of CDK's joins, which would make a template with many partners three times as long.
    return Fn.sub(
      `arn:\${AWS::Partition}:execute-api:\${AWS::Region}:\${AWS::AccountId}:\${${api}}/${this.#settings.stage}/${method}${pattern(path)}`,
    );
  }

  private defineApi(settings: Settings): RestApi {
    const { stage, gateway, runtime } = settings;
    const plans = Object.values(runtime.partnerApi.partners).map(({ plan }) => plan);
    const sum = (numbers: readonly number[]) => numbers.reduce((total, number) => total + number, 0);
    const logs = defineLogGroup(this, 'AccessLogs', settings);
    const pushes = this.#document.operations.filter(({ capability }) => capability === 'push');
    const api = new RestApi(this, 'Api', {
      // Metrics are told apart by this name.
      restApiName: Stack.of(this).stackName,
      description: `Partner API of Offer Relay (${stage})`,
      endpointTypes: [EndpointType.REGIONAL],
      cloudWatchRole: gateway.accessLogRole,
      deployOptions: {
        stageName: stage,
        accessLogDestination: new LogGroupLogDestination(logs),
        accessLogFormat: AccessLogFormat.custom(JSON.stringify(ACCESS_LOG)),
        loggingLevel: MethodLoggingLevel.OFF,
        dataTraceEnabled: false,
        tracingEnabled: false,
        // Each partner has its plan; together they cannot use up what the account's other APIs need. Twice as much, so that
        // the refused requests of strangers, should they count, do not take from the partners.
        throttlingRateLimit: Math.min(MOST_PER_SECOND, 2 * sum(plans.map(({ perSecond }) => perSecond))),
        throttlingBurstLimit: Math.min(MOST_BURST, 2 * sum(plans.map(({ burst }) => burst))),
        methodOptions: Object.fromEntries(
          pushes.map(({ method, path }) => [
            `${path}/${method}`,
            { ...PUSHES, loggingLevel: MethodLoggingLevel.OFF, dataTraceEnabled: false },
          ]),
        ),
      },
    });
    // The stack says where the API is, in an output with a name that stays.
    api.node.tryRemoveChild('Endpoint');
    Validations.of(api).acknowledge(
      {
        id: 'AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs]',
        reason: "The role is API Gateway's own for the whole account, and the policy is the one that it is made for.",
      },
      {
        id: 'AwsSolutions-APIG6',
        reason: 'Execution logs hold paths, in which offer codes stand; the access log tells of every request.',
      },
      {
        id: 'Serverless-APIGWXrayEnabled',
        reason: 'Segments of the stage hold paths, in which offer codes stand; the functions are traced.',
      },
      ...(gateway.webAclArn === undefined
        ? [
            {
              id: 'AwsSolutions-APIG3',
              reason: 'Every request is signed by the role of a known partner; gateway.webAclArn adds a web ACL.',
            },
          ]
        : []),
    );
    return api;
  }

  private addMethod(operation: ApiOperation, integration: AwsIntegration): void {
    const { method, path, capability, required, body } = operation;
    const pushed = capability === 'push';
    const resource = this.api.root.resourceForPath(path);
    const places = { path: 'path', query: 'querystring' };
    const added = resource.addMethod(method, integration, {
      operationName: operation.operationId,
      authorizationType: pushed ? AuthorizationType.NONE : AuthorizationType.IAM,
      apiKeyRequired: !pushed,
      requestValidator: this.#validator,
      requestParameters: Object.fromEntries(
        required.map(({ in: place, name }) => [`method.request.${places[place]}.${name}`, true]),
      ),
      ...(body && { requestModels: { 'application/json': this.modelOf(operation, body) } }),
    });
    if (pushed) return acknowledgePush(added);
    this.acknowledgeNoCognito(added);
    this.allowOrigin(operation);
  }

  /** One model for all operations whose bodies have one schema. */
  private modelOf({ operationId }: ApiOperation, body: Readonly<Record<string, unknown>>): Model {
    const shape = bodyShape(body, this.#document.schemas);
    const key = JSON.stringify(shape);
    const known = this.#models.get(key);
    if (known) return known;
    const model = this.api.addModel(`${operationId}Body`, {
      contentType: 'application/json',
      description: `Body of ${operationId}`,
      schema: { ...(shape as ModelSchema), schema: JsonSchemaVersion.DRAFT4 },
    });
    this.#models.set(key, model);
    return model;
  }

  /** Answers the browsers' question whether the one origin may call. */
  private allowOrigin({ path }: ApiOperation): void {
    const { corsOrigin } = this.#settings.runtime.partnerApi;
    const resource = this.api.root.resourceForPath(path);
    if (corsOrigin === undefined || resource.node.tryFindChild('OPTIONS') !== undefined) return;
    const methods = this.#document.operations.filter((other) => other.path === path).map(({ method }) => method);
    const preflight = resource.addCorsPreflight({
      allowOrigins: [corsOrigin],
      allowMethods: methods,
      allowHeaders: CORS_HEADERS,
    });
    this.acknowledgeNoCognito(preflight);
  }

  private acknowledgeNoCognito(method: Method): void {
    Validations.of(method).acknowledge({
      id: 'AwsSolutions-COG4',
      reason: 'Partners are AWS accounts: they sign by a role that is made for them. A preflight asks for nothing.',
    });
  }

  private defineDomain({ gateway }: Settings): DomainName | undefined {
    if (gateway.domain === undefined) return undefined;
    const { name, certificateArn } = gateway.domain;
    return new DomainName(this, 'Domain', {
      domainName: name,
      certificate: Certificate.fromCertificateArn(this, 'Certificate', certificateArn),
      endpointType: EndpointType.REGIONAL,
      securityPolicy: SecurityPolicy.TLS_1_2,
      mapping: this.api,
    });
  }

  private placeFirewall({ gateway }: Settings): void {
    if (gateway.webAclArn === undefined) return;
    new CfnWebACLAssociation(this, 'WebAcl', {
      resourceArn: this.api.deploymentStage.stageArn,
      webAclArn: gateway.webAclArn,
    });
  }
}

/** A path with a star for each parameter. */
const pattern = (path: string): string => path.replaceAll(/\{[^}]+\}/g, '*');

function acknowledgePush(method: Method): void {
  const reason =
    'Amazon calls with neither a role nor a token: it signs by a key of the partner, which the function checks before anything else.';
  Validations.of(method).acknowledge({ id: 'AwsSolutions-APIG4', reason }, { id: 'AwsSolutions-COG4', reason });
}
