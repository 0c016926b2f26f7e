import { Stack } from 'aws-cdk-lib';
import { Match, Template } from 'aws-cdk-lib/assertions';
import { Code, Function as LambdaFunction, Runtime } from 'aws-cdk-lib/aws-lambda';
import { describe, expect, test } from 'vitest';
import * as z from 'zod';
import { loadSettings } from '../../../config/settings.ts';
import { buyWithPrimeRoutes } from '../../../lambdas/buy-with-prime/buy-with-prime-routes.ts';
import { playerRoutes } from '../../../lambdas/entitlements/player-routes.ts';
import { pushRoutes } from '../../../lambdas/entitlements/push-routes.ts';
import { offerCodeRoutes } from '../../../lambdas/offer-codes/offer-code-routes.ts';
import { titleRoutes } from '../../../lambdas/offer-status/title-routes.ts';
import { serviceRoutes } from '../../../lambdas/partner-api/service-routes.ts';
import { priceRoutes } from '../../../lambdas/pricing/price-routes.ts';
import type { ApiDocument } from '../../../lib/partner-api/api-document.ts';
import { PartnerGateway } from '../../../lib/partner-api/partner-gateway.ts';
import { flatten, resourcesOf, testApp } from '../synthesis.ts';
import { document, EVERYTHING, partnerWith, stageWith, withPartners } from './partner-stages.ts';

const template = stageWith();
const full = stageWith(EVERYTHING);

const ROUTES = [
  ...Object.values(offerCodeRoutes),
  ...Object.values(playerRoutes),
  ...Object.values(buyWithPrimeRoutes),
  ...Object.values(titleRoutes),
  ...Object.values(serviceRoutes),
  ...Object.values(priceRoutes.byAsin),
  ...Object.values(priceRoutes.bySku),
  priceRoutes.list,
];
const PUSH_ROUTES = Object.values(pushRoutes);

const Reference = z.object({ Ref: z.string() });
const Tree = z.object({
  PathPart: z.string(),
  ParentId: z.union([Reference, z.object({ 'Fn::GetAtt': z.tuple([z.string(), z.literal('RootResourceId')]) })]),
});
const MethodProperties = z.object({
  HttpMethod: z.string(),
  ResourceId: Reference,
  AuthorizationType: z.string(),
  ApiKeyRequired: z.boolean(),
  RequestValidatorId: Reference.optional(),
  RequestParameters: z.record(z.string(), z.boolean()).optional(),
  RequestModels: z.record(z.string(), Reference).optional(),
  Integration: z.object({ Type: z.string(), Uri: z.unknown().optional() }),
});

/** Path of a resource, such as `/v1/health`. */
function pathOf(of: Template, id: string): string {
  const { PathPart, ParentId } = Tree.parse(resourcesOf(of, 'AWS::ApiGateway::Resource').get(id)?.Properties);
  return `${'Ref' in ParentId ? pathOf(of, ParentId.Ref) : ''}/${PathPart}`;
}

/** Methods by name, such as `GET /v1/health`. */
function methodsOf(of: Template) {
  const methods = [...resourcesOf(of, 'AWS::ApiGateway::Method').values()].map(({ Properties }) =>
    MethodProperties.parse(Properties),
  );
  return new Map(methods.map((method) => [`${method.HttpMethod} ${pathOf(of, method.ResourceId.Ref)}`, method]));
}

const methods = methodsOf(template);
const FUNCTIONS: Readonly<Record<string, string>> = {
  'offer-codes/serve-offer-codes': 'PartnerApiFunctionsServeOfferCodesFunction',
  'entitlements/serve-players': 'PartnerApiFunctionsEntitlementsServePlayersFunction',
  'buy-with-prime/serve-buy-with-prime': 'PartnerApiFunctionsServeBuyWithPrimeFunction',
  'offer-status/serve-titles': 'PartnerApiFunctionsServeTitlesFunction',
  'pricing/serve-prices': 'PartnerApiFunctionsServePricesFunction',
  'partner-api/describe-service': 'PartnerApiFunctionsDescribeServiceFunction',
};

