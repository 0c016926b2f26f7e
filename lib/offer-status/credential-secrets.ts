import { ArnFormat, Stack } from 'aws-cdk-lib';
import type { IConstruct } from 'constructs';
import { requiredSecrets, type Settings } from '../../config/settings.ts';

/** ARNs of the secrets that the operator makes. Secrets Manager ends each with a hyphen and six characters of its own. */
export function credentialSecretArns(scope: IConstruct, settings: Settings): string[] {
  return requiredSecrets(settings).map((name) =>
    Stack.of(scope).formatArn({
      service: 'secretsmanager',
      resource: 'secret',
      resourceName: `${name}-??????`,
      arnFormat: ArnFormat.COLON_RESOURCE_NAME,
    }),
  );
}
