import { Validations } from 'aws-cdk-lib';
import type { IConstruct } from 'constructs';
import type { Partner } from '../../lambdas/shared/settings.ts';
import type { Permission } from '../shared/handler-function.ts';

/**
 * Actions that a service asks for where the function's role signs the call. Function URLs made from October 2025 on ask for
 * both of theirs ("Control access to Lambda function URLs").
 */
const INVOKE = {
  'execute-api': [{ actions: ['execute-api:Invoke'] }],
  lambda: [
    { actions: ['lambda:InvokeFunctionUrl'] },
    // By its URL only, and not past the authorization of that.
    { actions: ['lambda:InvokeFunction'], conditions: { Bool: { 'lambda:InvokedViaFunctionUrl': 'true' } } },
  ],
} as const;

/** What a function may invoke that grants by the webhooks of these partners: nothing for those that are signed by a key. */
export function webhookPermissions(partners: Readonly<Record<string, Partner>>): Permission[] {
  const signatures = Object.values(partners).flatMap(({ entitlements: { granter } }) =>
    granter.kind === 'webhook' && granter.signature.kind === 'sigv4' ? [granter.signature] : [],
  );
  return [...Map.groupBy(signatures, ({ service }) => service)].flatMap(([service, ofService]) => {
    // Partners may share a backend.
    const resources = [...new Set(ofService.map(({ resourceArn }) => resourceArn))];
    return INVOKE[service].map((permission) => ({ ...permission, resources }));
  });
}

/** Says why there are wildcards in such permissions of a role. */
export function acknowledgeWebhookWildcards(role: IConstruct, permissions: readonly Permission[]): void {
  const wildcards = permissions.flatMap(({ resources }) => resources).filter((arn) => arn.includes('*'));
  Validations.of(role).acknowledge(
    ...wildcards.map((arn) => ({
      id: `AwsSolutions-IAM5[Resource::${arn}]`,
      reason: "It is the game's backend that the settings name; the paths below it are its own.",
    })),
  );
}