describe('the methods of the partner API', () => {
  test('are the routes, each of them and no other', () => {
    expect([...methods.keys()].sort()).toEqual(ROUTES.map(({ method, path }) => `${method} ${path}`).sort());
  });

  test('let in only who signs and has a key', () => {
    for (const [name, method] of methods) {
      expect([name, method.AuthorizationType, method.ApiKeyRequired]).toEqual([name, 'AWS_IAM', true]);
    }
  });

  test('check parameters and bodies by the one validator', () => {
    template.resourceCountIs('AWS::ApiGateway::RequestValidator', 1);
    template.hasResourceProperties('AWS::ApiGateway::RequestValidator', {
      ValidateRequestBody: true,
      ValidateRequestParameters: true,
    });
    const [validator] = resourcesOf(template, 'AWS::ApiGateway::RequestValidator').keys();
    for (const [name, method] of methods) expect([name, method.RequestValidatorId?.Ref]).toEqual([name, validator]);
  });

  test('require the parameters that stand in their paths, and leave headers to the functions', () => {
    for (const { method, path, pathParameters } of ROUTES) {
      expect(methods.get(`${method} ${path}`)?.RequestParameters).toEqual(
        Object.fromEntries(Object.keys(pathParameters).map((name) => [`method.request.path.${name}`, true])),
      );
    }
  });

  test('hold JSON bodies to a model where the route has a body, and only there', () => {
    const models = resourcesOf(template, 'AWS::ApiGateway::Model');
    for (const { method, path, body } of ROUTES as readonly { method: string; path: string; body?: unknown }[]) {
      const own = methods.get(`${method} ${path}`)?.RequestModels;
      if (body === undefined) {
        expect(own).toBeUndefined();
        continue;
      }
      expect(Object.keys(own ?? {})).toEqual(['application/json']);
      expect(models.get(own?.['application/json']?.Ref ?? '')?.Properties).toMatchObject({
        ContentType: 'application/json',
        Schema: { $schema: 'http://json-schema.org/draft-04/schema#', type: 'object', additionalProperties: false },
      });
    }
    expect(models.size).toBe(4);
  });

  test('hand each request to the function that the document names', () => {
    for (const { method, path, handler } of document.operations.filter(({ capability }) => capability !== 'push')) {
      const { Integration } = methods.get(`${method} ${path}`) ?? {};
      expect(Integration?.Type).toBe('AWS_PROXY');
      expect(flatten(Integration?.Uri)).toBe(
        `arn:\${AWS::Partition}:apigateway:\${AWS::Region}:lambda:path/2015-03-31/functions/\${${FUNCTIONS[handler]}.Arn}/invocations`,
      );
    }
  });

  test('may invoke each function on behalf of this stage of this API, and nothing else may', () => {
    const permissions = [...resourcesOf(template, 'AWS::Lambda::Permission').values()].map(({ Properties }) => ({
      ...Properties,
      FunctionName: flatten(Properties['FunctionName']),
      SourceArn: flatten(Properties['SourceArn']),
    }));
    expect(permissions).toHaveLength(6);
    expect(permissions).toEqual(
      expect.arrayContaining(
        Object.values(FUNCTIONS).map((id) => ({
          Action: 'lambda:InvokeFunction',
          FunctionName: `\${${id}.Arn}`,
          Principal: 'apigateway.amazonaws.com',
          SourceArn:
            'arn:${AWS::Partition}:execute-api:${AWS::Region}:${AWS::AccountId}:${PartnerApiGatewayApi}/prod/*/v1/*',
        })),
      ),
    );
  });
});

