import { AssumeRoleCommand, type AssumeRoleCommandOutput, type STSClient } from '@aws-sdk/client-sts';
import { CredentialError, UnavailableError } from '../errors.ts';
import type { TemporaryCredentials } from './signing-credentials.ts';

export interface AssumedRole {
  readonly arn: string;
  readonly externalId?: string | undefined;
  /** Shows up in the logs of the account that the role belongs to. */
  readonly sessionName: string;
}

const DURATION_SECONDS = 3_600;

/** What STS says where a repetition mends nothing. */
const REFUSALS = [
  'AccessDenied',
  'ValidationError',
  'MalformedPolicyDocument',
  'RegionDisabledException',
  'InvalidClientTokenId',
  'SignatureDoesNotMatch',
];

/**
 * Assumes a role for an hour.
 *
 * @throws CredentialError where STS refuses, UnavailableError (`unsent`: whatever the credentials are for was not tried)
 *   where it fails or gives no answer
 */
export async function assumeRole(client: STSClient, role: AssumedRole): Promise<TemporaryCredentials> {
  let answer: AssumeRoleCommandOutput;
  try {
    answer = await client.send(
      new AssumeRoleCommand({
        RoleArn: role.arn,
        RoleSessionName: role.sessionName,
        DurationSeconds: DURATION_SECONDS,
        ...(role.externalId !== undefined && { ExternalId: role.externalId }),
      }),
    );
  } catch (error) {
    // Only its name: messages of STS name accounts and sessions.
    const reason = error instanceof Error ? error.name : 'unknown error';
    const message = `role ${role.arn} cannot be assumed (${reason})`;
    if (REFUSALS.includes(reason)) {
      throw new CredentialError('RoleRefused', `${message}: see its trust policy and the external id`);
    }
    throw new UnavailableError('RoleUnavailable', message, { unsent: true });
  }
  const { AccessKeyId, SecretAccessKey, SessionToken, Expiration } = answer.Credentials ?? {};
  if (!AccessKeyId || !SecretAccessKey || !SessionToken || !Expiration) {
    throw new UnavailableError('RoleUnavailable', `STS answered without credentials of role ${role.arn}`, {
      unsent: true,
    });
  }
  return {
    accessKeyId: AccessKeyId,
    secretAccessKey: SecretAccessKey,
    sessionToken: SessionToken,
    expiresAt: Expiration.getTime(),
  };
}
