import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DescribeSecretCommand, GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { describe, expect, test } from 'vitest';
import type { Cloud, CloudOptions } from '../../local/cloud/cloud.ts';
import { generatePassword } from '../../local/cloud/generated-password.ts';
import { cloudOf, temporaryDirectory, type Resources } from './hand-written-assembly.ts';

const secret = (properties: Record<string, unknown> = { GenerateSecretString: {} }) => ({
  Type: 'AWS::SecretsManager::Secret',
  Properties: properties,
});
const outputs = { Arn: { Value: { Ref: 'Hash' } }, Id: { Value: { 'Fn::GetAtt': ['Hash', 'Id'] } } };
const cloudWith = (resources: Resources, options?: Partial<CloudOptions>, template: object = {}) =>
  cloudOf({ resources, template: { Outputs: outputs, ...template } }, options);

async function read(cloud: Cloud, id: string, credentials = cloud.credentials) {
  const client = new SecretsManagerClient({
    endpoint: cloud.endpoints.secretsManager,
    region: cloud.region,
    credentials,
    maxAttempts: 1,
  });
  return client.send(new GetSecretValueCommand({ SecretId: id }));
}

describe('a secret of the template', () => {
  test('has the ARN that Ref gives, and is served by it and by its name', async () => {
    const cloud = await cloudWith({ Hash: secret({ Name: 'offers/hash-key', GenerateSecretString: {} }) });
    const arn = cloud.outputs['Arn']!;
    expect(arn).toMatch(/^arn:aws:secretsmanager:us-east-1:000000000000:secret:offers\/hash-key-[A-Za-z0-9]{6}$/);
    expect([cloud.outputs['Id'], cloud.resources.get('Hash')!.arn]).toEqual([arn, arn]);
    const byArn = await read(cloud, arn);
    expect(byArn).toMatchObject({ ARN: arn, Name: 'offers/hash-key', SecretString: expect.stringMatching(/^.{32}$/) });
    expect((await read(cloud, 'offers/hash-key')).SecretString).toBe(byArn.SecretString);
  });

  test('without a name gets one with its logical id in front, where CDK looks for it in the ARN', async () => {
    const part = (index: number) => ({
      'Fn::Select': [index, { 'Fn::Split': ['-', { 'Fn::Select': [6, { 'Fn::Split': [':', { Ref: 'Hash' }] }] }] }],
    });
    const Name = { Value: { 'Fn::Join': ['-', [part(0), part(1)]] } };
    const cloud = await cloudWith({ Hash: secret() }, {}, { Outputs: { Name } });
    expect(cloud.outputs['Name']).toMatch(/^Hash-[A-Z0-9]{12}$/);
    expect((await read(cloud, cloud.outputs['Name']!)).SecretString).toHaveLength(32);
  });

  test('has the text that the template gives it, unless somebody gives it another', async () => {
    const cloud = await cloudWith(
      { Hash: secret({ Name: 'a', SecretString: 'of the template' }), Other: secret({ Name: 'b', SecretString: 'x' }) },
      { secrets: { b: { key: 'of the operator' } } },
    );
    expect((await read(cloud, 'a')).SecretString).toBe('of the template');
    expect((await read(cloud, 'b')).SecretString).toBe('{"key":"of the operator"}');
    cloud.putSecret('a', 'rotated');
    expect((await read(cloud, cloud.outputs['Arn']!)).SecretString).toBe('rotated');
  });

  test('without a text is there, and has no value until somebody gives it one', async () => {
    const cloud = await cloudWith({ Hash: secret({ Name: 'a' }) });
    await expect(read(cloud, 'a')).rejects.toMatchObject({
      name: 'ResourceNotFoundException',
      message: "Secrets Manager can't find the specified secret value for staging label: AWSCURRENT",
    });
    const client = new SecretsManagerClient({
      endpoint: cloud.endpoints.secretsManager,
      region: cloud.region,
      credentials: cloud.credentials,
    });
    expect(await client.send(new DescribeSecretCommand({ SecretId: 'a' }))).toMatchObject({
      ARN: cloud.outputs['Arn'],
    });
    cloud.putSecret('a', 'now');
    expect((await read(cloud, 'a')).SecretString).toBe('now');
  });

  test('is read by whom its ARN is allowed to, by ARN and by name, and by nobody else', async () => {
    const trust = {
      Statement: [{ Effect: 'Allow', Principal: { AWS: '000000000000' }, Action: 'sts:AssumeRole' }],
    };
    const reading = (resource: unknown) => ({
      Type: 'AWS::IAM::Role',
      Properties: {
        AssumeRolePolicyDocument: trust,
        Policies: [
          {
            PolicyName: 'Read',
            PolicyDocument: {
              Statement: { Effect: 'Allow', Action: 'secretsmanager:GetSecretValue', Resource: resource },
            },
          },
        ],
      },
    });
    const cloud = await cloudWith(
      {
        Hash: secret({ Name: 'mine', GenerateSecretString: {} }),
        Other: secret({ Name: 'other', GenerateSecretString: {} }),
        Reader: reading({ Ref: 'Hash' }),
        Stranger: reading({ Ref: 'Other' }),
      },
      { enforcement: 'aws' },
    );
    const arn = cloud.outputs['Arn']!;
    const [reader, stranger] = ['Reader', 'Stranger'].map((id) => cloud.assumeRole(cloud.resources.get(id)!.arn!));
    for (const id of [arn, 'mine']) {
      expect((await read(cloud, id, reader)).SecretString).toHaveLength(32);
      await expect(read(cloud, id, stranger)).rejects.toThrow(
        `is not authorized to perform: secretsmanager:GetSecretValue on resource: ${arn}`,
      );
    }
  });

  test('keeps its generated value over restarts, in a file that is for its owner only and nowhere else', async () => {
    const dataDir = temporaryDirectory();
    const logs: string[] = [];
    const valueOf = async (generate: object) => {
      const resources = { Hash: secret({ Name: 'a', GenerateSecretString: generate }) };
      const cloud = await cloudWith(resources, { dataDir, onLog: ({ text }) => logs.push(text) });
      const { SecretString } = await read(cloud, 'a');
      await cloud.stop();
      return SecretString!;
    };
    const first = await valueOf({ ExcludePunctuation: true });
    expect(await valueOf({ ExcludePunctuation: true })).toBe(first);
    const holding = readdirSync(dataDir, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map(({ parentPath, name }) => join(parentPath, name))
      .filter((file) => readFileSync(file).includes(first));
    expect(holding).toEqual([join(dataDir, 'generated-secrets.json')]);
    expect(statSync(holding[0]!).mode & 0o777).toBe(0o600);
    expect(logs.join()).not.toContain(first);
    // CloudFormation makes a new one when it is to be made otherwise.
    const other = await valueOf({ ExcludePunctuation: true, PasswordLength: 40 });
    expect(other).toHaveLength(40);
    expect(await valueOf({ ExcludePunctuation: true })).not.toBe(first);
  });

  test('has another value in every data directory', async () => {
    const [a, b] = await Promise.all([1, 2].map(() => cloudWith({ Hash: secret() })));
    const values = [await read(a!, a!.outputs['Arn']!), await read(b!, b!.outputs['Arn']!)];
    expect(values[0]!.SecretString).not.toBe(values[1]!.SecretString);
  });

  test('is not made anew where the file of kept values has been damaged, which is said without quoting it', async () => {
    const dataDir = temporaryDirectory();
    writeFileSync(join(dataDir, 'generated-secrets.json'), '{"a": {"rule": "{}", "value": "hidden');
    const error: unknown = await cloudWith({ Hash: secret() }, { dataDir }).catch((reason: unknown) => reason);
    expect(String(error)).toContain('generated-secrets.json is not what the local cloud has written');
    expect(String(error)).not.toContain('hidden');
  });

  test('puts a generated value into a template of JSON', async () => {
    const GenerateSecretString = {
      SecretStringTemplate: '{"user":"relay"}',
      GenerateStringKey: 'password',
      PasswordLength: '20',
    };
    const cloud = await cloudWith({ Hash: secret({ GenerateSecretString }) });
    const { SecretString } = await read(cloud, cloud.outputs['Arn']!);
    expect(JSON.parse(SecretString!)).toEqual({ user: 'relay', password: expect.stringMatching(/^.{20}$/) });
  });

  test.each<[string, Record<string, unknown>, RegExp]>([
    ['both a text and a rule', { SecretString: 'x', GenerateSecretString: {} }, /either SecretString or/],
    ['a key of one’s own', { KmsKeyId: 'k' }, /property KmsKeyId/],
    ['a replica', { ReplicaRegions: [{ Region: 'eu-west-1' }] }, /property ReplicaRegions/],
    ['an empty text', { SecretString: '' }, /property SecretString: A secret value has 0 bytes/],
    ['a name with a space', { Name: 'a b' }, /property Name/],
    ['a template without its key', { GenerateSecretString: { SecretStringTemplate: '{}' } }, /go together/],
    [
      'a template that is no object',
      { GenerateSecretString: { SecretStringTemplate: '[]', GenerateStringKey: 'k' } },
      /property GenerateSecretString: SecretStringTemplate is not a JSON object/,
    ],
    [
      'a rule that leaves no character',
      {
        GenerateSecretString: {
          ExcludeLowercase: true,
          ExcludeUppercase: 'true',
          ExcludeNumbers: true,
          ExcludePunctuation: true,
        },
      },
      /no character is left/,
    ],
    ['a length of 4097', { GenerateSecretString: { PasswordLength: 4097 } }, /PasswordLength.* between 1 and 4096/],
    ['a misspelt rule', { GenerateSecretString: { ExcludeSpace: true } }, /GenerateSecretString\.ExcludeSpace/],
  ])('with %s is refused by name', async (_, properties, message) => {
    await expect(cloudWith({ Hash: secret(properties) })).rejects.toThrow(message);
  });
});

describe('a generated password', () => {
  const many = (rule: Parameters<typeof generatePassword>[0]) =>
    Array.from({ length: 200 }, () => generatePassword(rule));

  test('has 32 characters of four kinds, each of which is there', () => {
    for (const password of many({})) {
      expect(password).toMatch(/^[!-~]{32}$/);
      for (const kind of [/[a-z]/, /[A-Z]/, /[0-9]/, /[^a-zA-Z0-9]/]) expect(password).toMatch(kind);
    }
  });

  test('is another each time, and has each of its kinds at each place', () => {
    const passwords = many({ PasswordLength: 4, ExcludePunctuation: true });
    expect(new Set(passwords).size).toBeGreaterThan(190);
    for (const place of [0, 1, 2, 3]) {
      const there = passwords.map((password) => password[place]!).join('');
      for (const kind of [/[a-z]/, /[A-Z]/, /[0-9]/]) expect(there).toMatch(kind);
    }
  });

  test.each<[object, RegExp]>([
    [{ ExcludePunctuation: true }, /^[a-zA-Z0-9]{32}$/],
    [{ ExcludePunctuation: true, ExcludeLowercase: true, PasswordLength: 7 }, /^[A-Z0-9]{7}$/],
    [{ ExcludePunctuation: true, ExcludeUppercase: true, ExcludeNumbers: true }, /^[a-z]{32}$/],
    [{ ExcludeCharacters: '"@/\\' }, /^[^"@/\\]{32}$/],
    [{ IncludeSpace: true, PasswordLength: 5 }, /^(?=.* ).{5}$/],
    [
      { ExcludeLowercase: true, ExcludeUppercase: true, ExcludePunctuation: true, ExcludeCharacters: '01234567' },
      /^[89]{32}$/,
    ],
  ])('of %j has nothing else', (rule, pattern) => {
    for (const password of many(rule)) expect(password).toMatch(pattern);
  });

  test('may lack a kind where that is allowed, and is refused where it has to be too short', () => {
    expect(generatePassword({ PasswordLength: 1, RequireEachIncludedType: false })).toHaveLength(1);
    expect(() => generatePassword({ PasswordLength: 3 })).toThrow(
      '3 characters are too few for one of each of 4 kinds',
    );
  });
});
