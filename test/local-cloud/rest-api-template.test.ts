import { describe, expect, test } from 'vitest';
import { createCloud, TemplateError } from '../../local/cloud/cloud.ts';
import {
  cloudOf,
  temporaryDirectory,
  writeAssembly,
  type AssemblyParts,
  type Resources,
} from './hand-written-assembly.ts';
import { apiParts, call, PREFLIGHT, urlOf, type ApiParts } from './rest-api-assembly.ts';

const own = (type: string, properties: Record<string, unknown> = {}) => ({
  Type: `AWS::ApiGateway::${type}`,
  Properties: { RestApiId: { Ref: 'Api' }, ...properties },
});
const type = (name: string, Properties: Record<string, unknown> = {}) => ({
  Type: `AWS::ApiGateway::${name}`,
  Properties,
});
const METHODS: ApiParts['methods'] = { 'GET /a': {} };

/** What the cloud has against a template; it takes back what it had begun. */
async function refusal(parts: AssemblyParts, enforcement: 'aws' | 'off' = 'off'): Promise<string> {
  const options = { assembly: writeAssembly(parts), dataDir: temporaryDirectory(), enforcement } as const;
  try {
    const cloud = await createCloud(options);
    await cloud.stop();
    return 'it was taken';
  } catch (error) {
    expect(error).toBeInstanceOf(TemplateError);
    return (error as Error).message;
  }
}

