import { DynamoDBClient, ScanCommand } from '@aws-sdk/client-dynamodb';
import {
  AssumeRoleCommand,
  GetCallerIdentityCommand,
  STSClient,
  type AssumeRoleCommandInput,
} from '@aws-sdk/client-sts';
import { SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import aws4 from 'aws4';
import { describe, expect, test } from 'vitest';
import type { Cloud, CloudOptions, ServiceCall } from '../../local/cloud/cloud.ts';
import { cloudOf, temporaryDirectory, type AssemblyParts } from './hand-written-assembly.ts';

const ACCOUNT = '000000000000';
const PARTNER = '111122223333';
const QUEUE = `arn:aws:sqs:us-east-1:${ACCOUNT}:q`;

interface Credentials {
  accessKeyId: string;
  secretAccessKey: string;
  sessionToken?: string;
}

const allow = (action: string, resource: unknown = '*') => ({ Effect: 'Allow', Action: action, Resource: resource });
const trusting = (principal: object, condition?: object) => ({
  Effect: 'Allow',
  Principal: principal,
  Action: 'sts:AssumeRole',
  ...(condition === undefined ? {} : { Condition: condition }),
});
const withId = (externalId: string) => ({ StringEquals: { 'sts:ExternalId': externalId } });
const account = (id: string) => ({ AWS: `arn:aws:iam::${id}:root` });
const arnOf = (name: string) => `arn:aws:iam::${ACCOUNT}:role/${name}`;

function role(name: string, trust: object[], statements: object[] = [], more: object = {}) {
  return {
    Type: 'AWS::IAM::Role',
    Properties: {
      RoleName: name,
      AssumeRolePolicyDocument: { Statement: trust },
      Policies: statements.length === 0 ? [] : [{ PolicyName: 'Own', PolicyDocument: { Statement: statements } }],
      ...more,
    },
  };
}

/** A queue, and roles by name that may send to it unless a test says otherwise. */
async function cloudWith(resources: AssemblyParts['resources'], options: Partial<CloudOptions> = {}) {
  const calls: ServiceCall[] = [];
  const refusals: string[] = [];
  const cloud = await cloudOf(
    {
      resources: { Queue: { Type: 'AWS::SQS::Queue', Properties: { QueueName: 'q' } }, ...resources },
      paths: Object.fromEntries(Object.keys(resources).map((id) => [id, `Stack/Partners/${id}/Resource`])),
    },
    {
      enforcement: 'aws',
      looseEnds: 'tell',
      onCall: (call) => calls.push(call),
      onRefusal: (text) => refusals.push(text),
      ...options,
    },
  );
  return { cloud, calls, refusals };
}

const clientOf = (cloud: Cloud, credentials: Credentials = cloud.credentials) =>
  new STSClient({ endpoint: cloud.endpoints.sts, region: cloud.region, credentials, maxAttempts: 1 });

async function assume(
  cloud: Cloud,
  name: string,
  input: Partial<AssumeRoleCommandInput> = {},
  credentials?: Credentials,
) {
  const { Credentials: given, AssumedRoleUser } = await clientOf(cloud, credentials).send(
    new AssumeRoleCommand({ RoleArn: arnOf(name), RoleSessionName: 'main', ...input }),
  );
  const { AccessKeyId = '', SecretAccessKey = '', SessionToken = '', Expiration } = given!;
  return {
    credentials: { accessKeyId: AccessKeyId, secretAccessKey: SecretAccessKey, sessionToken: SessionToken },
    expiration: Expiration!,
    user: AssumedRoleUser!,
  };
}

const send = (cloud: Cloud, credentials: Credentials) =>
  new SQSClient({ endpoint: cloud.endpoints.sqs, region: cloud.region, credentials, maxAttempts: 1 }).send(
    new SendMessageCommand({ QueueUrl: `${cloud.endpoints.sqs}/${ACCOUNT}/q`, MessageBody: 'x' }),
  );

/** A form as any client of the query protocol posts it, signed by a library that is not AWS's. */
async function post(cloud: Cloud, form: Record<string, string>, credentials: Credentials = cloud.credentials) {
  const { host } = new URL(cloud.endpoints.sts);
  const body = new URLSearchParams(form).toString();
  const headers = { 'Content-Type': 'application/x-www-form-urlencoded; charset=utf-8' };
  const signed = aws4.sign(
    { host, method: 'POST', path: '/', service: 'sts', region: 'us-east-1', headers, body },
    credentials,
  );
  const { Host: _, ...sent } = signed.headers as Record<string, string>;
  const answer = await fetch(cloud.endpoints.sts, { method: 'POST', headers: sent, body });
  return { status: answer.status, type: answer.headers.get('content-type'), text: await answer.text() };
}

describe('a role of the template', () => {
  test('is assumed by its own account: a session of that name with the role’s id', async () => {
    const { cloud, calls } = await cloudWith({ Partner: role('partner', [trusting(account(ACCOUNT))]) });
    const before = Date.now();
    const { credentials, expiration, user } = await assume(cloud, 'partner', { RoleSessionName: 'checkout@shop' });
    expect(credentials.accessKeyId).toMatch(/^ASIA[A-Z0-9]{16}$/);
    expect(user.Arn).toBe(`arn:aws:sts::${ACCOUNT}:assumed-role/partner/checkout@shop`);
    expect(user.AssumedRoleId).toMatch(/^AROA[A-Z0-9]{17}:checkout@shop$/);
    expect(expiration.getTime()).toBeGreaterThan(before + 3_598_000);
    expect(expiration.getTime()).toBeLessThanOrEqual(Date.now() + 3_600_000);
    expect(await clientOf(cloud, credentials).send(new GetCallerIdentityCommand({}))).toMatchObject({
      Account: ACCOUNT,
      Arn: user.Arn,
      UserId: user.AssumedRoleId,
    });
    expect(calls.map(({ service, operation, caller }) => [service, operation, caller.kind])).toEqual([
      ['sts', 'AssumeRole', 'operator'],
      ['sts', 'GetCallerIdentity', 'session'],
    ]);
    expect(calls[0]!.permissions).toMatchObject([{ action: 'sts:AssumeRole', resource: arnOf('partner') }]);
  });

  test('may do at every service what its policies allow, and refusals name the session', async () => {
    const trust = [trusting(account(ACCOUNT))];
    const { cloud, refusals } = await cloudWith({
      Sender: role('sender', trust, [allow('sqs:SendMessage', QUEUE)]),
      Reader: role('reader', trust, [allow('sqs:ReceiveMessage', QUEUE)]),
    });
    const [sender, reader] = [await assume(cloud, 'sender'), await assume(cloud, 'reader')];
    expect((await send(cloud, sender.credentials)).MessageId).toBeDefined();
    const refusal =
      `User: arn:aws:sts::${ACCOUNT}:assumed-role/reader/main is not authorized to perform: sqs:SendMessage ` +
      `on resource: ${QUEUE} because no identity-based policy allows the sqs:SendMessage action`;
    await expect(send(cloud, reader.credentials)).rejects.toThrow(refusal);
    expect(refusals.at(-1)).toBe(`Reader (session): ${refusal}`);
    const dynamodb = new DynamoDBClient({
      endpoint: cloud.endpoints.dynamodb,
      region: cloud.region,
      credentials: sender.credentials,
      maxAttempts: 1,
    });
    await expect(dynamodb.send(new ScanCommand({ TableName: 'T' }))).rejects.toThrow(/sender\/main is not authorized/);
  });

  test.each<[string, object[], Partial<AssumeRoleCommandInput>, string]>([
    ['trusts its account', [trusting(account(ACCOUNT))], {}, 'assumed'],
    ['trusts its account by number', [trusting({ AWS: ACCOUNT })], {}, 'assumed'],
    ['trusts another account', [trusting(account(PARTNER))], {}, 'no role trust policy'],
    ['trusts a service', [trusting({ Service: 'lambda.amazonaws.com' })], {}, 'no role trust policy'],
    [
      'wants an external id that is given',
      [trusting(account(ACCOUNT), withId('id-1'))],
      { ExternalId: 'id-1' },
      'assumed',
    ],
    ['wants an external id', [trusting(account(ACCOUNT), withId('id-1'))], {}, 'no role trust policy'],
    [
      'wants another external id',
      [trusting(account(ACCOUNT), withId('id-1'))],
      { ExternalId: 'id-2' },
      'no role trust policy',
    ],
    [
      'denies it to whom it also trusts',
      [trusting(account(ACCOUNT)), { ...trusting({ AWS: '*' }), Effect: 'Deny' }],
      {},
      'with an explicit deny in the role trust policy',
    ],
  ])('that %s is judged by that', async (_, trust, input, expected) => {
    const { cloud } = await cloudWith({ Partner: role('partner', trust) });
    const outcome = await assume(cloud, 'partner', input).then(
      () => 'assumed',
      (error: unknown) => String(error),
    );
    if (expected === 'assumed') return expect(outcome).toBe('assumed');
    expect(outcome).toContain(
      `AccessDenied: User: arn:aws:iam::${ACCOUNT}:user/operator is not authorized to perform: sts:AssumeRole on resource: ${arnOf('partner')}`,
    );
    expect(outcome).toContain(expected);
  });

  test('that does not exist is refused in the words for one that trusts nobody', async () => {
    const { cloud } = await cloudWith({});
    await expect(assume(cloud, 'nobody')).rejects.toMatchObject({
      name: 'AccessDenied',
      message: expect.stringContaining('no role trust policy allows the sts:AssumeRole action'),
      $metadata: { httpStatusCode: 403 },
    });
  });

  test('lets a role of its account in as far as that one’s own policies do, and whom it names in any case', async () => {
    const operated = [trusting(account(ACCOUNT))];
    const { cloud } = await cloudWith({
      May: role('may', operated, [allow('sts:AssumeRole', arnOf('by-account'))]),
      MayNot: role('may-not', operated),
      Denied: role('denied', operated, [{ ...allow('sts:*'), Effect: 'Deny' }]),
      ByAccount: role('by-account', [trusting(account(ACCOUNT))]),
      ByRole: role('by-role', [trusting({ AWS: arnOf('may-not') })]),
      BySession: role('by-session', [
        trusting({ AWS: `arn:aws:sts::${ACCOUNT}:assumed-role/may-not/main` }),
        trusting({ AWS: arnOf('denied') }),
      ]),
    });
    const chained = async (from: string, to: string) => {
      const { credentials } = await assume(cloud, from);
      return assume(cloud, to, { RoleSessionName: 'second' }, credentials).then(
        ({ user }) => user.Arn,
        (error: unknown) => String(error).replace(/^.* (?=because|with)/, ''),
      );
    };
    const session = (name: string) => `arn:aws:sts::${ACCOUNT}:assumed-role/${name}/second`;
    const missing = (kind: string) => `because no ${kind} policy allows the sts:AssumeRole action`;
    expect(await chained('may', 'by-account')).toBe(session('by-account'));
    expect(await chained('may-not', 'by-account')).toBe(missing('identity-based'));
    expect(await chained('may-not', 'by-role')).toBe(session('by-role'));
    expect(await chained('may-not', 'by-session')).toBe(session('by-session'));
    expect(await chained('may', 'by-role')).toBe(missing('role trust'));
    expect(await chained('denied', 'by-session')).toBe('with an explicit deny in an identity-based policy');
  });

  test('is assumed by a function, in whose environment nothing but the SDK’s own variables lead there', async () => {
    const code = `
      import { AssumeRoleCommand, STSClient } from ${JSON.stringify(import.meta.resolve('@aws-sdk/client-sts'))};
      export const handler = async ({ role }) => {
        const { AssumedRoleUser } = await new STSClient({ maxAttempts: 1 }).send(
          new AssumeRoleCommand({ RoleArn: role, RoleSessionName: 'upstream' }),
        ).catch((error) => ({ AssumedRoleUser: { Arn: error.name } }));
        return AssumedRoleUser.Arn;
      };`;
    const lambda = [trusting({ Service: 'lambda.amazonaws.com' })];
    const cloud = await cloudOf(
      {
        resources: {
          Worker: role('worker', lambda, [allow('logs:*'), allow('sts:AssumeRole', arnOf('upstream'))]),
          Upstream: role('upstream', [trusting(account(ACCOUNT))]),
          Other: role('other', [trusting(account(ACCOUNT))]),
        },
        functions: { Work: { code, properties: { Role: arnOf('worker') } } },
      },
      { enforcement: 'aws', looseEnds: 'tell' },
    );
    expect(await cloud.invoke('Work', { role: arnOf('upstream') })).toMatchObject({
      payload: `arn:aws:sts::${ACCOUNT}:assumed-role/upstream/upstream`,
    });
    expect(await cloud.invoke('Work', { role: arnOf('other') })).toMatchObject({ payload: 'AccessDenied' });
  });
});

describe('the duration of a session', () => {
  const clock = (start = Date.now()) => {
    const at = { now: start };
    return { at, options: { now: () => at.now } };
  };
  const trust = [trusting(account(ACCOUNT))];

  test('is what was asked for: a second before its end it is good, then it is refused as expired everywhere', async () => {
    const { at, options } = clock();
    const { cloud } = await cloudWith({ Partner: role('partner', trust, [allow('sqs:*')]) }, options);
    const { credentials, expiration } = await assume(cloud, 'partner', { DurationSeconds: 900 });
    expect(expiration.getTime()).toBe((Math.floor(at.now / 1000) + 900) * 1000);
    at.now = expiration.getTime() - 1000;
    await send(cloud, credentials);
    expect(cloud.signingKey(credentials.accessKeyId)).toMatchObject({ sessionToken: credentials.sessionToken });
    at.now = expiration.getTime();
    expect(cloud.signingKey(credentials.accessKeyId)).toBeUndefined();
    const message = 'The security token included in the request is expired';
    await expect(send(cloud, credentials)).rejects.toMatchObject({ name: 'ExpiredTokenException', message });
    await expect(clientOf(cloud, credentials).send(new GetCallerIdentityCommand({}))).rejects.toMatchObject({
      message,
      Code: 'ExpiredToken',
      $metadata: { httpStatusCode: 403 },
    });
    // Others still are good, and one that has long been over is as good as never given.
    await send(cloud, cloud.credentials);
    at.now += 2 * 60 * 60_000;
    await assume(cloud, 'partner');
    await expect(send(cloud, credentials)).rejects.toThrow('The security token included in the request is invalid.');
  });

  test.each([
    ['less than 15 minutes', 899, /1 validation error detected: Value '899' at 'durationSeconds' .* equal to 900$/],
    ['more than 12 hours', 43_201, /Value '43201' at 'durationSeconds' .* less than or equal to 43200$/],
    [
      'more than the role allows',
      7201,
      'The requested DurationSeconds exceeds the MaxSessionDuration set for this role.',
    ],
  ])('is refused when it is %s', async (_, seconds, message) => {
    const { cloud } = await cloudWith({ Partner: role('partner', trust, [], { MaxSessionDuration: 7200 }) });
    await expect(assume(cloud, 'partner', { DurationSeconds: seconds })).rejects.toThrow(message);
    await expect(assume(cloud, 'partner', { DurationSeconds: seconds })).rejects.toMatchObject({
      Code: 'ValidationError',
      $metadata: { httpStatusCode: 400 },
    });
    expect((await assume(cloud, 'partner', { DurationSeconds: 7200 })).expiration.getTime()).toBeGreaterThan(
      Date.now() + 7_190_000,
    );
  });

  test('is an hour at most unless the role says otherwise, and where a session begins in a session', async () => {
    const { cloud } = await cloudWith({
      Short: role('short', trust),
      Long: role('long', trust, [allow('sts:AssumeRole')], { MaxSessionDuration: 43_200 }),
    });
    await expect(assume(cloud, 'short', { DurationSeconds: 3601 })).rejects.toThrow('exceeds the MaxSessionDuration');
    const { credentials } = await assume(cloud, 'long', { DurationSeconds: 43_200 });
    await expect(assume(cloud, 'long', { DurationSeconds: 3601 }, credentials)).rejects.toThrow(
      'The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.',
    );
    await assume(cloud, 'long', { DurationSeconds: 3600 }, credentials);
  });
});

describe('a request to STS', () => {
  const resources = { Partner: role('partner', [trusting(account(ACCOUNT), withId('a/b:c'))]) };
  const form = { Action: 'AssumeRole', Version: '2011-06-15', RoleArn: arnOf('partner'), RoleSessionName: 'main' };

  test('is a form, and its answer is XML as AWS’s', async () => {
    const { cloud } = await cloudWith(resources);
    const { status, type, text } = await post(cloud, { ...form, ExternalId: 'a/b:c' });
    expect([status, type]).toEqual([200, 'text/xml']);
    const shape = text.replace(/>[^<]+</g, '>…<');
    expect(shape).toBe(
      '<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><AssumedRoleUser>' +
        '<AssumedRoleId>…</AssumedRoleId><Arn>…</Arn></AssumedRoleUser><Credentials><AccessKeyId>…</AccessKeyId>' +
        '<SecretAccessKey>…</SecretAccessKey><SessionToken>…</SessionToken><Expiration>…</Expiration></Credentials>' +
        '</AssumeRoleResult><ResponseMetadata><RequestId>…</RequestId></ResponseMetadata></AssumeRoleResponse>',
    );
    expect(text).toMatch(/<Expiration>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ<\/Expiration>/);
  });

  test('may also be a query', async () => {
    const { cloud } = await cloudWith(resources);
    const { host } = new URL(cloud.endpoints.sts);
    const path = '/?Action=GetCallerIdentity&Version=2011-06-15';
    const { headers } = aws4.sign({ host, path, service: 'sts', region: 'us-east-1' }, cloud.credentials);
    const { Host: _, ...sent } = headers as Record<string, string>;
    const answer = await fetch(`${cloud.endpoints.sts}${path}`, { headers: sent });
    expect(await answer.text()).toContain(`<Arn>arn:aws:iam::${ACCOUNT}:user/operator</Arn>`);
  });

  test('that is refused gets AWS’s error document, in which nothing of the request stays markup', async () => {
    const { cloud } = await cloudWith(resources);
    const { status, type, text } = await post(cloud, { ...form, RoleSessionName: '<b>&\u0001' });
    expect([status, type]).toEqual([400, 'text/xml']);
    expect(text.replace(/<RequestId>[\w-]+/, '<RequestId>…')).toBe(
      '<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type>' +
        "<Code>ValidationError</Code><Message>1 validation error detected: Value '&lt;b&gt;&amp;\ufffd' at 'roleSessionName' " +
        'failed to satisfy constraint: Member must satisfy regular expression pattern: [\\w+=,.@-]*</Message></Error>' +
        '<RequestId>…</RequestId></ErrorResponse>',
    );
  });

  test.each<[string, Record<string, string>, number, string, RegExp]>([
    [
      'no session name',
      { RoleSessionName: '' },
      400,
      'ValidationError',
      /'roleSessionName'.* greater than or equal to 2/,
    ],
    ['a session name of 65', { RoleSessionName: 'x'.repeat(65) }, 400, 'ValidationError', /less than or equal to 64/],
    ['an external id of one', { ExternalId: 'x' }, 400, 'ValidationError', /'externalId'/],
    ['an external id with a space', { ExternalId: 'a b' }, 400, 'ValidationError', /'externalId'/],
    [
      'two mistakes',
      { RoleSessionName: 'x', RoleArn: 'x' },
      400,
      'ValidationError',
      /2 validation errors detected: .*; /,
    ],
    ['a duration that is no number', { DurationSeconds: '1h' }, 400, 'ValidationError', /1 validation error .*'1h'/],
    ['a session policy', { Policy: '{}' }, 400, 'ValidationError', /Policy: the local cloud does not play/],
    ['a tag', { 'Tags.member.1.Key': 'k' }, 400, 'ValidationError', /Tags\.member\.1\.Key/],
    [
      'another action',
      { Action: 'GetFederationToken' },
      400,
      'InvalidAction',
      /GetFederationToken of version 2011-06-15/,
    ],
    ['an inherited name', { Action: 'constructor' }, 400, 'InvalidAction', /constructor/],
    [
      'another service',
      { Action: 'Publish', Version: '2010-03-31' },
      400,
      'InvalidAction',
      /Publish of version 2010-03-31/,
    ],
  ])('with %s is refused by name', async (_, change, status, code, message) => {
    const { cloud } = await cloudWith(resources);
    const answer = await post(cloud, { ...form, ...change });
    expect([answer.status, /<Code>(.*)<\/Code>/.exec(answer.text)?.[1]]).toEqual([status, code]);
    expect(/<Message>(.*)<\/Message>/s.exec(answer.text)?.[1]).toMatch(message);
  });

  test('must be signed, for STS, with a key that somebody has', async () => {
    const { cloud } = await cloudWith(resources);
    const unsigned = await fetch(cloud.endpoints.sts, { method: 'POST', body: new URLSearchParams(form) });
    expect([unsigned.status, await unsigned.text()]).toEqual([
      403,
      expect.stringContaining('<Code>MissingAuthenticationToken</Code>'),
    ]);
    const { accessKeyId, secretAccessKey } = cloud.credentials;
    const codeWith = async (credentials: Credentials) => {
      const { text } = await post(cloud, form, credentials);
      return /<Code>(.*)<\/Code>/.exec(text)?.[1];
    };
    expect(await codeWith({ accessKeyId: 'ASIANOBODY', secretAccessKey })).toBe('InvalidClientTokenId');
    expect(await codeWith({ accessKeyId, secretAccessKey: 'guessed' })).toBe('SignatureDoesNotMatch');
    const { credentials } = await assume(cloud, 'partner', { ExternalId: 'a/b:c' });
    expect(await codeWith({ ...credentials, sessionToken: 'another' })).toBe('InvalidClientTokenId');
    expect(await codeWith({ ...credentials, secretAccessKey })).toBe('SignatureDoesNotMatch');
  });
});

describe('a partner’s role, which trusts the partner’s account', () => {
  const resources = {
    Partner: role('partner', [trusting(account(PARTNER), withId('id-1'))], [allow('sqs:SendMessage', QUEUE)]),
  };
  const refusal =
    `User: arn:aws:iam::${PARTNER}:user/operator is not authorized to perform: sts:AssumeRole ` +
    `on resource: ${arnOf('partner')} because no role trust policy allows the sts:AssumeRole action`;

  test('is assumed for that account with its external id, by ARN or construct path', async () => {
    const { cloud, calls } = await cloudWith(resources);
    const options = { accountId: PARTNER, externalId: 'id-1' };
    for (const name of ['Partners/Partner', arnOf('partner')]) {
      const { expiration, ...credentials } = cloud.assumeRole(name, { ...options, sessionName: 'shop' });
      expect(expiration.getTime()).toBeGreaterThan(Date.now());
      await send(cloud, credentials);
      expect(cloud.signingKey(credentials.accessKeyId)).toEqual({
        secretAccessKey: credentials.secretAccessKey,
        sessionToken: credentials.sessionToken,
        caller: {
          kind: 'session',
          logicalId: 'Partner',
          roleArn: arnOf('partner'),
          roleId: expect.stringMatching(/^AROA[A-Z0-9]{17}$/),
          sessionName: 'shop',
        },
      });
    }
    expect(calls[0]!.caller).toEqual({ kind: 'account', accountId: PARTNER });
  });

  test('is refused without the external id, with another one, and to any other account', async () => {
    const { cloud, refusals } = await cloudWith(resources);
    expect(() => cloud.assumeRole('Partner', { accountId: PARTNER })).toThrow(refusal);
    expect(() => cloud.assumeRole('Partner', { accountId: PARTNER, externalId: 'id-2' })).toThrow(refusal);
    const other = { externalId: 'id-1' };
    expect(() => cloud.assumeRole('Partner', other)).toThrow(refusal.replace(PARTNER, ACCOUNT));
    expect(() => cloud.assumeRole('Partner', { ...other, accountId: '444455556666' })).toThrow('444455556666');
    expect(refusals).toHaveLength(4);
    expect(() => cloud.assumeRole('Partner', { accountId: PARTNER, externalId: 'id-1', durationSeconds: 60 })).toThrow(
      "Value '60' at 'durationSeconds'",
    );
    expect(() => cloud.assumeRole('Nobody')).toThrow(/construct path that ends in Nobody/);
  });
});

describe('what the cloud knows of credentials', () => {
  test('is the operator’s key, each function’s, and nothing of keys that nobody has', async () => {
    const cloud = await cloudOf({
      resources: {},
      functions: { Work: { code: 'export const handler = () => process.env;' } },
    });
    const { accessKeyId, secretAccessKey } = cloud.credentials;
    expect(cloud.signingKey(accessKeyId)).toEqual({ secretAccessKey, caller: { kind: 'operator' } });
    const result = await cloud.invoke('Work', {});
    const { AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN } = (
      result as { payload: Record<string, string> }
    ).payload;
    expect(cloud.signingKey(AWS_ACCESS_KEY_ID!)).toMatchObject({
      secretAccessKey: AWS_SECRET_ACCESS_KEY,
      sessionToken: AWS_SESSION_TOKEN,
      caller: { kind: 'function', logicalId: 'Work', roleId: expect.stringMatching(/^AROA/) },
    });
    expect(cloud.signingKey('AKIANOBODY')).toBeUndefined();
    expect(cloud.signingKey('toString')).toBeUndefined();
  });

  test('names roles by an id of their own that is the same after a restart', async () => {
    const dataDir = temporaryDirectory();
    const ids = async () => {
      const output = (id: string) => ({ Value: { 'Fn::GetAtt': [id, 'RoleId'] } });
      const trust = [trusting(account(ACCOUNT))];
      const cloud = await cloudOf(
        {
          resources: { A: role('same-ending-of-the-name', trust), B: role('b-same-ending-of-the-name', trust) },
          template: { Outputs: { A: output('A'), B: output('B') } },
        },
        { dataDir, enforcement: 'aws' },
      );
      const { user } = await assume(cloud, 'same-ending-of-the-name');
      expect(user.AssumedRoleId).toBe(`${cloud.outputs['A']}:main`);
      await cloud.stop();
      return cloud.outputs;
    };
    const first = await ids();
    expect(first['A']).toMatch(/^AROA[A-Z0-9]{17}$/);
    expect(first['A']).not.toBe(first['B']);
    expect(await ids()).toEqual(first);
  });

  test('lets everybody assume every role where nobody is held to permissions', async () => {
    const { cloud } = await cloudWith(
      { Partner: role('partner', [trusting(account(PARTNER))]) },
      { enforcement: 'off' },
    );
    expect(cloud.assumeRole('Partner').accessKeyId).toMatch(/^ASIA/);
    expect(() => cloud.assumeRole(arnOf('nobody'))).toThrow(/nobody is no role of this template/);
  });
});
