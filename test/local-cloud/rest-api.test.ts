import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { request, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, onTestFinished, test } from 'vitest';
import { createCloud, type ServiceCall } from '../../local/cloud/cloud.ts';
import { cloudOf, collector, temporaryDirectory, writeAssembly } from './hand-written-assembly.ts';
import { apiParts, call, PREFLIGHT, PUPPET, urlOf } from './rest-api-assembly.ts';

describe('a request finds', () => {
  const methods = {
    'GET /': {},
    'GET /titles/{alid}': {},
    'GET /titles/popular': {},
    'POST /titles/{alid}/check': {},
    'ANY /files/{path+}': {},
    'GET /files/readme': {},
  };

  test.each<[string, string, string, Record<string, string> | null]>([
    ['GET', '', '/', null],
    ['GET', '/', '/', null],
    ['GET', '/titles/x', '/titles/{alid}', { alid: 'x' }],
    ['GET', '/titles/x/', '/titles/{alid}', { alid: 'x' }],
    ['GET', '/titles/popular', '/titles/popular', null],
    ['POST', '/titles/popular/check', '/titles/{alid}/check', { alid: 'popular' }],
    ['GET', '/titles/a%2Fb%20c+d%C3%A9', '/titles/{alid}', { alid: 'a%2Fb%20c+d%C3%A9' }],
    ['GET', '/titles/..', '/titles/{alid}', { alid: '..' }],
    ['GET', '/titles/md:alid:x', '/titles/{alid}', { alid: 'md:alid:x' }],
    ['GET', '/titles/%zz', '/titles/{alid}', { alid: '%zz' }],
    ['DELETE', '/files/a/b%2Fc', '/files/{path+}', { path: 'a/b%2Fc' }],
    ['GET', '/files/readme/more', '/files/{path+}', { path: 'readme/more' }],
  ])('%s %s at %s', async (method, path, resource, pathParameters) => {
    const answer = await call(await shared(methods), { method, path });
    expect(answer.json).toMatchObject({ resource, path: path || '/', httpMethod: method, pathParameters });
    expect(answer.event.requestContext).toMatchObject({ resourcePath: resource, path: `/prod${path}` });
  });

  test.each([
    ['GET', '/titles', 'has no method of its own'],
    ['PUT', '/titles/x', 'has no such method'],
    ['DELETE', '/files/readme', 'has no such method, though a greedy one has'],
    ['GET', '/titles//check', 'would have an empty parameter'],
    ['GET', '/Titles/x', 'has another case'],
    ['GET', '/files', 'has nothing for the greedy parameter'],
    ['GET', '/nothing', 'is nowhere'],
  ])('nothing with %s %s, which %s', async (method, path) => {
    const { status, json, headers } = await call(await shared(methods), { method, path });
    expect([status, json]).toEqual([403, { message: 'Missing Authentication Token' }]);
    expect(headers['x-amzn-errortype']).toBe('MissingAuthenticationTokenException');
  });

  test('nobody without a stage or with another', async () => {
    const { origin } = await shared(methods);
    for (const path of ['/', '/titles/x', '/production/titles/x', '//prod/titles/x']) {
      const { status, json } = await call(new URL(origin), { path });
      expect([path, status, json]).toEqual([path, 403, { message: 'Forbidden' }]);
    }
  });
});

/**
 * The event that AWS documents for a request with `AuthorizationType` `NONE`, and the request context that it documents for
 * `AWS_IAM`. https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html
 */
