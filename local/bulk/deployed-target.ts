import type { Stack } from '@aws-sdk/client-cloudformation';
import { CloudFormationClient, DescribeStacksCommand } from '@aws-sdk/client-cloudformation';
import { SERVICE_TIMEOUTS } from '../../lambdas/shared/database.ts';
import type { RuntimeSettings } from '../../lambdas/shared/settings.ts';
import { TargetError } from './errors.ts';
import { explainAwsError } from './aws-errors.ts';
import { connect, type Target } from './target.ts';

/**
 * The stack of a stage on AWS, with the credentials, the region and the endpoints of the usual AWS environment.
 *
 * @param region in place of that of the environment
 * @param tableOutput the output that names the table to work on
 * @param manual the document that lists the permissions
 * @throws TargetError when it cannot be found, with what to do
 */
export async function findDeployedTarget(
  settings: RuntimeSettings,
  region: string | undefined,
  { tableOutput, manual }: { readonly tableOutput: string; readonly manual: string },
): Promise<Target> {
  const stackName = `OfferRelay-${settings.stage}`;
  const client = new CloudFormationClient({ ...SERVICE_TIMEOUTS, ...(region !== undefined && { region }) });
  try {
    const resolved = await client.config.region();
    const stack = await describe(client, stackName, resolved);
    const output = (name: string): string => {
      const value = stack.Outputs?.find(({ OutputKey }) => OutputKey === name)?.OutputValue;
      if (value !== undefined) return value;
      throw new TargetError(
        `${stackName} in ${resolved} (${stack.StackStatus ?? 'no status'}) has no output ${name}: ` +
          `deploy it with \`npx cdk deploy -c stage=${settings.stage}\`.`,
      );
    };
    return {
      name: `${stackName} in ${resolved}`,
      settings,
      table: output(tableOutput),
      output,
      ...connect({ region: resolved, maxAttempts: 10 }),
    };
  } catch (error) {
    const explained = explainAwsError(error, { manual });
    throw explained === undefined ? error : new TargetError(explained, { cause: error });
  } finally {
    client.destroy();
  }
}

async function describe(client: CloudFormationClient, stackName: string, region: string): Promise<Stack> {
  try {
    const { Stacks = [] } = await client.send(new DescribeStacksCommand({ StackName: stackName }));
    if (Stacks[0] !== undefined) return Stacks[0];
  } catch (error) {
    const isMissing =
      error instanceof Error && error.name === 'ValidationError' && error.message.includes('does not exist');
    if (!isMissing) throw error;
  }
  throw new TargetError(
    `There is no stack ${stackName} in ${region} of the account that these credentials are for. ` +
      'Check the stage, the region (--region, AWS_REGION) and the credentials (AWS_PROFILE).',
  );
}
