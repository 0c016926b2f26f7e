import * as z from 'zod';
import type { Assembly } from './assembly.ts';
import type { AwsClient } from './aws-call.ts';
import type { KeptValues } from './kept-values.ts';
import type { CloudModel } from './model.ts';
import { physicalName } from './physical-name.ts';
import { TemplateError } from './template-error.ts';

/** What the deployment of a resource may use. */
export interface ResourceContext {
  readonly logicalId: string;
  readonly type: string;
  readonly assembly: Assembly;
  readonly model: CloudModel;
  readonly dynamodb: AwsClient;
  readonly dynamodbStreams: AwsClient;
  readonly sqs: AwsClient;
  /** Random values that outlast a restart. */
  readonly kept: KeptValues;
  /** Address at which functions and callers reach every service. */
  readonly endpoint: string;
  /** This resource's name where the template gives none. */
  name(maxLength: number, suffix?: string): string;
  /** Says that a property asks for something that this cloud does not do. */
  unsupported(property: string, reason: string): TemplateError;
}

/** What `Ref` and `Fn::GetAtt` give for a resource that exists. */
export interface Deployed {
  ref: string;
  attributes: Record<string, string>;
}

export interface ResourceType {
  deploy(properties: Record<string, unknown>, context: ResourceContext): Promise<Deployed>;
}

/**
 * A kind of resource. The schema is strict: a property it does not name, at any depth, is an error, because leaving it
 * unheeded would make the local run differ from AWS in silence. `inert` lists the properties that have no effect here.
 */
export function resourceType<T>(definition: {
  properties: z.ZodType<T>;
  inert: readonly string[];
  deploy(properties: T, context: ResourceContext): Deployed | Promise<Deployed>;
}): ResourceType {
  return {
    async deploy(properties, context) {
      const relevant = Object.fromEntries(
        Object.entries(properties).filter(([key]) => !definition.inert.includes(key)),
      );
      const parsed = definition.properties.safeParse(relevant);
      if (!parsed.success) throw describe(parsed.error, context);
      return definition.deploy(parsed.data, context);
    },
  };
}

function describe(error: z.ZodError, context: ResourceContext): TemplateError {
  const issue = error.issues[0]!;
  const path = issue.path.map(String);
  if (issue.code === 'unrecognized_keys') {
    return context.unsupported([...path, issue.keys[0]].join('.'), 'this property is not supported by the local cloud');
  }
  return context.unsupported(path.join('.') || 'Properties', `not supported by the local cloud: ${issue.message}`);
}

export function resourceContext(
  logicalId: string,
  type: string,
  shared: Pick<ResourceContext, 'assembly' | 'model' | 'dynamodb' | 'dynamodbStreams' | 'sqs' | 'kept' | 'endpoint'>,
): ResourceContext {
  return {
    ...shared,
    logicalId,
    type,
    name: (maxLength, suffix) => physicalName(shared.assembly.stackName, logicalId, maxLength, suffix),
    unsupported: (property, reason) => new TemplateError({ logicalId, type, property }, reason),
  };
}

/** CloudFormation takes booleans and numbers as strings, too. */
export const bool = z.union([
  z.boolean(),
  z.literal('true').transform(() => true),
  z.literal('false').transform(() => false),
]);
export const integer = z.union([
  z.int(),
  z
    .string()
    .regex(/^-?\d+$/)
    .transform(Number),
]);
export const integerBetween = (min: number, max: number) =>
  integer.refine((value) => value >= min && value <= max, `it must be between ${min} and ${max}`);
/** A property with no effect here, inside an object that has others with one. */
export const inert = z.unknown().optional();