const DOCUMENTED = {
  resource: '/{proxy+}',
  path: '/hello/world',
  httpMethod: 'POST',
  headers: {
    'Content-Type': 'application/json',
    headerName: 'headerValue',
    Host: 'gy415nuibc.execute-api.us-east-1.amazonaws.com',
    'User-Agent': 'PostmanRuntime/2.4.5',
    'X-Forwarded-For': '54.240.196.186, 54.182.214.83',
    'X-Forwarded-Port': '443',
    'X-Forwarded-Proto': 'https',
  },
  multiValueHeaders: {
    'Content-Type': ['application/json'],
    headerName: ['headerValue'],
    Host: ['gy415nuibc.execute-api.us-east-1.amazonaws.com'],
    'User-Agent': ['PostmanRuntime/2.4.5'],
    'X-Forwarded-For': ['54.240.196.186, 54.182.214.83'],
    'X-Forwarded-Port': ['443'],
    'X-Forwarded-Proto': ['https'],
  },
  queryStringParameters: { name: 'me', multivalueName: 'me' },
  multiValueQueryStringParameters: { name: ['me'], multivalueName: ['you', 'me'] },
  pathParameters: { proxy: 'hello/world' },
  stageVariables: { stageVariableName: 'stageVariableValue' },
  requestContext: {
    requestTime: '20/Feb/2018:22:48:57 +0000',
    path: '/test/hello/world',
    accountId: '12345678912',
    protocol: 'HTTP/1.1',
    resourceId: 'roq9wj',
    stage: 'testStage',
    requestTimeEpoch: 1519166937665,
    requestId: 'deef4878-7910-11e6-8f14-25afc3e9ae33',
    identity: {
      cognitoIdentityPoolId: null,
      accountId: null,
      cognitoIdentityId: null,
      caller: null,
      apiKey: null,
      sourceIp: '192.168.196.186',
      accessKey: null,
      cognitoAuthenticationType: null,
      cognitoAuthenticationProvider: null,
      userArn: null,
      userAgent: 'PostmanRuntime/2.4.5',
      user: null,
    },
    resourcePath: '/{proxy+}',
    httpMethod: 'POST',
    apiId: 'gy415nuibc',
  },
  body: '{\r\n\t"a": 1\r\n}',
  isBase64Encoded: false,
};

/** Names and types, all the way down; what is not documented may be there as well. */
function shapeOf(documented: unknown, actual: unknown): unknown {
  if (documented === null || typeof documented !== 'object') return documented === null ? null : typeof actual;
  if (Array.isArray(documented)) return Array.isArray(actual) ? actual.map((item) => typeof item) : typeof actual;
  return Object.fromEntries(
    Object.entries(documented).map(([name, value]) => [
      name,
      shapeOf(value, (actual as Record<string, unknown>)[name]),
    ]),
  );
}

