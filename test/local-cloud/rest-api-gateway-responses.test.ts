import { describe, expect, test } from 'vitest';
import { cloudOf, type Resources } from './hand-written-assembly.ts';
import { apiParts, call, PREFLIGHT, signedCall, urlOf, type ApiParts, type Call } from './rest-api-assembly.ts';

const own = (type: string, properties: Record<string, unknown>) => ({
  Type: `AWS::ApiGateway::${type}`,
  Properties: { RestApiId: { Ref: 'Api' }, ...properties },
});
const worded = (ResponseType: string, properties: Record<string, unknown> = {}) =>
  own('GatewayResponse', {
    ResponseType,
    ResponseTemplates: { 'application/json': `{"by":"${ResponseType}","of":"$context.error.responseType"}` },
    ...properties,
  });

const SCHEMA = {
  $schema: 'http://json-schema.org/draft-04/schema#',
  type: 'object',
  required: ['name', 'kind'],
  additionalProperties: false,
  properties: {
    name: { type: 'string', minLength: 2 },
    kind: { enum: ['dog', 'cat'] },
    price: { type: 'number', minimum: 0, exclusiveMinimum: true, maximum: 500 },
    id: { type: 'string' },
  },
};
const validated = {
  Pet: own('Model', { ContentType: 'application/json', Name: 'Pet', Schema: SCHEMA }),
  Pets: own('Model', {
    ContentType: 'application/json',
    Schema: {
      type: 'array',
      items: { $ref: { 'Fn::Sub': 'https://apigateway.amazonaws.com/restapis/${Api}/models/Pet' } },
    },
  }),
  Everything: own('RequestValidator', { ValidateRequestBody: true, ValidateRequestParameters: 'true' }),
} satisfies Resources;
const VALIDATED = {
  RequestValidatorId: { Ref: 'Everything' },
  RequestModels: { 'application/json': { Ref: 'Pet' } },
  RequestParameters: {
    'method.request.header.Idempotency-Key': true,
    'method.request.querystring.q': true,
    'method.request.querystring.optional': false,
  },
};
const GOOD: Call = {
  method: 'POST',
  path: '/pets?q=1',
  headers: { 'content-type': 'application/json; charset=utf-8', 'idempotency-key': 'k' },
  body: '{"name":"Rex","kind":"dog","price":1,"id":"7"}',
};

const validating = (more: Partial<ApiParts> = {}) =>
  cloudOf(
    apiParts({
      methods: { 'POST /pets': VALIDATED, 'PUT /pets': { ...VALIDATED, RequestModels: { $default: { Ref: 'Pets' } } } },
      ...more,
      resources: { ...validated, ...more.resources },
    }),
  );