describe('the methods of the push integration', () => {
  const pushing = methodsOf(full);
  const [stage] = resourcesOf(full, 'AWS::ApiGateway::Stage').values();
  const Settings = z.array(
    z.object({
      ResourcePath: z.string(),
      HttpMethod: z.string(),
      ThrottlingRateLimit: z.number(),
      ThrottlingBurstLimit: z.number(),
      LoggingLevel: z.string(),
      DataTraceEnabled: z.boolean(),
    }),
  );

  test('are there where a partner has it, and nowhere else', () => {
    const expected = PUSH_ROUTES.map(({ method, path }) => `${method} ${path}`).sort();
    expect([...pushing.keys()].filter((name) => name.includes('/push/')).sort()).toEqual(expected);
    expect(JSON.stringify(template.toJSON())).not.toContain('/push');
    expect([...resourcesOf(template).keys()].filter((id) => /push/i.test(id))).toEqual([]);
  });

  test('let in everybody: the function checks who signed', () => {
    for (const { method, path, pathParameters } of PUSH_ROUTES) {
      const found = pushing.get(`${method} ${path}`);
      expect(found).toMatchObject({ AuthorizationType: 'NONE', ApiKeyRequired: false });
      expect(found?.RequestParameters).toEqual(
        Object.fromEntries(Object.keys(pathParameters).map((name) => [`method.request.path.${name}`, true])),
      );
      expect(flatten(found?.Integration.Uri)).toContain('PartnerApiFunctionsEntitlementsTakePushesFunction.Arn');
    }
  });

  test('hold bodies to the fields that have to be there, and let others through', () => {
    const models = resourcesOf(full, 'AWS::ApiGateway::Model');
    for (const { method, path, body } of PUSH_ROUTES) {
      const { Ref: model } = pushing.get(`${method} ${path}`)?.RequestModels?.['application/json'] ?? { Ref: '' };
      expect(models.get(model)?.Properties['Schema']).toMatchObject({
        type: 'object',
        required: Object.keys(body?.shape ?? {}),
        additionalProperties: {},
      });
    }
  });

  test('let through so many calls a second that strangers cannot make them dear, and write no execution logs', () => {
    const settings = Settings.parse(stage?.Properties['MethodSettings']);
    const own = settings.filter(({ ResourcePath }) => ResourcePath !== '/*');
    expect(own.map(({ ResourcePath, HttpMethod }) => `${HttpMethod} ${ResourcePath.slice(1)}`).sort()).toEqual(
      PUSH_ROUTES.map(({ method, path }) => `${method} ${path.replaceAll('/', '~1')}`).sort(),
    );
    for (const one of own) expect(one).toMatchObject({ ThrottlingRateLimit: 50, ThrottlingBurstLimit: 100 });
    for (const one of settings) expect(one).toMatchObject({ LoggingLevel: 'OFF', DataTraceEnabled: false });
  });
});

