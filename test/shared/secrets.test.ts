import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { mockClient } from 'aws-sdk-client-mock';
import { beforeEach, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { CredentialError } from '../../lambdas/shared/errors.ts';
import { createSecretReader, createSecretTextReader, SECRET_TTL_MS } from '../../lambdas/shared/secrets.ts';

const secretsManager = mockClient(SecretsManagerClient);
const NAME = 'offer-relay/test/offer-status/main';
const Schema = z.object({ apiKey: z.string().min(8), nested: z.object({ pem: z.string() }) });
const stored = (apiKey: string) => ({ SecretString: JSON.stringify({ apiKey, nested: { pem: 'PEM' } }) });

let now = 0;
const clock = { now: () => now, sleepUntil: async () => undefined };
const reader = () => createSecretReader(new SecretsManagerClient({}), clock, Schema);
const fetches = () => secretsManager.commandCalls(GetSecretValueCommand).length;

async function failure(reading: Promise<unknown>): Promise<CredentialError> {
  const error = await reading.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof CredentialError)) throw new Error('expected a CredentialError');
  return error;
}

beforeEach(() => {
  now = 1_000;
  secretsManager.reset();
});

describe('the secret reader', () => {
  it('asks for the named secret and gives its parsed content', async () => {
    secretsManager.on(GetSecretValueCommand, { SecretId: NAME }).resolves(stored('first-key'));
    expect(await reader().read(NAME)).toEqual({ apiKey: 'first-key', nested: { pem: 'PEM' } });
  });

  it('keeps a secret for five minutes and not longer', async () => {
    secretsManager.on(GetSecretValueCommand).resolves(stored('first-key'));
    const secrets = reader();
    await secrets.read(NAME);
    now += SECRET_TTL_MS - 1;
    await secrets.read(NAME);
    expect(fetches()).toBe(1);
    now += 1;
    await secrets.read(NAME);
    expect(fetches()).toBe(2);
  });

  it('fetches once however many callers wait', async () => {
    secretsManager.on(GetSecretValueCommand).resolves(stored('first-key'));
    const secrets = reader();
    await Promise.all([secrets.read(NAME), secrets.read(NAME), secrets.refresh(NAME), secrets.read(NAME)]);
    expect(fetches()).toBe(1);
  });

  it('keeps secrets of different names apart', async () => {
    secretsManager.on(GetSecretValueCommand, { SecretId: 'one' }).resolves(stored('key-of-one'));
    secretsManager.on(GetSecretValueCommand, { SecretId: 'two' }).resolves(stored('key-of-two'));
    const secrets = reader();
    const read = await Promise.all([secrets.read('one'), secrets.read('two')]);
    expect(read.map(({ apiKey }) => apiKey)).toEqual(['key-of-one', 'key-of-two']);
  });

  it('refreshes past its memory, for later reads too', async () => {
    secretsManager.on(GetSecretValueCommand).resolvesOnce(stored('first-key')).resolves(stored('second-key'));
    const secrets = reader();
    await secrets.read(NAME);
    expect((await secrets.refresh(NAME)).apiKey).toBe('second-key');
    expect((await secrets.read(NAME)).apiKey).toBe('second-key');
    expect(fetches()).toBe(2);
  });

  it('goes on with what it has while Secrets Manager fails, and asks again each time', async () => {
    secretsManager
      .on(GetSecretValueCommand)
      .resolvesOnce(stored('first-key'))
      .rejectsOnce(Object.assign(new Error('slow down'), { name: 'ThrottlingException' }))
      .resolves(stored('second-key'));
    const secrets = reader();
    await secrets.read(NAME);
    now += SECRET_TTL_MS;
    expect((await secrets.read(NAME)).apiKey).toBe('first-key');
    expect((await secrets.read(NAME)).apiKey).toBe('second-key');
    expect(fetches()).toBe(3);
  });

  it.each(['AccessDeniedException', 'ResourceNotFoundException'])(
    'does not go on with a secret after %s',
    async (name) => {
      secretsManager
        .on(GetSecretValueCommand)
        .resolvesOnce(stored('first-key'))
        .rejects(Object.assign(new Error(), { name }));
      const secrets = reader();
      await secrets.read(NAME);
      now += SECRET_TTL_MS;
      expect((await failure(secrets.read(NAME))).code).toBe('SecretUnavailable');
    },
  );

  it('does not remember a failure', async () => {
    secretsManager.on(GetSecretValueCommand).rejectsOnce(new Error('down')).resolves(stored('first-key'));
    const secrets = reader();
    await failure(secrets.read(NAME));
    expect((await secrets.read(NAME)).apiKey).toBe('first-key');
  });

  it('names a missing secret and says to create it', async () => {
    const missing = Object.assign(new Error('no such secret'), { name: 'ResourceNotFoundException' });
    secretsManager.on(GetSecretValueCommand).rejects(missing);
    const error = await failure(reader().read(NAME));
    expect(error.message).toContain(NAME);
    expect(error.message).toContain('create it');
  });

  it('says that the function may not read the secret', async () => {
    const denied = Object.assign(new Error('not authorized'), { name: 'AccessDeniedException' });
    secretsManager.on(GetSecretValueCommand).rejects(denied);
    expect((await failure(reader().read(NAME))).message).toMatch(/AccessDenied.*allow the function/);
  });

  it.each([
    ['a text that is not JSON', 'hunter2-hunter2', 'not JSON'],
    ['a field that is too short', '{"apiKey":"hunter2","nested":{"pem":"hunter2"}}', 'apiKey'],
    ['a nested field that is missing', '{"apiKey":"hunter2-hunter2","nested":{}}', 'nested.pem'],
    ['a JSON value that is no object', '"hunter2-hunter2"', 'the whole'],
  ])('refuses %s without quoting it', async (_, SecretString, told) => {
    secretsManager.on(GetSecretValueCommand).resolves({ SecretString });
    const error = await failure(reader().read(NAME));
    expect(error.code).toBe('SecretMalformed');
    expect(error.message).toContain(NAME);
    expect(error.message).toContain(told);
    expect(JSON.stringify([error.message, error.stack, String(error.cause)])).not.toContain('hunter2');
  });

  it('refuses a binary secret', async () => {
    secretsManager.on(GetSecretValueCommand).resolves({ SecretBinary: new Uint8Array([1]) });
    expect((await failure(reader().read(NAME))).message).toContain('binary');
  });
});

describe('the reader of secrets that are one text', () => {
  const texts = () => createSecretTextReader(new SecretsManagerClient({}), clock);

  it('gives the text as it is, and keeps it for five minutes', async () => {
    secretsManager.on(GetSecretValueCommand, { SecretId: NAME }).resolves({ SecretString: '{not json' });
    const secrets = texts();
    expect(await secrets.read(NAME)).toBe('{not json');
    now += SECRET_TTL_MS - 1;
    await secrets.read(NAME);
    expect(fetches()).toBe(1);
    now += 1;
    await secrets.read(NAME);
    expect(fetches()).toBe(2);
  });

  it('refuses one that is empty', async () => {
    secretsManager.on(GetSecretValueCommand).resolves({ SecretString: '' });
    expect((await failure(texts().read(NAME))).message).toContain('empty');
  });
});