describe('a request validator', () => {
  test('lets pass what has its parameters and fits its model', async () => {
    const url = urlOf(await validating());
    expect((await call(url, GOOD)).status).toBe(200);
    expect((await call(url, { ...GOOD, path: '/pets?q=1&optional=' })).status).toBe(200);
    const many = {
      ...GOOD,
      method: 'PUT',
      headers: { ...GOOD.headers, 'content-type': 'text/x' },
      body: `[${String(GOOD.body)}]`,
    };
    expect((await call(url, many)).status).toBe(200);
    expect((await call(url, { ...many, body: '[{}]' })).status).toBe(400);
  });

  test.each<[string, Partial<Call>, string]>([
    ['a missing query parameter', { path: '/pets' }, '[q]'],
    ['a blank one', { path: '/pets?q=%20' }, '[q]'],
    ['a missing header', { headers: {} }, '[Idempotency-Key]'],
    [
      'a blank one and a missing parameter',
      { path: '/pets', headers: { 'idempotency-key': ' ' } },
      '[Idempotency-Key, q]',
    ],
  ])('refuses %s', async (_, change, names) => {
    const { status, json, headers } = await call(urlOf(await validating()), { ...GOOD, ...change });
    expect([status, json]).toEqual([400, { message: `Missing required request parameters: ${names}` }]);
    expect(headers['x-amzn-errortype']).toBe('BadRequestException');
  });

  test.each<[string, string]>([
    ['{', '[the body is not JSON]'],
    ['', '[object has missing required properties (["kind","name"])]'],
    ['[]', '[instance type (array) does not match any allowed primitive type (allowed: ["object"])]'],
    ['{"name":"Rex"}', '[object has missing required properties (["kind"])]'],
    [
      '{"name":1,"kind":"dog"}',
      '[instance type (integer) does not match any allowed primitive type (allowed: ["string"])]',
    ],
    ['{"name":"R","kind":"dog"}', '[string "R" is too short (length: 1, required minimum: 2)]'],
    ['{"name":"Rex","kind":"bird"}', '[instance value ("bird") not found in enum (possible values: ["dog","cat"])]'],
    [
      '{"name":"Rex","kind":"dog","price":501}',
      '[numeric instance is greater than the required maximum (maximum: 500, found: 501)]',
    ],
    ['{"name":"Rex","kind":"dog","price":0}', '[must be > 0]'],
    [
      '{"name":"Rex","kind":"dog","b":1}',
      '[object instance has properties which are not allowed by the schema: ["b"]]',
    ],
  ])('refuses the body %s', async (body, why) => {
    const ResponseTemplates = { 'application/json': '$context.error.message|$context.error.validationErrorString' };
    const resources = { Bad: worded('BAD_REQUEST_BODY', { ResponseTemplates }) };
    const { status, text } = await call(urlOf(await validating({ resources })), { ...GOOD, body });
    expect([status, text]).toEqual([400, `Invalid request body|${why}`]);
  });

  test('looks at no body of another media type, unless the integration takes no other', async () => {
    const other = { ...GOOD, headers: { ...GOOD.headers, 'content-type': 'text/plain' }, body: 'anything' };
    expect((await call(urlOf(await validating()), other)).status).toBe(200);
    const strict = { ...VALIDATED, Integration: { PassthroughBehavior: 'NEVER' } };
    const url = urlOf(await validating({ methods: { 'POST /pets': strict } }));
    const { status, json } = await call(url, other);
    expect([status, json]).toEqual([415, { message: 'Unsupported Media Type' }]);
    expect((await call(url, GOOD)).status).toBe(200);
  });

  test('that checks nothing, or none, lets everything pass', async () => {
    const lax = { ...VALIDATED, RequestValidatorId: { Ref: 'Nothing' } };
    const { RequestValidatorId: _, ...none } = VALIDATED;
    const cloud = await validating({
      methods: { 'POST /lax': lax, 'POST /none': none },
      resources: { Nothing: own('RequestValidator', {}) },
    });
    for (const path of ['/lax', '/none']) {
      expect((await call(urlOf(cloud), { method: 'POST', path, body: '{' })).status).toBe(200);
    }
  });
});

