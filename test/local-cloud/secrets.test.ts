import { DescribeSecretCommand, GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { expect, test } from 'vitest';
import { cloudOf } from './hand-written-assembly.ts';

async function setUp() {
  const cloud = await cloudOf({ resources: {} }, { secrets: { 'offers/api': { key: 'k1' } } });
  return {
    cloud,
    client: new SecretsManagerClient({
      endpoint: cloud.endpoints.secretsManager,
      region: cloud.region,
      credentials: cloud.credentials,
    }),
  };
}

test('a secret is served by name and by ARN, and a new value replaces the old', async () => {
  const { cloud, client } = await setUp();
  const first = await client.send(new GetSecretValueCommand({ SecretId: 'offers/api' }));
  expect(first).toMatchObject({ Name: 'offers/api', SecretString: '{"key":"k1"}', VersionStages: ['AWSCURRENT'] });
  cloud.putSecret('offers/api', { key: 'k2' });
  const second = await client.send(new GetSecretValueCommand({ SecretId: first.ARN }));
  expect(second.SecretString).toBe('{"key":"k2"}');
  expect(second.VersionId).not.toBe(first.VersionId);
  expect(await client.send(new DescribeSecretCommand({ SecretId: 'offers/api' }))).toMatchObject({
    Name: 'offers/api',
    ARN: first.ARN,
  });
});

test('a secret that nobody has made is not found', async () => {
  const { client } = await setUp();
  await expect(client.send(new GetSecretValueCommand({ SecretId: 'other' }))).rejects.toMatchObject({
    name: 'ResourceNotFoundException',
  });
});

test('a service that is not played is refused by name', async () => {
  const { cloud } = await setUp();
  const answer = await fetch(cloud.endpoints.secretsManager, {
    method: 'POST',
    headers: { 'x-amz-target': 'AmazonSSM.GetParameter' },
    body: '{}',
  });
  expect(answer.status).toBe(400);
  expect(await answer.json()).toMatchObject({
    __type: 'UnknownOperationException',
    message: expect.stringContaining('AmazonSSM.GetParameter'),
  });
});