describe('the event', () => {
  test('is as AWS documents it, field by field', async () => {
    const cloud = await cloudOf(
      apiParts({
        methods: { 'ANY /{proxy+}': {} },
        stage: { StageName: 'testStage', Variables: { stageVariableName: 'stageVariableValue' } },
      }),
    );
    const { event } = await call(urlOf(cloud), {
      method: 'POST',
      path: '/hello/world?name=me&multivalueName=you&multivalueName=me',
      headers: { 'Content-Type': 'application/json', headerName: 'headerValue', 'User-Agent': 'PostmanRuntime/2.4.5' },
      body: DOCUMENTED.body,
    });
    // AWS: clients can override the one identifier, and not the other.
    const chosen = await call(urlOf(cloud), { path: '/hello', headers: { 'x-amzn-RequestId': 'chosen' } });
    expect(chosen.event.requestContext.requestId).toBe('chosen');
    expect(chosen.event.requestContext.extendedRequestId).not.toBe('chosen');
    expect(event.requestContext.requestId).toMatch(/^[0-9a-f-]{36}$/);
    expect(shapeOf(DOCUMENTED, event)).toEqual(shapeOf(DOCUMENTED, DOCUMENTED));
    expect(Object.keys(event).sort()).toEqual(Object.keys(DOCUMENTED).sort());
    const { requestContext, headers: _, multiValueHeaders: __, ...rest } = DOCUMENTED;
    expect(event).toMatchObject({
      ...rest,
      headers: { headerName: 'headerValue', 'User-Agent': 'PostmanRuntime/2.4.5', 'X-Forwarded-For': '127.0.0.1' },
      requestContext: {
        resourcePath: '/{proxy+}',
        httpMethod: 'POST',
        stage: 'testStage',
        path: '/testStage/hello/world',
        accountId: '000000000000',
        apiId: cloud.restApis.get('Api')!.apiId,
        identity: { ...requestContext.identity, sourceIp: '127.0.0.1' },
      },
    });
    expect(event.requestContext.requestTime).toMatch(
      /^\d\d\/(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)\/\d{4}:\d\d:\d\d:\d\d \+0000$/,
    );
    expect(event.requestContext.requestTimeEpoch).toBeGreaterThan(Date.now() - 60_000);
    expect(event.requestContext.requestId).toMatch(/^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/);
    const resource = [...cloud.resources.values()].find(({ type }) => type === 'AWS::ApiGateway::Resource');
    expect(event.requestContext.resourceId).toBe(resource!.physicalId);
  });

  test('of a bare request has null where there is nothing', async () => {
    const answer = await call(await shared({ 'GET /bare': {} }), { path: '/bare' });
    expect(answer.json).toMatchObject({
      queryStringParameters: null,
      multiValueQueryStringParameters: null,
      pathParameters: null,
      stageVariables: null,
      body: null,
      isBase64Encoded: false,
    });
    expect(answer.headers['x-amzn-requestid']).toBe(answer.event.requestContext.requestId);
    expect(answer.headers['x-amz-apigw-id']).toBe(answer.event.requestContext.extendedRequestId);
  });

  test('has headers as they were written, the last of repeated ones, and none of the connection’s', async () => {
    const { event } = await call(await shared({ 'GET /bare': {} }), {
      path: '/bare',
      headers: {
        'X-MiXed': 'one',
        'x-twice': ['first', 'second'],
        Authorization: 'Bearer token',
        TE: 'trailers',
        'Max-Forwards': '3',
        'x-forwarded-for': '192.0.2.1',
      },
    });
    expect(event.headers).toMatchObject({ 'X-MiXed': 'one', 'x-twice': 'second', Authorization: 'Bearer token' });
    expect(event.multiValueHeaders['x-twice']).toEqual(['first', 'second']);
    expect(event.headers['X-Forwarded-For']).toBe('192.0.2.1, 127.0.0.1');
    const names = Object.keys(event.headers).map((name) => name.toLowerCase());
    expect(names).toEqual([...new Set(names)]);
    for (const dropped of ['te', 'max-forwards', 'connection', 'content-length']) expect(names).not.toContain(dropped);
  });

  test.each<[string, Record<string, string[]> | null]>([
    ['?a=1&a=2&b=', { a: ['1', '2'], b: [''] }],
    ['?a=x%20y+z%2B%26', { a: ['x y z+&'] }],
    ['?%C3%A9=%E2%82%AC', { é: ['€'] }],
    ['?a', { a: [''] }],
    ['?a=1;b=2', { a: ['1'], b: ['2'] }],
    ['?a=100%&b=%zz', { a: ['100%'], b: ['%zz'] }],
    ['?a=b=c', { a: ['b=c'] }],
    ['?', null],
    ['?=x', null],
  ])('has the query %s decoded, once', async (query, expected) => {
    const { event } = await call(await shared({ 'GET /bare': {} }), { path: `/bare${query}` });
    expect(event.multiValueQueryStringParameters).toEqual(expected);
    const last =
      expected && Object.fromEntries(Object.entries(expected).map(([name, values]) => [name, values.at(-1)]));
    expect(event.queryStringParameters).toEqual(last);
  });

  test('has a body of a binary media type in base64, and any other as text', async () => {
    const cloud = await cloudOf(apiParts({ methods: { 'POST /': {} }, api: { BinaryMediaTypes: ['image~1*'] } }));
    const bytes = Buffer.from([0, 255, 128, 10]);
    const send = async (type: string, body: Buffer) => {
      const { event } = await call(urlOf(cloud), { method: 'POST', headers: { 'content-type': type }, body });
      return [event.isBase64Encoded, event.body];
    };
    expect(await send('image/png; x=y', bytes)).toEqual([true, bytes.toString('base64')]);
    expect(await send('text/plain', Buffer.from('é'))).toEqual([false, 'é']);
    expect(await send('image/png', Buffer.alloc(0))).toEqual([false, null]);
  });
});

