import type { Assembly } from './assembly.ts';
import type { AwsClient } from './aws-call.ts';
import { createIntrinsics, type ReferencedResource } from './intrinsics.ts';
import type { KeptValues } from './kept-values.ts';
import { emptyModel, type CloudModel } from './model.ts';
import { resourceContext } from './resource-type.ts';
import { resourceTypes } from './resources/catalogue.ts';
import { busOf } from './resources/events.ts';
import { TemplateError } from './template-error.ts';

export interface DeployedResource extends ReferencedResource {
  type: string;
  constructPath?: string;
  /** As the template gives them, with every intrinsic function replaced. */
  properties: Record<string, unknown>;
}

export interface Deployment {
  model: CloudModel;
  resources: Map<string, DeployedResource>;
  outputs: Record<string, string>;
}

/**
 * Creates every resource of the template, each after those it refers to or depends on.
 *
 * @param buses names of event buses that somebody else has made before
 */
export async function deploy(
  assembly: Assembly,
  clients: { dynamodb: AwsClient; dynamodbStreams: AwsClient; sqs: AwsClient; kept: KeptValues; endpoint: string },
  buses: readonly string[] = [],
): Promise<Deployment> {
  const { template } = assembly;
  const model = emptyModel();
  for (const name of buses) model.buses.set(name, busOf(name));
  const resources = new Map<string, DeployedResource>();
  const intrinsics = createIntrinsics(template, assembly.stackName, resources);

  const wanted = new Map(
    Object.entries(template.Resources).filter(([logicalId, resource]) => {
      return (
        resource.Condition === undefined || intrinsics.condition(resource.Condition, { logicalId, type: resource.Type })
      );
    }),
  );
  // Before anything exists, so that a template which cannot run leaves nothing behind.
  for (const [logicalId, resource] of wanted) {
    if (!(resource.Type in resourceTypes)) {
      throw new TemplateError(
        { logicalId, type: resource.Type },
        'this resource type is not supported by the local cloud',
      );
    }
  }

  const inProgress: string[] = [];
  async function create(logicalId: string): Promise<void> {
    if (resources.has(logicalId)) return;
    const resource = wanted.get(logicalId)!;
    const location = { logicalId, type: resource.Type };
    if (inProgress.includes(logicalId)) {
      throw new TemplateError(location, `the template refers in a circle: ${[...inProgress, logicalId].join(' → ')}`);
    }
    inProgress.push(logicalId);
    const dependencies = intrinsics.references(resource.Properties);
    for (const name of [resource.DependsOn ?? []].flat()) dependencies.add(name);
    for (const name of dependencies) if (wanted.has(name)) await create(name);

    const properties = (intrinsics.resolve(resource.Properties ?? {}, location) ?? {}) as Record<string, unknown>;
    const context = resourceContext(logicalId, resource.Type, { assembly, model, ...clients });
    const deployed = await resourceTypes[resource.Type]!.deploy(properties, context).catch((error: unknown) => {
      if (error instanceof TemplateError) throw error;
      throw new TemplateError(location, `it cannot be created: ${(error as Error).message}`);
    });
    resources.set(logicalId, {
      ...deployed,
      type: resource.Type,
      constructPath: assembly.constructPath(logicalId),
      properties,
    });
    inProgress.pop();
  }
  for (const logicalId of wanted.keys()) await create(logicalId);

  const outputs: Record<string, string> = {};
  for (const [name, output] of Object.entries(template.Outputs ?? {})) {
    const location = { logicalId: name, type: 'Output' };
    if (output.Condition !== undefined && !intrinsics.condition(output.Condition, location)) continue;
    outputs[name] = String(intrinsics.resolve(output.Value, { ...location, property: 'Value' }));
  }
  return { model, resources, outputs };
}