describe('a gateway response', () => {
  const template = JSON.stringify({
    message: '$context.error.message',
    type: '$context.error.responseType',
    id: '$context.requestId',
    path: '$context.path',
    resource: '$context.resourcePath',
    ip: '$context.identity.sourceIp',
    variable: '$stageVariables.colour',
    nothing: '$context.authorizer.principalId$context.error.validationErrorString',
    text: '$contextual $context $input.body $5',
  }).replace('}', ',"quoted":$context.error.messageString}');

  test('has its template filled in, its headers and its status', async () => {
    const resources = {
      Missing: worded('MISSING_AUTHENTICATION_TOKEN', {
        StatusCode: '404',
        ResponseTemplates: { 'application/json': template },
        ResponseParameters: {
          'gatewayresponse.header.Cache-Control': "'no-store'",
          'gatewayresponse.header.X-Asked': 'method.request.header.x-ask',
          'gatewayresponse.header.X-Query': 'method.request.querystring.q',
          'gatewayresponse.header.X-Stage': 'context.stage',
          'gatewayresponse.header.X-Colour': 'stageVariables.colour',
          'gatewayresponse.header.X-None': 'method.request.header.x-none',
        },
      }),
    };
    const parts = { methods: { 'GET /a': {} }, resources, stage: { Variables: { colour: 'green' } } };
    const url = urlOf(await cloudOf(apiParts(parts)));
    const { status, json, headers } = await call(url, { path: '/nowhere?q=why', headers: { 'x-ask': 'me' } });
    expect(status).toBe(404);
    expect(json).toEqual({
      message: 'Missing Authentication Token',
      quoted: 'Missing Authentication Token',
      type: 'MISSING_AUTHENTICATION_TOKEN',
      id: headers['x-amzn-requestid'],
      path: '/prod/nowhere',
      resource: '',
      ip: '127.0.0.1',
      variable: 'green',
      nothing: '',
      text: '$contextual $context $input.body $5',
    });
    expect(headers).toMatchObject({
      'cache-control': 'no-store',
      'x-asked': 'me',
      'x-query': 'why',
      'x-stage': 'prod',
      'x-colour': 'green',
      'content-type': 'application/json',
      'x-amzn-errortype': 'MissingAuthenticationTokenException',
    });
    expect(headers).not.toHaveProperty('x-none');
  });

  test('is chosen among its templates by what the client accepts first', async () => {
    const ResponseTemplates = { 'application/json': '"json"', 'text/plain': 'plain' };
    const resources = { All: worded('DEFAULT_4XX', { ResponseTemplates }) };
    const url = urlOf(await cloudOf(apiParts({ methods: { 'GET /a': {} }, resources })));
    const accepting = async (accept?: string) => {
      const { text, headers } = await call(url, { path: '/x', headers: accept === undefined ? {} : { accept } });
      return [text, headers['content-type']];
    };
    expect(await accepting()).toEqual(['"json"', 'application/json']);
    expect(await accepting('text/plain, application/json')).toEqual(['plain', 'text/plain']);
    expect(await accepting('image/png')).toEqual(['"json"', 'application/json']);
  });

  test('without a template has only its headers and status besides the words that are usual', async () => {
    const ResponseParameters = { 'gatewayresponse.header.Access-Control-Allow-Origin': "'*'" };
    const resources = { All: worded('DEFAULT_4XX', { ResponseTemplates: undefined, ResponseParameters }) };
    const url = urlOf(await cloudOf(apiParts({ methods: { 'GET /a': {} }, resources })));
    const { status, json, headers } = await call(url, { path: '/x' });
    expect([status, json]).toEqual([403, { message: 'Missing Authentication Token' }]);
    expect(headers['access-control-allow-origin']).toBe('*');
  });

  const KEY = {
    Key: { Type: 'AWS::ApiGateway::ApiKey', Properties: { Enabled: true, Value: 'k'.repeat(20) } },
    Plan: {
      Type: 'AWS::ApiGateway::UsagePlan',
      Properties: {
        ApiStages: [{ ApiId: { Ref: 'Api' }, Stage: { Ref: 'Stage' } }],
        Quota: { Limit: 0, Period: 'DAY' },
      },
    },
    PlanKey: {
      Type: 'AWS::ApiGateway::UsagePlanKey',
      Properties: { KeyId: { Ref: 'Key' }, KeyType: 'API_KEY', UsagePlanId: { Ref: 'Plan' } },
    },
  };
  const throttled = [{ ResourcePath: '/throttled', HttpMethod: '*', ThrottlingRateLimit: 0, ThrottlingBurstLimit: 0 }];
  const role = (principal: object, ...statements: object[]) => ({
    Type: 'AWS::IAM::Role',
    Properties: {
      AssumeRolePolicyDocument: {
        Statement: [{ Effect: 'Allow', Principal: principal, Action: 'sts:AssumeRole' }],
      },
      Policies: [{ PolicyName: 'Own', PolicyDocument: { Statement: statements } }],
    },
  });
  const LOGS = { Effect: 'Allow', Action: 'logs:*', Resource: '*' };
  const HANGING = 'export const handler = () => new Promise((done) => setTimeout(done, 60_000));';

  /** An API that can fail in every way there is, and how to make it. */
  async function failing(resources: Resources) {
    const cloud = await cloudOf(
      apiParts({
        methods: {
          'GET /signed': { AuthorizationType: 'AWS_IAM' },
          'GET /keyed': { ApiKeyRequired: true },
          'GET /throttled': {},
          'POST /checked': { ...VALIDATED, Integration: { PassthroughBehavior: 'NEVER' } },
          'GET /broken': { function: 'Broken' },
          'GET /slow': { function: 'Slow', Integration: { TimeoutInMillis: 50 } },
          'GET /closed': { function: 'Closed' },
          'GET /odd': { Integration: { ...PREFLIGHT.Integration, RequestTemplates: {} } },
        },
        resources: {
          ...validated,
          ...KEY,
          WorkRole: role({ Service: 'lambda.amazonaws.com' }, LOGS),
          Stranger: role({ AWS: '000000000000' }, LOGS),
          ClosedPermission: {
            Type: 'AWS::Lambda::Permission',
            Properties: {
              Action: 'lambda:InvokeFunction',
              FunctionName: { Ref: 'Closed' },
              Principal: 'sns.amazonaws.com',
            },
          },
          ...resources,
        },
        functions: Object.fromEntries(
          Object.entries({
            Work: 'export const handler = async () => ({});',
            Broken: 'x',
            Slow: HANGING,
            Closed: 'x',
          }).map(([name, code]) => [
            name,
            { code, properties: { Role: { 'Fn::GetAtt': ['WorkRole', 'Arn'] }, Timeout: 1 } },
          ]),
        ),
        stage: { MethodSettings: throttled },
      }),
      { enforcement: 'aws', looseEnds: 'tell' },
    );
    const url = urlOf(cloud);
    const headers = { 'x-api-key': 'k'.repeat(20) };
    const signed = signedCall(url, { path: '/signed' }, cloud.credentials);
    const old = { 'X-Amz-Date': '20200101T000000Z' };
    const ways: Record<string, Call> = {
      MISSING_AUTHENTICATION_TOKEN: { path: '/signed' },
      ACCESS_DENIED: signedCall(url, { path: '/signed' }, cloud.assumeRole(cloud.resources.get('Stranger')!.arn!)),
      INVALID_SIGNATURE: { ...signed, path: '/signed?changed=1' },
      EXPIRED_TOKEN: signedCall(url, { path: '/signed', headers: old }, cloud.credentials),
      INVALID_API_KEY: { path: '/keyed' },
      QUOTA_EXCEEDED: { path: '/keyed', headers },
      THROTTLED: { path: '/throttled' },
      BAD_REQUEST_PARAMETERS: { ...GOOD, path: '/checked' },
      BAD_REQUEST_BODY: { ...GOOD, path: '/checked?q=1', body: '{}' },
      UNSUPPORTED_MEDIA_TYPE: { ...GOOD, path: '/checked?q=1', headers: { ...GOOD.headers, 'content-type': 'a/b' } },
      REQUEST_TOO_LARGE: { ...GOOD, path: '/checked?q=1', body: Buffer.alloc(10 * 1024 * 1024 + 1) },
      INTEGRATION_FAILURE: { path: '/broken' },
      INTEGRATION_TIMEOUT: { path: '/slow' },
      API_CONFIGURATION_ERROR: { path: '/odd' },
    };
    return { url, ways };
  }

  test('of its own type words each failure', async () => {
    const { url, ways } = await failing(
      Object.fromEntries(
        [
          'ACCESS_DENIED',
          'API_CONFIGURATION_ERROR',
          'BAD_REQUEST_BODY',
          'BAD_REQUEST_PARAMETERS',
          'EXPIRED_TOKEN',
          'INTEGRATION_FAILURE',
          'INTEGRATION_TIMEOUT',
          'INVALID_API_KEY',
          'INVALID_SIGNATURE',
          'MISSING_AUTHENTICATION_TOKEN',
          'QUOTA_EXCEEDED',
          'REQUEST_TOO_LARGE',
          'THROTTLED',
          'UNSUPPORTED_MEDIA_TYPE',
        ].map((type) => [`Worded${type.replaceAll('_', '')}`, worded(type)]),
      ),
    );
    const statuses: Record<string, number> = {};
    for (const [type, way] of Object.entries(ways)) {
      const { status, json } = await call(url, way);
      expect(json).toEqual({ by: type, of: type });
      statuses[type] = status;
    }
    expect(statuses).toEqual({
      MISSING_AUTHENTICATION_TOKEN: 403,
      ACCESS_DENIED: 403,
      INVALID_SIGNATURE: 403,
      EXPIRED_TOKEN: 403,
      INVALID_API_KEY: 403,
      QUOTA_EXCEEDED: 429,
      THROTTLED: 429,
      BAD_REQUEST_PARAMETERS: 400,
      BAD_REQUEST_BODY: 400,
      UNSUPPORTED_MEDIA_TYPE: 415,
      REQUEST_TOO_LARGE: 413,
      INTEGRATION_FAILURE: 502,
      INTEGRATION_TIMEOUT: 504,
      API_CONFIGURATION_ERROR: 500,
    });
    const closed = await call(url, { path: '/closed' });
    expect([closed.status, closed.json]).toEqual([
      500,
      { by: 'API_CONFIGURATION_ERROR', of: 'API_CONFIGURATION_ERROR' },
    ]);
  });

  test('of its class words each failure that has none of its own, but for a body that is too large', async () => {
    const { url, ways } = await failing({
      Client: worded('DEFAULT_4XX', { StatusCode: 418 }),
      Server: worded('DEFAULT_5XX'),
      Own: worded('THROTTLED'),
    });
    for (const [type, way] of Object.entries(ways)) {
      const { status, text } = await call(url, way);
      if (type === 'REQUEST_TOO_LARGE') {
        expect([status, text]).toEqual([413, 'HTTP content length exceeded 10485760 bytes.']);
        continue;
      }
      const server = ['INTEGRATION_FAILURE', 'INTEGRATION_TIMEOUT', 'API_CONFIGURATION_ERROR'].includes(type);
      const by = type === 'THROTTLED' ? type : server ? 'DEFAULT_5XX' : 'DEFAULT_4XX';
      expect(JSON.parse(text)).toEqual({ by, of: type });
      if (by === 'DEFAULT_4XX') expect(status).toBe(418);
      else expect(status).not.toBe(418);
    }
    const malformed = await call(url, { path: '/signed', headers: { authorization: 'Bearer x' } });
    expect([malformed.status, malformed.json]).toEqual([418, { by: 'DEFAULT_4XX', of: 'DEFAULT_4XX' }]);
  });
});