describe('the stage of the partner API', () => {
  const [stage] = resourcesOf(template, 'AWS::ApiGateway::Stage').values();
  const accessLog = z
    .object({ Format: z.string(), DestinationArn: z.unknown() })
    .parse(stage?.Properties['AccessLogSetting']);

  test('has the name of the stage, and is regional', () => {
    expect(stage?.Properties['StageName']).toBe('prod');
    template.hasResourceProperties('AWS::ApiGateway::RestApi', {
      Name: 'OfferRelay-prod',
      EndpointConfiguration: { Types: ['REGIONAL'] },
      DisableExecuteApiEndpoint: Match.absent(),
    });
  });

  test('logs every request without anything that a code, a key or a token could stand in', () => {
    const format = z.record(z.string(), z.string()).parse(JSON.parse(accessLog.Format));
    expect(Object.values(format).sort()).toEqual(
      [
        'error.responseType',
        'extendedRequestId',
        'httpMethod',
        'identity.apiKeyId',
        'identity.caller',
        'integration.status',
        'integrationLatency',
        'protocol',
        'requestTime',
        'resourcePath',
        'responseLatency',
        'responseLength',
        'status',
      ].map((name) => `$context.${name}`),
    );
    const [group] = [...resourcesOf(template, 'AWS::Logs::LogGroup')].filter(([id]) => id.includes('AccessLogs'));
    expect(group?.[1]).toMatchObject({ DeletionPolicy: 'Retain', Properties: { RetentionInDays: 90 } });
    expect(JSON.stringify(accessLog.DestinationArn)).toContain(group?.[0]);
  });

  test('writes no execution logs and no traces, which would hold paths', () => {
    expect(stage?.Properties['TracingEnabled']).toBe(false);
    expect(stage?.Properties['MethodSettings']).toEqual([
      expect.objectContaining({
        ResourcePath: '/*',
        HttpMethod: '*',
        LoggingLevel: 'OFF',
        DataTraceEnabled: false,
      }),
    ]);
  });

  test.each([
    ['twice what the plans let through together', [10, 2.5], [20, 7], 25, 54],
    ["what API Gateway's accounts let through, at most", [9000, 9000], [4000, 4000], 10_000, 5000],
  ])('lets through %s', (_, rates, bursts, perSecond, burst) => {
    const partners = Object.fromEntries(
      rates.map((rate, index) => [`p${index}`, partnerWith({ plan: { perSecond: rate, burst: bursts[index] ?? 1 } })]),
    );
    stageWith({ partners }).hasResourceProperties('AWS::ApiGateway::Stage', {
      MethodSettings: [Match.objectLike({ ThrottlingRateLimit: perSecond, ThrottlingBurstLimit: burst })],
    });
  });

  test("brings the account's role for access logs, which stays behind, unless the settings say that there is one", () => {
    template.hasResource('AWS::ApiGateway::Account', { DeletionPolicy: 'Retain', UpdateReplacePolicy: 'Retain' });
    const [account] = resourcesOf(template, 'AWS::ApiGateway::Account').values();
    const named = JSON.stringify(account?.Properties['CloudWatchRoleArn']);
    const [id, role] = [...resourcesOf(template, 'AWS::IAM::Role')].find(([one]) => named.includes(one)) ?? [];
    expect(role?.DeletionPolicy).toBe('Retain');
    full.resourceCountIs('AWS::ApiGateway::Account', 0);
    expect([...resourcesOf(full, 'AWS::IAM::Role').keys()]).not.toContain(id);
  });
});

describe('a deployment of the partner API', () => {
  /** Name of the deployment that a document makes. */
  function deploymentOf(changed: ApiDocument): string | undefined {
    const stack = new Stack(testApp(), 'Test');
    const gateway = new PartnerGateway(stack, 'Gateway', {
      document: changed,
      settings: withPartners()(loadSettings('prod')),
    });
    const target = new LambdaFunction(stack, 'Target', {
      runtime: Runtime.NODEJS_24_X,
      handler: 'index.handler',
      code: Code.fromInline('export {}'),
    });
    gateway.serve(changed.operations, target);
    return [...resourcesOf(Template.fromStack(stack), 'AWS::ApiGateway::Deployment').keys()][0];
  }

  test('is a new one whenever a route, a body or an error of the document changes', () => {
    const { operations, errors } = document;
    const deployments = [
      document,
      { ...document, operations: operations.slice(1) },
      { ...document, operations: operations.map((one) => (one.body ? { ...one, body: { type: 'array' } } : one)) },
      { ...document, errors: { ...errors, THROTTLED: { status: 429, meaning: 'Slow down.' } } },
    ].map(deploymentOf);
    expect(new Set(deployments).size).toBe(4);
    expect(deploymentOf(document)).toBe(deployments[0]);
  });
});

