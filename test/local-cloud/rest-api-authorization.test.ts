import { createHash, createHmac } from 'node:crypto';
import { SignatureV4 } from '@smithy/signature-v4';
import { describe, expect, test } from 'vitest';
import type { Cloud, CloudOptions, ServiceCall } from '../../local/cloud/cloud.ts';
import { cloudOf, type Resources } from './hand-written-assembly.ts';
import { apiParts, call, signedCall, urlOf, type Call, type Signer } from './rest-api-assembly.ts';

const attribute = (id: string, name = 'Arn') => ({ 'Fn::GetAtt': [id, name] });
const apiArn = (path: string) => ({
  'Fn::Sub': `arn:aws:execute-api:\${AWS::Region}:\${AWS::AccountId}:\${Api}/${path}`,
});
const allow = (...paths: string[]) => ({ Effect: 'Allow', Action: 'execute-api:Invoke', Resource: paths.map(apiArn) });

const lambdaRole: Resources = {
  WorkRole: {
    Type: 'AWS::IAM::Role',
    Properties: {
      AssumeRolePolicyDocument: {
        Statement: [{ Effect: 'Allow', Principal: { Service: 'lambda.amazonaws.com' }, Action: 'sts:AssumeRole' }],
      },
      ManagedPolicyArns: ['arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole'],
    },
  },
};

/** A role that a partner's account may assume. */
const partnerRole = (...statements: object[]) => ({
  Type: 'AWS::IAM::Role',
  Properties: {
    AssumeRolePolicyDocument: {
      Statement: [{ Effect: 'Allow', Principal: { AWS: 'arn:aws:iam::111122223333:root' }, Action: 'sts:AssumeRole' }],
    },
    Policies: [{ PolicyName: 'Own', PolicyDocument: { Statement: statements } }],
  },
});

const IAM = { AuthorizationType: 'AWS_IAM' };
const METHODS = { 'ANY /v1/{proxy+}': IAM, 'GET /open': {}, 'GET /': IAM };

async function strict(statements: object[], options: Partial<CloudOptions> = {}) {
  const calls: ServiceCall[] = [];
  const refusals: string[] = [];
  const cloud = await cloudOf(
    apiParts({
      methods: METHODS,
      resources: { ...lambdaRole, Partner: partnerRole(...statements) },
      functions: {
        Work: {
          code: 'export const handler = async (event) => ({ statusCode: 200, body: JSON.stringify(event) });',
          properties: { Role: attribute('WorkRole') },
        },
      },
    }),
    {
      enforcement: 'aws',
      onCall: (made) => void calls.push(made),
      onRefusal: (text) => void refusals.push(text),
      ...options,
    },
  );
  const role = cloud.resources.get('Partner')!.arn!;
  const partner = () => cloud.assumeRole(role, { accountId: '111122223333', sessionName: 'their-app' });
  return { cloud, url: urlOf(cloud), partner, calls, refusals };
}

