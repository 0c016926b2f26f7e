import { ArnFormat, Stack } from 'aws-cdk-lib';
import type { IConstruct } from 'constructs';

/** ARNs of secrets that the operator makes. Secrets Manager ends each with a hyphen and six characters of its own. */
export function credentialSecretArns(scope: IConstruct, names: readonly string[]): string[] {
  return names.map((name) =>
    Stack.of(scope).formatArn({
      service: 'secretsmanager',
      resource: 'secret',
      resourceName: `${name}-??????`,
      arnFormat: ArnFormat.COLON_RESOURCE_NAME,
    }),
  );
}