describe('calls from browsers', () => {
  test('are not provided for by default', () => {
    expect([...methods.keys()].filter((name) => name.startsWith('OPTIONS'))).toEqual([]);
    expect(JSON.stringify(template.toJSON())).not.toContain('Access-Control-Allow');
  });

  test('are allowed to the one origin of the settings, on each path, for its methods and the headers that sign', () => {
    const preflights = [...resourcesOf(full, 'AWS::ApiGateway::Method').values()].filter(
      ({ Properties }) => Properties['HttpMethod'] === 'OPTIONS',
    );
    // No page ever pushes.
    expect(preflights).toHaveLength(new Set(ROUTES.map(({ path }) => path)).size);
    for (const { Properties } of preflights) {
      expect(Properties).toMatchObject({ AuthorizationType: 'NONE', ApiKeyRequired: false });
      const { IntegrationResponses, Type } = z
        .object({
          Type: z.string(),
          IntegrationResponses: z.tuple([z.object({ ResponseParameters: z.record(z.string(), z.string()) })]),
        })
        .parse(Properties['Integration']);
      const listOf = (name: string) =>
        IntegrationResponses[0].ResponseParameters[`method.response.header.Access-Control-${name}`]
          ?.replaceAll("'", '')
          .split(',')
          .sort();
      const path = pathOf(full, Reference.parse(Properties['ResourceId']).Ref);
      expect(Type).toBe('MOCK');
      expect(listOf('Allow-Origin')).toEqual(['https://shop.example']);
      expect(listOf('Allow-Methods')).toEqual(
        ROUTES.filter((route) => route.path === path)
          .map(({ method }) => method)
          .sort(),
      );
      expect(listOf('Allow-Headers')).toEqual(
        expect.arrayContaining([
          'Authorization',
          'Idempotency-Key',
          'X-Amz-Access-Token',
          'X-Amz-Date',
          'X-Amz-Security-Token',
          'X-Api-Key',
        ]),
      );
    }
  });

  test('change nothing about who may call', () => {
    const served = [...methodsOf(full)].filter(([name]) => !/^OPTIONS| \/v1\/push\//.test(name));
    expect(served).toHaveLength(ROUTES.length);
    for (const [, method] of served) {
      expect([method.AuthorizationType, method.ApiKeyRequired]).toEqual(['AWS_IAM', true]);
    }
  });
});

describe('a domain and a web ACL', () => {
  test('are there where the settings name them', () => {
    full.hasResourceProperties('AWS::ApiGateway::DomainName', {
      DomainName: 'offers.example.com',
      RegionalCertificateArn: EVERYTHING.gateway?.domain?.certificateArn,
      EndpointConfiguration: { Types: ['REGIONAL'] },
      SecurityPolicy: 'TLS_1_2',
    });
    full.hasResourceProperties('AWS::ApiGateway::BasePathMapping', {
      RestApiId: { Ref: Match.stringLikeRegexp('^PartnerApiGatewayApi') },
      Stage: { Ref: Match.stringLikeRegexp('^PartnerApiGatewayApiDeploymentStageprod') },
      BasePath: Match.absent(),
    });
    full.hasOutput('PartnerApiUrl', { Value: 'https://offers.example.com' });
    full.hasOutput('PartnerApiDomainTarget', {
      Value: { 'Fn::GetAtt': [Match.stringLikeRegexp('Domain'), 'RegionalDomainName'] },
    });
    full.hasResourceProperties('AWS::WAFv2::WebACLAssociation', {
      WebACLArn: EVERYTHING.gateway?.webAclArn,
      ResourceArn: { 'Fn::Join': ['', Match.arrayWith(['::/restapis/', '/stages/'])] },
    });
  });

  test('are not there otherwise', () => {
    for (const type of ['DomainName', 'BasePathMapping']) template.resourceCountIs(`AWS::ApiGateway::${type}`, 0);
    template.resourceCountIs('AWS::WAFv2::WebACLAssociation', 0);
    const { Outputs } = z
      .object({ Outputs: z.record(z.string(), z.object({ Value: z.unknown() })) })
      .parse(template.toJSON());
    expect(flatten(Outputs['PartnerApiUrl']?.Value)).toBe(
      'https://${PartnerApiGatewayApi}.execute-api.${AWS::Region}.${AWS::URLSuffix}/prod',
    );
    expect(Outputs['PartnerApiDomainTarget']).toBeUndefined();
  });
});