describe('an answer', () => {
  const puppet = async (answer: unknown, headers: Record<string, string> = {}) =>
    call(await shared({ 'POST /': {} }, { code: PUPPET, binary: ['application/octet-stream'] }), {
      method: 'POST',
      body: JSON.stringify(answer),
      headers,
    });

  test('has the function’s status, headers and body', async () => {
    const { status, headers, text } = await puppet({
      statusCode: 201,
      headers: { 'X-One': 'a', 'X-Both': 'single', 'X-Flag': true },
      multiValueHeaders: { 'X-Both': ['first', 'single'], 'Set-Cookie': ['a=1', 'b=2'] },
      body: 'créé',
    });
    expect([status, text]).toEqual([201, 'créé']);
    expect(headers).toMatchObject({
      'x-one': 'a',
      'x-flag': 'true',
      'x-both': 'first, single',
      'set-cookie': ['a=1', 'b=2'],
      'content-type': 'application/json',
      'content-length': String(Buffer.byteLength('créé')),
    });
  });

  test('may say as little as nothing', async () => {
    expect(await puppet({})).toMatchObject({ status: 200, text: '' });
    const empty = await puppet({ statusCode: '204', body: null, headers: null, isBase64Encoded: false });
    expect([empty.status, empty.headers['content-length']]).toEqual([204, undefined]);
  });

  test('gives headers that are API Gateway’s own another name, or drops them', async () => {
    const { headers } = await puppet({
      statusCode: 401,
      headers: {
        'WWW-Authenticate': 'Basic',
        Server: 'mine',
        Via: 'me',
        'content-type': 'text/plain',
        'Content-Length': '1',
      },
      body: 'long',
    });
    expect(headers).toMatchObject({
      'x-amzn-remapped-www-authenticate': 'Basic',
      'x-amzn-remapped-server': 'mine',
      'content-type': 'text/plain',
      'content-length': '4',
    });
    for (const name of ['www-authenticate', 'server', 'via']) expect(headers).not.toHaveProperty(name);
  });

  test('in base64 is decoded only for a client that asks for bytes first', async () => {
    const bytes = Buffer.from([0, 255, 1]);
    const answer = { statusCode: 200, isBase64Encoded: true, body: bytes.toString('base64') };
    expect((await puppet(answer, { accept: 'application/octet-stream, */*' })).bytes).toEqual(bytes);
    expect((await puppet(answer, { accept: 'text/html, application/octet-stream' })).text).toBe(answer.body);
    const broken = await puppet({ ...answer, body: '*' }, { accept: 'application/octet-stream' });
    expect([broken.status, broken.json]).toEqual([500, { message: 'Internal server error' }]);
  });

  test.each<[string, unknown]>([
    ['is no object', 'text'],
    ['is null', null],
    ['has a body that is no text', { statusCode: 200, body: { a: 1 } }],
    ['has another field', { statusCode: 200, cookies: [] }],
    ['has a status that is none', { statusCode: 'fine' }],
    ['has a status out of range', { statusCode: 99 }],
    ['has a header that is no text', { statusCode: 200, headers: { a: { b: 1 } } }],
    ['has a header that would be two lines', { statusCode: 200, headers: { a: 'b\r\nc: d' } }],
    ['has a header whose name is none', { statusCode: 200, headers: { 'a b': 'c' } }],
  ])('that %s is a 502', async (_, answer) => {
    const { status, json, headers } = await puppet(answer);
    expect([status, json]).toEqual([502, { message: 'Internal server error' }]);
    expect(headers['x-amzn-errortype']).toBe('InternalServerErrorException');
  });
});

