import { createHash, randomUUID } from 'node:crypto';
import { ACCOUNT_ID, REGION } from './intrinsics.ts';
import { ServiceError, type Operations } from './json-service.ts';
import { checkSecret } from './limits.ts';
import type { SecretDefinition } from './model.ts';

interface Secret {
  name: string;
  arn: string;
  /** None yet, where a template has made the secret and left that to somebody else. */
  value?: string;
  versionId: string;
  created: number;
  changed: number;
}

/** ARN of the secret with this name. Its end looks random, as Secrets Manager's does, and is the same after a restart. */
export function secretArn(name: string): string {
  const suffix = createHash('sha256').update(name).digest('hex').slice(0, 6);
  return `arn:aws:secretsmanager:${REGION}:${ACCOUNT_ID}:secret:${name}-${suffix}`;
}

/** The secrets that a template or an operator has made, by name. */
export class Secrets {
  private readonly byName = new Map<string, Secret>();

  /** @param definitions the template's own */
  constructor(definitions: Iterable<SecretDefinition> = []) {
    for (const { name, value } of definitions) this.keep(name, value);
  }

  /**
   * Makes a secret, or gives it a new value. Anything but a string is stored as JSON.
   *
   * @throws ServiceError for a value that Secrets Manager would not keep
   */
  put(name: string, value: unknown): void {
    const text = typeof value === 'string' ? value : JSON.stringify(value);
    checkSecret(text);
    this.keep(name, text);
  }

  private keep(name: string, value: string | undefined): void {
    const now = Date.now() / 1000;
    this.byName.set(name, {
      name,
      arn: secretArn(name),
      ...(value === undefined ? {} : { value }),
      versionId: randomUUID(),
      created: this.byName.get(name)?.created ?? now,
      changed: now,
    });
  }

  operations(): Operations {
    return {
      'secretsmanager.GetSecretValue': (input) => {
        const secret = this.find(input['SecretId']);
        const stage = input['VersionStage'] ?? 'AWSCURRENT';
        const version = input['VersionId'] ?? secret.versionId;
        if (secret.value === undefined) {
          throw new ServiceError(
            'ResourceNotFoundException',
            "Secrets Manager can't find the specified secret value for staging label: AWSCURRENT",
          );
        }
        if (stage !== 'AWSCURRENT' || version !== secret.versionId) {
          throw new ServiceError(
            'ResourceNotFoundException',
            "Secrets Manager can't find the specified secret value for that version.",
          );
        }
        return {
          ARN: secret.arn,
          Name: secret.name,
          VersionId: secret.versionId,
          SecretString: secret.value,
          VersionStages: ['AWSCURRENT'],
          CreatedDate: secret.changed,
        };
      },
      'secretsmanager.DescribeSecret': (input) => {
        const secret = this.find(input['SecretId']);
        return {
          ARN: secret.arn,
          Name: secret.name,
          CreatedDate: secret.created,
          LastChangedDate: secret.changed,
          VersionIdsToStages: secret.value === undefined ? {} : { [secret.versionId]: ['AWSCURRENT'] },
        };
      },
    };
  }

  /** ARN of the secret with this name or ARN, if somebody has made it. */
  arnOf(id: string): string | undefined {
    return this.lookUp(id)?.arn;
  }

  private lookUp(id: string): Secret | undefined {
    return this.byName.get(id) ?? [...this.byName.values()].find(({ arn }) => arn === id || arn.slice(0, -7) === id);
  }

  private find(id: unknown): Secret {
    const secret = this.lookUp(typeof id === 'string' ? id : '');
    if (!secret)
      throw new ServiceError('ResourceNotFoundException', "Secrets Manager can't find the specified secret.");
    return secret;
  }
}