describe('a template is refused', () => {
  const { Integration: mock } = PREFLIGHT;
  const mocking = (more: object): ApiParts => ({ methods: { 'GET /a': { Integration: { ...mock, ...more } } } });
  const withIntegration = (Integration: object): ApiParts => ({ methods: { 'GET /a': { Integration } } });
  const withResource = (resource: Resources[string]): ApiParts => ({ methods: METHODS, resources: { It: resource } });

  test.each<[string, ApiParts, RegExp]>([
    ['a policy of the API', { methods: METHODS, api: { Policy: {} } }, /^Api .*property Policy/],
    ['a private API', { methods: METHODS, api: { EndpointConfiguration: { Types: ['PRIVATE'] } } }, /private API/],
    ['keys from an authorizer', { methods: METHODS, api: { ApiKeySourceType: 'AUTHORIZER' } }, /x-api-key/],
    [
      'an authorizer',
      { methods: { 'GET /a': { AuthorizationType: 'CUSTOM' } } },
      /^Method0 .*AuthorizationType.*authorizers/,
    ],
    ['another integration', withIntegration({ Type: 'HTTP_PROXY' }), /^Method0 .*property Integration\.Type/],
    ['another verb of an integration', withIntegration({ IntegrationHttpMethod: 'GET' }), /with POST only/],
    [
      'a function of elsewhere',
      withIntegration({ Uri: 'arn:aws:apigateway:us-east-1:lambda:path/x' }),
      /Integration\.Uri/,
    ],
    [
      'a longer time than Lambda integrations have',
      withIntegration({ TimeoutInMillis: 29_001 }),
      /between 50 and 29000/,
    ],
    ['a mapping in a proxy integration', withIntegration({ RequestTemplates: { 'a/b': '' } }), /passes everything on/],
    ['a mock with directives', mocking({ RequestTemplates: { 'a/b': '#if(1) { statusCode: 1 }' } }), /statusCode/],
    [
      'a mock’s answer with directives',
      mocking({ IntegrationResponses: [{ StatusCode: 200, ResponseTemplates: { 'a/b': '#set($a = 1)' } }] }),
      /IntegrationResponses\.0\.ResponseTemplates\.a\/b: directives/,
    ],
    [
      'a mock’s header from elsewhere',
      mocking({
        IntegrationResponses: [
          { StatusCode: 200, ResponseParameters: { 'method.response.header.a': 'integration.response.header.b' } },
        ],
      }),
      /only headers with a fixed text/,
    ],
    [
      'a parameter of no kind',
      { methods: { 'GET /a': { RequestParameters: { 'method.request.body.a': true } } } },
      /header/,
    ],
    [
      'a path parameter that is not in the path',
      { methods: { 'GET /a': { RequestParameters: { 'method.request.path.id': true } } } },
      /\/a has no such parameter/,
    ],
    ['a model of elsewhere', { methods: { 'GET /a': { RequestModels: { 'a/b': 'Error' } } } }, /Error is no model/],
    ['a validator of elsewhere', { methods: { 'GET /a': { RequestValidatorId: 'x' } } }, /x is no request validator/],
    [
      'a model that is no schema',
      withResource(own('Model', { Schema: { type: 'text' } })),
      /^It .*Schema: it is no schema/,
    ],
    [
      'a model that names none',
      withResource(own('Model', { Schema: { $ref: '#/definitions/none' } })),
      /^It .*Schema: it is no schema/,
    ],
    [
      'a path part of two',
      withResource(own('Resource', { ParentId: { 'Fn::GetAtt': ['Api', 'RootResourceId'] }, PathPart: 'a/b' })),
      /^It .*PathPart/,
    ],
    [
      'a path part twice',
      withResource(own('Resource', { ParentId: { 'Fn::GetAtt': ['Api', 'RootResourceId'] }, PathPart: 'a' })),
      /has the path \/a/,
    ],
    ['something below a greedy parameter', { methods: { 'GET /{all+}/b': {} } }, /nothing follows a greedy parameter/],
    ['a cache', { methods: METHODS, stage: { CacheClusterEnabled: true } }, /caches are not supported/],
    ['a canary', { methods: METHODS, stage: { CanarySetting: {} } }, /^Stage .*CanarySetting/],
    [
      'an access log without the request’s id',
      {
        methods: METHODS,
        stage: { AccessLogSetting: { DestinationArn: 'arn:aws:logs:r:a:log-group:g:*', Format: '$context.stage' } },
      },
      /Format.*requestId/,
    ],
    [
      'an access log elsewhere than in a group',
      {
        methods: METHODS,
        stage: { AccessLogSetting: { DestinationArn: 'arn:aws:firehose:r:a:s/x', Format: '$context.requestId' } },
      },
      /log groups only/,
    ],
    [
      'a gateway response of no kind',
      withResource(own('GatewayResponse', { ResponseType: 'TEAPOT' })),
      /^It .*ResponseType/,
    ],
    [
      'a gateway response’s header from nowhere',
      withResource(
        own('GatewayResponse', { ResponseType: 'THROTTLED', ResponseParameters: { 'gatewayresponse.header.a': 'b' } }),
      ),
      /text in quotes/,
    ],
    ['a key that is too short', withResource(type('ApiKey', { Value: 'short' })), /20 to 128/],
    [
      'a plan for no stage',
      withResource(type('UsagePlan', { ApiStages: [{ ApiId: 'x', Stage: 'y' }] })),
      /x has no stage y/,
    ],
    [
      'a quota that begins later in the day',
      withResource(type('UsagePlan', { Quota: { Limit: 1, Offset: 1, Period: 'DAY' } })),
      /Offset/,
    ],
    ['an authorizer of its own', withResource(own('Authorizer')), /^It .*this resource type is not supported/],
  ])('for %s', async (_, parts, expected) => {
    expect(await refusal(apiParts(parts))).toMatch(expected);
  });

  test('for a deployment that comes before the methods', async () => {
    const { resources, ...parts } = apiParts({ methods: METHODS });
    const { Api, Deployment, ...later } = resources;
    const early = { ...Deployment!, DependsOn: [] };
    expect(await refusal({ ...parts, resources: { Api: Api!, Deployment: early, ...later } })).toMatch(
      /^Deployment .*no methods yet/,
    );
  });

  test('for a key with two usage plans for one stage', async () => {
    const stage = { ApiStages: [{ ApiId: { Ref: 'Api' }, Stage: { Ref: 'Stage' } }] };
    const planKey = (plan: string) =>
      type('UsagePlanKey', { KeyId: { Ref: 'Key' }, KeyType: 'API_KEY', UsagePlanId: { Ref: plan } });
    const resources = {
      Key: type('ApiKey'),
      One: type('UsagePlan', stage),
      Two: type('UsagePlan', stage),
      KeyOne: planKey('One'),
      KeyTwo: planKey('Two'),
    };
    expect(await refusal(apiParts({ methods: METHODS, resources }))).toMatch(
      /^KeyTwo .*usage plan One for the stage prod/,
    );
  });
});

const trusting = (service: string, properties: Record<string, unknown>) => ({
  Type: 'AWS::IAM::Role',
  Properties: {
    AssumeRolePolicyDocument: {
      Statement: [{ Effect: 'Allow', Principal: { Service: service }, Action: 'sts:AssumeRole' }],
    },
    ...properties,
  },
});
const WORK_ROLE = trusting('lambda.amazonaws.com', {
  ManagedPolicyArns: ['arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole'],
});
const strictParts = (parts: Partial<ApiParts> = {}): AssemblyParts =>
  apiParts({
    methods: METHODS,
    functions: {
      Work: {
        code: 'export const handler = async () => ({});',
        properties: { Role: { 'Fn::GetAtt': ['WorkRole', 'Arn'] } },
      },
    },
    ...parts,
    resources: { WorkRole: WORK_ROLE, ...parts.resources },
  });