describe('an integration', () => {
  const failing = (code: string, properties: Record<string, unknown> = {}, method: Record<string, unknown> = {}) =>
    cloudOf(apiParts({ methods: { 'GET /': method }, functions: { Work: { code, properties } } }));

  test('whose function throws is a 502, which tells nothing of it', async () => {
    const cloud = await failing('export const handler = async () => { throw new Error("secret"); };');
    const { status, text } = await call(urlOf(cloud));
    expect([status, text]).toEqual([502, '{"message":"Internal server error"}']);
  });

  test('whose function runs out of its own time is a 502, and out of the integration’s a 504', async () => {
    const hanging = 'export const handler = () => new Promise((done) => setTimeout(done, 60_000));';
    const own = await failing(hanging, { Timeout: 1 });
    expect((await call(urlOf(own))).status).toBe(502);
    const late = await failing(hanging, { Timeout: 2 }, { Integration: { TimeoutInMillis: 50 } });
    const { status, json } = await call(urlOf(late));
    expect([status, json]).toEqual([504, { message: 'Endpoint request timed out' }]);
  });

  test('gets up to 10 MB from the client, of which Lambda takes 6', async () => {
    const cloud = await cloudOf(
      apiParts({
        methods: { 'POST /': {} },
        functions: { Work: { code: 'export const handler = async ({ body }) => ({ body: String(body.length) });' } },
      }),
    );
    const send = (bytes: number) =>
      call(urlOf(cloud), { method: 'POST', body: Buffer.alloc(bytes, 'x'), headers: { 'content-type': 'text/plain' } });
    expect(await send(5_000_000)).toMatchObject({ status: 200, text: '5000000' });
    expect(await send(10 * 1024 * 1024)).toMatchObject({ status: 413, text: '{"message":"Request Too Long"}' });
    const tooLong = await send(10 * 1024 * 1024 + 1);
    expect(tooLong).toMatchObject({ status: 413, text: 'HTTP content length exceeded 10485760 bytes.' });
    expect(tooLong.headers['content-type']).toBe('text/plain');
  });

  test('that mocks answers preflight requests with fixed headers', async () => {
    const cloud = await cloudOf(apiParts({ methods: { 'OPTIONS /a': PREFLIGHT, 'GET /a': {} } }));
    const preflight = await call(urlOf(cloud), { method: 'OPTIONS', path: '/a' });
    expect([preflight.status, preflight.text]).toEqual([204, '']);
    expect(preflight.headers).toMatchObject({
      'access-control-allow-origin': 'https://shop.example',
      'access-control-allow-methods': 'OPTIONS,GET',
    });
    const odd = await call(urlOf(cloud), { method: 'OPTIONS', path: '/a', headers: { 'content-type': 'text/plain' } });
    expect([odd.status, odd.json]).toEqual([500, { message: 'Internal server error' }]);
  });

  test('that mocks chooses its response by the status that its template names', async () => {
    const { Integration } = PREFLIGHT;
    const mock = {
      Integration: {
        ...Integration,
        RequestTemplates: { 'application/json': '{"statusCode": 404}', 'text/plain': '{"statusCode": 200}' },
        IntegrationResponses: [
          { StatusCode: '200', ResponseTemplates: { 'application/json': '{"found":true}' } },
          { StatusCode: '410', SelectionPattern: '4\\d\\d' },
        ],
      },
    };
    const cloud = await cloudOf(apiParts({ methods: { 'GET /': mock } }));
    expect((await call(urlOf(cloud))).status).toBe(410);
    const other = await call(urlOf(cloud), { headers: { 'content-type': 'text/plain' } });
    expect([other.status, other.text]).toEqual([200, '{"found":true}']);
  });
});

describe('the access log', () => {
  const format = JSON.stringify({
    requestId: '$context.requestId',
    caller: '$context.identity.caller',
    method: '$context.httpMethod',
    resourcePath: '$context.resourcePath',
    status: '$context.status',
    length: '$context.responseLength',
    type: '$context.error.responseType',
    integration: '$context.integrationErrorMessage',
    integrationStatus: '$context.integration.status',
    unknown: '$context.nothing.like.it',
  });

  test('has a line for each request, as its format says, in the file of its group', async () => {
    const dataDir = temporaryDirectory();
    const lines: string[] = [];
    const cloud = await cloudOf(
      apiParts({
        methods: { 'GET /codes/{code}': {}, 'POST /broken': { function: 'Broken' } },
        resources: { Group: { Type: 'AWS::Logs::LogGroup', Properties: { LogGroupName: '/api/access' } } },
        functions: {
          Work: { code: 'export const handler = async () => ({ statusCode: 202, body: "four" });' },
          Broken: { code: 'export const handler = async () => "no";' },
        },
        stage: { AccessLogSetting: { DestinationArn: { 'Fn::GetAtt': ['Group', 'Arn'] }, Format: format } },
      }),
      { dataDir, onLog: ({ functionId, text }) => functionId === 'api-access' && lines.push(text) },
    );
    const { headers } = await call(urlOf(cloud), { path: '/codes/SECRET' });
    await call(urlOf(cloud), { method: 'POST', path: '/broken' });
    await call(urlOf(cloud), { path: '/nowhere' });
    await call(new URL('/elsewhere', urlOf(cloud)));
    await cloud.stop();
    const file = readFileSync(join(dataDir, 'logs', 'api-access.log'), 'utf8')
      .trim()
      .split('\n');
    expect(file).toEqual(lines);
    const nothing = { caller: '-', type: '-', integration: '-', integrationStatus: '-', unknown: '-' };
    expect(file.map((line) => JSON.parse(line) as unknown)).toEqual([
      {
        ...nothing,
        requestId: headers['x-amzn-requestid'],
        method: 'GET',
        resourcePath: '/codes/{code}',
        status: '202',
        length: '4',
        integrationStatus: '202',
      },
      expect.objectContaining({
        status: '502',
        type: 'INTEGRATION_FAILURE',
        integration: 'Malformed Lambda proxy response',
      }),
      expect.objectContaining({ resourcePath: '-', status: '403', type: 'MISSING_AUTHENTICATION_TOKEN' }),
    ]);
    expect(file.join('\n')).not.toContain('SECRET');
    expect(readFileSync(join(dataDir, 'logs', 'Cloud.log'), 'utf8')).toContain('AWS::ApiGateway::Account');
  });
});