class Sha256 {
  readonly #hash: { update(data: string | Uint8Array): unknown; digest(): Buffer };
  constructor(secret?: unknown) {
    this.#hash = secret === undefined ? createHash('sha256') : createHmac('sha256', secret as Uint8Array);
  }
  update(data: string | Uint8Array): void {
    this.#hash.update(data);
  }
  digest(): Promise<Uint8Array> {
    return Promise.resolve(new Uint8Array(this.#hash.digest()));
  }
}

async function signedBySmithy(
  url: URL,
  { method = 'GET', path = '/', body }: Call,
  credentials: Signer,
): Promise<Call> {
  const signer = new SignatureV4({ service: 'execute-api', region: 'us-east-1', credentials, sha256: Sha256 });
  const { pathname, searchParams } = new URL(`http://x${url.pathname}${path}`);
  const query = Object.fromEntries(
    [...new Set(searchParams.keys())].map((name) => [name, searchParams.getAll(name)] as const),
  );
  const headers = { host: url.host, 'content-type': 'application/json' };
  const target = { method, protocol: 'http:', hostname: url.hostname, path: pathname, query, headers };
  const signed = await signer.sign({ ...target, ...(body === undefined ? {} : { body }) });
  return { method, path, headers: signed.headers, ...(body === undefined ? {} : { body }) };
}

describe('a signed request', () => {
  const AWKWARD = [
    '/v1/plain',
    '/v1/a%20b',
    '/v1/a%2Fb/c',
    '/v1/md%3Aalid%3Aeidr-s%3A1234',
    '/v1/md:alid',
    '/v1/%C3%A9%E2%82%AC',
    '/v1/a%2Bb+c',
    '/v1/100%25',
    "/v1/a!b'c(d)*e~",
    '/v1/x?b=2&a=1&a=0&empty=&sp=a%20b%2Bc&%C3%A9=%2F',
  ];

  test.each([
    ['aws4', async (...args: Parameters<typeof signedCall>) => signedCall(...args)],
    ['@smithy/signature-v4', signedBySmithy],
  ])('of a client other than ours (%s) is let in, however awkward its path', async (_, sign) => {
    const { url, cloud, partner } = await strict([allow('prod/GET/*', 'prod/POST/*')]);
    for (const path of AWKWARD) {
      for (const signer of [cloud.credentials, partner()]) {
        const answer = await call(url, await sign(url, { path }, signer));
        expect([path, answer.status]).toEqual([path, 200]);
        expect(answer.event.path).toBe(path.split('?')[0]);
      }
    }
    const post = await call(url, await sign(url, { method: 'POST', path: '/v1/x', body: '{"é":1}' }, partner()));
    expect([post.status, post.event.body]).toEqual([200, '{"é":1}']);
  });

  test('tells the function who sends it, and hides the signature', async () => {
    const { cloud, url, partner } = await strict([allow('*')]);
    const signer = partner();
    const { event } = await call(url, signedCall(url, { path: '/v1/x' }, signer));
    const { physicalId: roleName } = cloud.resources.get('Partner')!;
    const { identity } = event.requestContext;
    expect(identity).toMatchObject({
      accessKey: signer.accessKeyId,
      accountId: '000000000000',
      userArn: `arn:aws:sts::000000000000:assumed-role/${roleName}/their-app`,
      principalOrgId: null,
      cognitoIdentityId: null,
    });
    expect(identity.caller).toMatch(/^AROA[A-Z0-9]{17}:their-app$/);
    expect(identity.user).toBe(identity.caller);
    expect(Object.keys(event.headers).map((name) => name.toLowerCase())).not.toContain('authorization');
    expect(JSON.stringify(event)).not.toContain('AWS4-HMAC-SHA256');
  });

  test('of the operator is let in everywhere', async () => {
    const { cloud, url } = await strict([]);
    const { status, event } = await call(url, signedCall(url, { path: '/' }, cloud.credentials));
    expect(status).toBe(200);
    expect(event.requestContext.identity.userArn).toBe('arn:aws:iam::000000000000:user/operator');
  });

  test('is not needed where a method wants none', async () => {
    const { url } = await strict([]);
    const { status, event } = await call(url, { path: '/open' });
    expect([status, event.requestContext.identity.userArn]).toEqual([200, null]);
  });
});

describe('a policy', () => {
  const verdicts = async (statements: object[], requests: [string, string][]): Promise<number[]> => {
    const { url, partner } = await strict(statements);
    const signer = partner();
    const answers = requests.map(([method, path]) => call(url, signedCall(url, { method, path }, signer)));
    return (await Promise.all(answers)).map(({ status }) => status);
  };

  test.each<[string, object[], [string, string, number][]]>([
    [
      'one path of one verb',
      [allow('prod/GET/v1/health')],
      [
        ['GET', '/v1/health', 200],
        ['POST', '/v1/health', 403],
        ['GET', '/v1/health2', 403],
        ['GET', '/v1/health/x', 403],
      ],
    ],
    [
      'everything below a path, by a star',
      [allow('prod/*/v1/titles/*')],
      [
        ['GET', '/v1/titles/a', 200],
        ['DELETE', '/v1/titles/a/b%2Fc', 200],
        ['GET', '/v1/title', 403],
      ],
    ],
    [
      'a star in the middle',
      [allow('prod/GET/v1/*/status')],
      [
        ['GET', '/v1/a/status', 200],
        ['GET', '/v1/a/b/status', 200],
        ['GET', '/v1/a/history', 403],
      ],
    ],
    ['another stage', [allow('beta/*/*')], [['GET', '/v1/x', 403]]],
    ['the root', [allow('prod/GET/')], [['GET', '/', 200]]],
    [
      'everything but what is denied',
      [allow('*'), { Effect: 'Deny', Action: 'execute-api:*', Resource: apiArn('prod/*/v1/secret*') }],
      [
        ['GET', '/v1/open', 200],
        ['GET', '/v1/secret/x', 403],
      ],
    ],
  ])('lets in %s', async (_, statements, expected) => {
    const got = await verdicts(
      statements,
      expected.map(([method, path]) => [method, path]),
    );
    expect(got).toEqual(expected.map(([, , status]) => status));
  });

  test('that does not allow is told as AWS tells it, and to the caller alone', async () => {
    const { cloud, url, partner, refusals, calls } = await strict([allow('prod/GET/v1/a')]);
    const { status, json, headers } = await call(url, signedCall(url, { path: '/v1/b' }, partner()));
    const user = `arn:aws:sts::000000000000:assumed-role/${cloud.resources.get('Partner')!.physicalId}/their-app`;
    const { apiId } = cloud.restApis.get('Api')!;
    const told = (account: string) =>
      `User: ${user} is not authorized to perform: execute-api:Invoke on resource: ` +
      `arn:aws:execute-api:us-east-1:${account}:${apiId}/prod/GET/v1/b because no identity-based policy allows the execute-api:Invoke action`;
    expect([status, json]).toEqual([403, { Message: told('********0000') }]);
    expect(headers['x-amzn-errortype']).toBe('AccessDeniedException');
    // The words hold the path, and a stranger's mistake is none of the template's.
    expect(refusals).toEqual([]);
    expect(calls.filter(({ service }) => service === 'lambda')).toEqual([]);
    expect(calls.find(({ service }) => service === 'execute-api')).toMatchObject({
      operation: 'Invoke',
      caller: { kind: 'session', sessionName: 'their-app' },
      input: { httpMethod: 'GET', path: '/prod/v1/b' },
      refusal: told('000000000000'),
    });
  });
});

describe('a request is refused', () => {
  const refuse = async (alter: (call: Call, signer: Signer) => Call | Promise<Call>, scope = {}) => {
    const { url, partner } = await strict([allow('*')]);
    const signer = partner();
    const signed = signedCall(url, { method: 'POST', path: '/v1/x', body: '{}' }, signer, scope);
    const { status, json, headers } = await call(url, await alter(signed, signer));
    return [status, headers['x-amzn-errortype'], (json as { message: string }).message];
  };
  const same = (given: Call): Call => given;
  const without = (name: string) => (given: Call) => {
    const { [name]: _, ...headers } = given.headers!;
    return { ...given, headers };
  };
  const withHeader = (name: string, value: string) => (given: Call) => ({
    ...given,
    headers: { ...given.headers, [name]: value },
  });

  test('when it is not signed', async () => {
    expect(await refuse(without('Authorization'))).toEqual([
      403,
      'MissingAuthenticationTokenException',
      'Missing Authentication Token',
    ]);
  });

  test('when its Authorization is of another kind', async () => {
    expect(await refuse(withHeader('Authorization', 'Bearer x'))).toEqual([
      403,
      'IncompleteSignatureException',
      expect.stringContaining("requires 'Credential'"),
    ]);
  });

  test.each<[string, (given: Call) => Call]>([
    ['the body', (given) => ({ ...given, body: '[]' })],
    ['the path', (given) => ({ ...given, path: '/v1/y' })],
    ['the query', (given) => ({ ...given, path: '/v1/x?a=1' })],
    ['the verb', (given) => ({ ...given, method: 'PUT' })],
    ['a signed header', withHeader('content-type', 'text/plain')],
  ])('when %s is not what was signed', async (_, alter) => {
    expect(await refuse(alter)).toEqual([403, 'InvalidSignatureException', expect.stringContaining('does not match')]);
  });

  test('when a header of AWS’s is not signed', async () => {
    const [status, type, message] = await refuse(withHeader('x-amz-meta', 'added'));
    expect([status, type]).toEqual([403, 'InvalidSignatureException']);
    expect(message).toContain("'x-amz-meta' must be a 'SignedHeader'");
  });

  test.each([{ region: 'eu-west-1' }, { service: 'lambda' }])('when it is signed for %o', async (scope) => {
    expect(await refuse(same, scope)).toEqual([
      403,
      'InvalidSignatureException',
      expect.stringContaining('us-east-1/execute-api'),
    ]);
  });

  test('when nobody has the key, or the session token is another’s', async () => {
    const expected = [403, 'UnrecognizedClientException', 'The security token included in the request is invalid.'];
    const stranger = { accessKeyId: 'ASIASTRANGER', secretAccessKey: 'x', sessionToken: 'y' };
    const { url } = await strict([]);
    const answer = await call(url, signedCall(url, { path: '/v1/x' }, stranger));
    expect([answer.status, answer.headers['x-amzn-errortype'], (answer.json as { message: string }).message]).toEqual(
      expected,
    );
    expect(await refuse(withHeader('X-Amz-Security-Token', 'other'))).toEqual(expected);
  });

  test('when it was signed more than five minutes ago, or its session is over', async () => {
    let now = Date.now();
    const { url, partner, cloud } = await strict([allow('*')], { now: () => now });
    const signer = partner();
    const old = signedCall(url, { path: '/v1/x' }, signer);
    expect((await call(url, old)).status).toBe(200);
    now += 5 * 60_000 + 1000;
    const expired = await call(url, old);
    expect([expired.status, expired.headers['x-amzn-errortype']]).toEqual([403, 'InvalidSignatureException']);
    expect(expired.text).toContain('Signature expired');
    now += 60 * 60_000;
    const headers = { 'X-Amz-Date': new Date(now).toISOString().replace(/[-:]|\.\d+/g, '') };
    const over = await call(url, signedCall(url, { path: '/v1/x', headers }, signer));
    expect([over.status, over.json]).toEqual([
      403,
      { message: 'The security token included in the request is expired' },
    ]);
    expect((await call(url, signedCall(url, { path: '/v1/x', headers }, cloud.credentials))).status).toBe(200);
  });
});

test('nobody has to sign where permissions are off, and whoever does is still known', async () => {
  const cloud = await cloudOf(apiParts({ methods: METHODS }), { enforcement: 'off' });
  const url = urlOf(cloud);
  const unsigned = await call(url, { path: '/v1/x' });
  expect([unsigned.status, unsigned.event.requestContext.identity.accessKey]).toEqual([200, null]);
  expect(unsigned.event.requestContext.identity.userArn).toBe('arn:aws:iam::000000000000:user/operator');
  const signed = await call(url, signedCall(url, { path: '/v1/x' }, cloud.credentials));
  expect(signed.event.requestContext.identity.accessKey).toBe(cloud.credentials.accessKeyId);
});

describe('a function', () => {
  const invoked = async (permission: Record<string, unknown> | undefined): Promise<[number, string[]]> => {
    const refusals: string[] = [];
    const { Work } = apiParts({ methods: METHODS }).functions!;
    const parts = apiParts({
      methods: { 'GET /v1/{id}/status': {} },
      resources: {
        ...lambdaRole,
        WorkPermission: {
          Type: 'AWS::Lambda::Permission',
          Properties: {
            Action: 'lambda:InvokeFunction',
            FunctionName: { Ref: 'Work' },
            Principal: 'apigateway.amazonaws.com',
            ...permission,
          },
        },
      },
      functions: { Work: { code: Work!.code, properties: { Role: attribute('WorkRole') } } },
    });
    const cloud: Cloud = await cloudOf(parts, {
      enforcement: 'aws',
      looseEnds: 'tell',
      onRefusal: (text) => void refusals.push(text),
    });
    const { status, text } = await call(urlOf(cloud), { path: '/v1/x/status' });
    if (status !== 200) expect(text).toBe('{"message":"Internal server error"}');
    return [status, refusals];
  };

  test.each<[string, Record<string, unknown>]>([
    ['this method, as CDK writes it', { SourceArn: apiArn('prod/GET/v1/*/status') }],
    ['every method of the API', { SourceArn: apiArn('*/*/*') }],
    ['every API', {}],
  ])('that lets in %s is called', async (_, permission) => {
    expect(await invoked(permission)).toEqual([200, []]);
  });

  test.each<[string, Record<string, unknown>]>([
    ['another method', { SourceArn: apiArn('prod/POST/v1/*/status') }],
    ['another stage', { SourceArn: apiArn('beta/GET/v1/*/status') }],
    ['another service', { Principal: 'events.amazonaws.com' }],
  ])('that lets in %s is not, which is told when the cloud starts', async (_, permission) => {
    const [status, refusals] = await invoked(permission);
    expect(status).toBe(500);
    expect(refusals[0]).toMatch(/^Method0 .*does not let arn:aws:execute-api:.*\/prod\/GET\/v1\/\*\/status invoke it$/);
    expect(refusals[1]).toMatch(/^Method0 \(REST API\): .*apigateway\.amazonaws\.com.*lambda:InvokeFunction/);
  });
});