describe('the role for logs', () => {
  const account = (role: Resources[string]): Partial<ApiParts> => ({
    resources: { Logs: role, Account: type('Account', { CloudWatchRoleArn: { 'Fn::GetAtt': ['Logs', 'Arn'] } }) },
  });
  const managed = ['arn:aws:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs'];

  test('has to let API Gateway assume it and write logs', async () => {
    const good = trusting('apigateway.amazonaws.com', { ManagedPolicyArns: managed });
    expect(await refusal(strictParts(account(good)), 'aws')).toBe('it was taken');
    const other = trusting('lambda.amazonaws.com', { ManagedPolicyArns: managed });
    expect(await refusal(strictParts(account(other)), 'aws')).toMatch(
      /^Account .*CloudWatchRoleArn.*does not let apigateway\.amazonaws\.com assume it/,
    );
    expect(await refusal(strictParts(account(trusting('apigateway.amazonaws.com', {}))), 'aws')).toMatch(
      /^Account .*CloudWatchRoleArn.*logs:CreateLogGroup/,
    );
  });
});

describe('a loose end is', () => {
  test('a method that no deployment of a stage has, and nobody serves it', async () => {
    const { resources, ...parts } = strictParts();
    const late = own('Method', {
      HttpMethod: 'PUT',
      ResourceId: { Ref: 'Resource2fa' },
      AuthorizationType: 'NONE',
      Integration: { Type: 'MOCK', RequestTemplates: { 'application/json': '{"statusCode":200}' } },
    });
    const template = { ...parts, resources: { ...resources, Late: late } };
    expect(await refusal(template, 'aws')).toMatch(/^Late .*no stage serves it: no deployment of one depends on it$/);
    const cloud = await cloudOf(template, { enforcement: 'aws', looseEnds: 'tell' });
    expect((await call(urlOf(cloud), { method: 'PUT', path: '/a' })).status).toBe(403);
    expect((await call(urlOf(cloud), { path: '/a' })).status).toBe(200);
  });

  test('an API key that no usage plan with a stage has', async () => {
    const resources = {
      Key: type('ApiKey', { Enabled: true }),
      Plan: type('UsagePlan', {}),
      PlanKey: type('UsagePlanKey', { KeyId: { Ref: 'Key' }, KeyType: 'API_KEY', UsagePlanId: { Ref: 'Plan' } }),
    };
    expect(await refusal(strictParts({ resources }), 'aws')).toMatch(/^Key .*no usage plan with a stage has this key/);
  });
});

test('domain names, base paths and web ACLs are taken and have no effect', async () => {
  const resources: Resources = {
    Domain: type('DomainName', {
      DomainName: 'api.example.com',
      RegionalCertificateArn: 'arn:aws:acm:us-east-1:0:certificate/x',
    }),
    Mapping: type('BasePathMapping', {
      DomainName: { Ref: 'Domain' },
      RestApiId: { Ref: 'Api' },
      Stage: { Ref: 'Stage' },
    }),
    Firewall: {
      Type: 'AWS::WAFv2::WebACLAssociation',
      Properties: {
        ResourceArn: { 'Fn::Sub': 'arn:aws:apigateway:${AWS::Region}::/restapis/${Api}/stages/${Stage}' },
        WebACLArn: 'arn:aws:wafv2:us-east-1:000000000000:regional/webacl/x/y',
      },
    },
  };
  const outputs = {
    Target: { Value: { 'Fn::GetAtt': ['Domain', 'RegionalDomainName'] } },
    Zone: { Value: { 'Fn::GetAtt': ['Domain', 'RegionalHostedZoneId'] } },
    Url: { Value: { 'Fn::Sub': 'https://${Api}.execute-api.${AWS::Region}.${AWS::URLSuffix}/${Stage}/' } },
  };
  const cloud = await cloudOf(apiParts({ methods: METHODS, resources, template: { Outputs: outputs } }));
  const { apiId } = cloud.restApis.get('Api')!;
  expect(apiId).toMatch(/^[a-z0-9]{10}$/);
  expect(cloud.outputs).toMatchObject({ Url: `https://${apiId}.execute-api.us-east-1.amazonaws.com/prod/` });
  expect((await call(urlOf(cloud), { path: '/a' })).status).toBe(200);
});