describe('an API', () => {
  test('has the port that was asked for, and is not started where that is taken', async () => {
    const first = await cloudOf(apiParts({ methods: { 'GET /': {} } }));
    const port = Number(urlOf(first).port);
    const assembly = writeAssembly(apiParts({ methods: { 'GET /': {} } }));
    const options = { assembly, dataDir: temporaryDirectory(), enforcement: 'off', restApiPort: port } as const;
    await expect(createCloud(options)).rejects.toThrow(/EADDRINUSE.*/);
    await first.stop();
    const second = await createCloud(options);
    onTestFinished(() => second.stop());
    expect(second.restApis.get('Api')).toEqual({
      url: `http://127.0.0.1:${port}/prod`,
      apiId: first.restApis.get('Api')!.apiId,
    });
  });

  test('finishes what it is answering when it is stopped, and then listens no longer', async () => {
    const code =
      'export const handler = async () => { await new Promise((done) => setTimeout(done, 300)); return { body: "done" }; };';
    const invoked = collector<ServiceCall>();
    const cloud = await cloudOf(apiParts({ methods: { 'GET /': {} }, functions: { Work: { code } } }), {
      onCall: (made) => (made.service === 'lambda' ? invoked.add(made) : undefined),
      stopGraceMs: 20_000,
    });
    const url = urlOf(cloud);
    // A connection that asks for nothing must not keep the cloud.
    const idle = connect(Number(url.port), url.hostname);
    onTestFinished(() => void idle.destroy());
    const answer = call(url);
    await invoked.until(1);
    await cloud.stop();
    expect(await answer).toMatchObject({ status: 200, text: 'done' });
    await expect(call(url)).rejects.toThrow('ECONNREFUSED');
  });

  test('hears a request out that it has begun to read when it is stopped', async () => {
    const cloud = await cloudOf(apiParts({ methods: { 'OPTIONS /': PREFLIGHT, 'GET /': {} } }), {
      stopGraceMs: 60_000,
    });
    const url = urlOf(cloud);
    const headers = { expect: '100-continue', 'content-length': '2', 'content-type': 'application/json' };
    const sent = request(url, { method: 'OPTIONS', headers });
    const answered = once(sent, 'response');
    sent.flushHeaders();
    await once(sent, 'continue');
    const stopped = cloud.stop();
    await expect
      .poll(() => call(url).catch((error: unknown) => (error as NodeJS.ErrnoException).code))
      .toBe('ECONNREFUSED');
    sent.end('{}');
    const [response] = (await answered) as [IncomingMessage];
    expect(response.statusCode).toBe(204);
    response.resume();
    await stopped;
  });
});

const endings: (() => Promise<void>)[] = [];
afterAll(async () => {
  for (const end of endings) await end();
});

const clouds = new Map<string, Promise<URL>>();

/** The address of an API that the tests of a kind share: nothing in it changes. */
async function shared(
  methods: Record<string, Record<string, unknown>>,
  { code, binary }: { code?: string; binary?: string[] } = {},
): Promise<URL> {
  const name = JSON.stringify([methods, code, binary]);
  const made = clouds.get(name) ?? start();
  clouds.set(name, made);
  return made;

  async function start(): Promise<URL> {
    const parts = apiParts({
      methods,
      ...(code === undefined ? {} : { functions: { Work: { code } } }),
      ...(binary === undefined ? {} : { api: { BinaryMediaTypes: binary } }),
    });
    const root = mkdtempSync(join(tmpdir(), 'rest-api-'));
    const assembly = writeAssembly(parts, join(root, 'assembly'));
    const cloud = await createCloud({ assembly, dataDir: join(root, 'data'), enforcement: 'off' });
    endings.push(async () => {
      await cloud.stop();
      rmSync(root, { recursive: true, force: true });
    });
    return urlOf(cloud);
  }
}
