import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { App } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import * as z from 'zod';
import { loadSettings, type Settings } from '../../config/settings.ts';
import { OfferRelayStack } from '../../lib/offer-relay-stack.ts';
import { scratchFolder } from './scratch-folder.ts';

const project = join(import.meta.dirname, '../..');
const { context } = z
  .object({ context: z.record(z.string(), z.unknown()) })
  .parse(JSON.parse(readFileSync(join(project, 'cdk.json'), 'utf8')));

/** An app as `cdk synth` would make it, writing to a folder of its own. */
export function testApp({ bundling = false } = {}): App {
  return new App({
    outdir: scratchFolder(),
    context: { ...context, ...(!bundling && { 'aws:cdk:bundling-stacks': [] }) },
  });
}

export function defineStage(app: App, settings: Settings): OfferRelayStack {
  return new OfferRelayStack(app, `OfferRelay-${settings.stage}`, { settings });
}

/** Template of a stage with the bundling skipped; `change` may turn its settings. */
export function templateOf(stage: string, change: (settings: Settings) => Settings = (settings) => settings): Template {
  return Template.fromStack(defineStage(testApp(), change(loadSettings(stage))));
}

const Resource = z.object({
  Type: z.string(),
  Properties: z.record(z.string(), z.unknown()).default({}),
  DeletionPolicy: z.string().optional(),
  UpdateReplacePolicy: z.string().optional(),
});
export type Resource = z.infer<typeof Resource>;

/** Resources of a template by logical id, all or those of one type. */
export function resourcesOf(template: Template, type?: string): Map<string, Resource> {
  const all = z.object({ Resources: z.record(z.string(), Resource) }).parse(template.toJSON()).Resources;
  return new Map(Object.entries(all).filter(([, resource]) => type === undefined || resource.Type === type));
}

const Statement = z.object({
  Effect: z.string(),
  Action: z.union([z.string().transform((action) => [action]), z.array(z.string())]),
  Resource: z.union([z.array(z.unknown()), z.unknown().transform((resource) => [resource])]),
  Condition: z.unknown().optional(),
});
const InlinePolicies = z.array(z.object({ PolicyDocument: z.object({ Statement: z.array(Statement) }) }));

export interface Grant {
  readonly role: string;
  readonly action: string;
  /** The ARN as one string: `${Logical.Attribute}` where the template refers to another resource. */
  readonly resource: string;
  /** What has to hold besides; undefined where nothing has to. */
  readonly condition: unknown;
}

/** Every action that a role of the template allows, and on what. */
export function grantsOf(template: Template): Grant[] {
  return [...resourcesOf(template, 'AWS::IAM::Role')].flatMap(([role, { Properties }]) =>
    InlinePolicies.parse(Properties['Policies'] ?? []).flatMap(({ PolicyDocument }) =>
      PolicyDocument.Statement.flatMap(({ Action, Resource, Condition }) =>
        Action.flatMap((action) =>
          Resource.map((resource) => ({ role, action, resource: flatten(resource), condition: Condition })),
        ),
      ),
    ),
  );
}

/** What a function may do besides writing its log and its traces, each as `<action> <resource>`, in rising order. */
export function allowedTo(template: Template, construct: string): string[] {
  return grantsOf(template)
    .filter(({ role, action }) => withoutHash(role) === `${construct}Role` && !/^(?:logs|xray):/.test(action))
    .map(({ action, resource }) => `${action} ${resource}`)
    .sort();
}

const FunctionProperties = z.looseObject({
  Environment: z.object({ Variables: z.record(z.string(), z.unknown()) }),
  Timeout: z.number(),
});

/** The function of a construct, its variables as text; undefined where there is none. */
export function functionOf(template: Template, construct: string) {
  const [found] = [...resourcesOf(template, 'AWS::Lambda::Function')].filter(
    ([id]) => withoutHash(id) === `${construct}Function`,
  );
  if (!found) return undefined;
  const { Environment, ...properties } = FunctionProperties.parse(found[1].Properties);
  const variables = Object.entries(Environment.Variables).map(([name, value]) => [name, flatten(value)]);
  return { ...properties, variables: Object.fromEntries(variables) as Record<string, string> };
}

/** An expression of the template as text, with the hashes of logical ids left out. */
export function flatten(value: unknown): string {
  if (typeof value === 'string') return value;
  const shape = z
    .union([
      z.object({ 'Fn::Join': z.tuple([z.string(), z.array(z.unknown())]) }),
      z.object({ 'Fn::GetAtt': z.tuple([z.string(), z.string()]) }),
      z.object({ Ref: z.string() }),
      z.object({ 'Fn::Sub': z.string() }),
    ])
    .parse(value);
  if ('Fn::Sub' in shape) {
    return shape['Fn::Sub'].replaceAll(/\$\{([^}]+)\}/g, (_, name: string) => `\${${withoutHash(name)}}`);
  }
  if ('Ref' in shape) return `\${${withoutHash(shape.Ref)}}`;
  if ('Fn::GetAtt' in shape) return `\${${withoutHash(shape['Fn::GetAtt'][0])}.${shape['Fn::GetAtt'][1]}}`;
  const [separator, parts] = shape['Fn::Join'];
  return parts.map(flatten).join(separator);
}

export const withoutHash = (logicalId: string): string => logicalId.replace(/[0-9A-F]{8}$/, '');
