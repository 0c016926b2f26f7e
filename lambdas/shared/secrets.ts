import { GetSecretValueCommand, type SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import * as z from 'zod/mini';
import type { Clock } from './clock.ts';
import { CredentialError } from './errors.ts';

/** How long a secret that was read is used without asking again: five minutes. */
export const SECRET_TTL_MS = 5 * 60_000;

/** Secrets of one kind, by name. Both methods throw CredentialError, which tells the name and never the content. */
export interface SecretReader<Secret> {
  /**
   * The secret as it was read within the last five minutes, else as it is now; and as it was read last, as long as Secrets
   * Manager fails.
   *
   * @param forMs for how long from now on reading it again must not fetch it
   */
  read(name: string, forMs?: number): Promise<Secret>;
  /** The secret as it is now: for the moment after an upstream has refused what it held. */
  refresh(name: string): Promise<Secret>;
}

/**
 * Reads JSON secrets from Secrets Manager and keeps them in memory. However many callers wait for a secret, it is
 * fetched once.
 *
 * @param schema what the secret has to hold
 */
export function createSecretReader<Secret>(
  client: SecretsManagerClient,
  clock: Clock,
  schema: z.core.$ZodType<Secret>,
): SecretReader<Secret> {
  return createReader(client, clock, (name, text) => parse(name, text, schema));
}

/** The same for secrets that are one text, such as a key that Secrets Manager generated. */
export function createSecretTextReader(client: SecretsManagerClient, clock: Clock): SecretReader<string> {
  return createReader(client, clock, (name, text) => {
    if (text === '') throw malformed(name, 'it is empty');
    return text;
  });
}

function createReader<Secret>(
  client: SecretsManagerClient,
  clock: Clock,
  read: (name: string, text: string) => Secret,
): SecretReader<Secret> {
  const kept = new Map<string, { readonly secret: Secret; readonly until: number }>();
  const fetches = new Map<string, Promise<Secret>>();

  const fetchAndKeep = async (name: string): Promise<Secret> => {
    const secret = read(name, await fetchText(client, name));
    kept.set(name, { secret, until: clock.now() + SECRET_TTL_MS });
    return secret;
  };

  const refresh = (name: string): Promise<Secret> => {
    const underway = fetches.get(name);
    if (underway) return underway;
    const fetching = fetchAndKeep(name).finally(() => fetches.delete(name));
    fetches.set(name, fetching);
    return fetching;
  };

  return {
    refresh,
    async read(name, forMs = 0) {
      const entry = kept.get(name);
      if (entry && clock.now() + forMs < entry.until) return entry.secret;
      try {
        return await refresh(name);
      } catch (error) {
        if (entry && error instanceof CredentialError && error.code === SECRETS_FAIL) return entry.secret;
        throw error;
      }
    },
  };
}

/** Code of the error for failures that pass: the service throttles, fails or cannot be reached. */
const SECRETS_FAIL = 'SecretsManagerFails';

/** What has to be done about failures that do not pass by themselves. */
const REMEDIES: Readonly<Record<string, string>> = {
  ResourceNotFoundException: 'create it in this account and region',
  AccessDeniedException: 'allow the function to read it, and to decrypt with its key',
};

async function fetchText(client: SecretsManagerClient, name: string): Promise<string> {
  let answer;
  try {
    answer = await client.send(new GetSecretValueCommand({ SecretId: name }));
  } catch (error) {
    const reason = error instanceof Error ? error.name : 'unknown error';
    const remedy = REMEDIES[reason];
    const code = remedy === undefined ? SECRETS_FAIL : 'SecretUnavailable';
    const advice = remedy ?? 'see whether Secrets Manager can be reached';
    throw new CredentialError(code, `secret ${name} cannot be read (${reason}): ${advice}`);
  }
  if (answer.SecretString === undefined) throw malformed(name, 'it is binary; store it as a text');
  return answer.SecretString;
}

function parse<Secret>(name: string, text: string, schema: z.core.$ZodType<Secret>): Secret {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    // The parser's own message quotes the text.
    throw malformed(name, 'it is not JSON; store it as a JSON object');
  }
  const parsed = z.safeParse(schema, json);
  if (parsed.success) return parsed.data;
  const fields = [...new Set(parsed.error.issues.map((issue) => issue.path.join('.') || 'the whole'))];
  throw malformed(name, `missing or invalid: ${fields.join(', ')}; correct the secret`);
}

const malformed = (name: string, what: string): CredentialError =>
  new CredentialError('SecretMalformed', `secret ${name} cannot be used: ${what}`);
