import * as z from 'zod';
import { CONDITION_KEYS, CONDITION_OPERATORS } from './conditions.ts';

const oneOrMore = z.union([z.string(), z.array(z.string())]).transform((value) => [value].flat());

const Condition = z.record(
  z.string(),
  z.record(
    z.string(),
    z.union([z.string(), z.boolean(), z.number(), z.array(z.union([z.string(), z.boolean(), z.number()]))]),
  ),
);

const Statement = z
  .strictObject({
    Sid: z.string().optional(),
    Effect: z.enum(['Allow', 'Deny']),
    Principal: z
      .union([z.literal('*'), z.strictObject({ AWS: oneOrMore.optional(), Service: oneOrMore.optional() })])
      .optional(),
    Action: oneOrMore.optional(),
    NotAction: oneOrMore.optional(),
    Resource: oneOrMore.optional(),
    NotResource: oneOrMore.optional(),
    Condition: Condition.optional(),
  })
  .refine(({ Action, NotAction }) => (Action === undefined) !== (NotAction === undefined), {
    path: ['Action'],
    error: 'a statement has either Action or NotAction',
  });

const PolicyDocument = z.strictObject({
  Version: z.enum(['2012-10-17', '2008-10-17']).optional(),
  Id: z.string().optional(),
  Statement: z.union([Statement, z.array(Statement)]).transform((value) => [value].flat()),
});

/** Who a statement of a resource's policy or of a role's trust policy is about. */
export interface PolicyPrincipals {
  readonly anybody: boolean;
  readonly aws: readonly string[];
  readonly services: readonly string[];
}

/** One condition: the values of `key` must satisfy the operator against one of `values`. */
export interface PolicyCondition {
  readonly operator: string;
  readonly key: string;
  readonly values: readonly string[];
}

export interface PolicyStatement {
  readonly allow: boolean;
  readonly sid?: string;
  readonly principals?: PolicyPrincipals;
  readonly actions: readonly string[];
  readonly exceptActions: boolean;
  /** Undefined in a trust policy, whose resource is the role. */
  readonly resources?: readonly string[];
  readonly exceptResources: boolean;
  readonly conditions: readonly PolicyCondition[];
}

/**
 * Reads a policy document as IAM's grammar has it.
 *
 * @throws Error that names the element which is wrong, or the condition which the local cloud cannot judge
 */
export function readPolicy(document: unknown): PolicyStatement[] {
  const parsed = PolicyDocument.safeParse(document);
  if (!parsed.success) {
    const issue = parsed.error.issues[0]!;
    const path = issue.path.map(String).join('.');
    throw new Error(path === '' ? issue.message : `${path}: ${issue.message}`);
  }
  return parsed.data.Statement.map((statement) => ({
    allow: statement.Effect === 'Allow',
    ...(statement.Sid === undefined ? {} : { sid: statement.Sid }),
    ...(statement.Principal === undefined ? {} : { principals: readPrincipals(statement.Principal) }),
    actions: statement.Action ?? statement.NotAction ?? [],
    exceptActions: statement.NotAction !== undefined,
    ...resourcesOf(statement.Resource ?? statement.NotResource),
    exceptResources: statement.NotResource !== undefined,
    conditions: Object.entries(statement.Condition ?? {}).flatMap(([operator, keys]) =>
      Object.entries(keys).map(([key, values]) => readCondition(operator, key, [values].flat().map(String))),
    ),
  }));
}

function resourcesOf(resources: string[] | undefined): { resources?: string[] } {
  return resources === undefined ? {} : { resources };
}

function readPrincipals(principal: '*' | { AWS?: string[]; Service?: string[] }): PolicyPrincipals {
  if (principal === '*') return { anybody: true, aws: [], services: [] };
  const aws = principal.AWS ?? [];
  return { anybody: aws.includes('*'), aws: aws.filter((name) => name !== '*'), services: principal.Service ?? [] };
}

function readCondition(operator: string, key: string, values: string[]): PolicyCondition {
  const bare = operator.replace(/IfExists$/, '');
  if (!CONDITION_OPERATORS.has(bare)) {
    throw new Error(`the condition operator ${operator} is not supported by the local cloud`);
  }
  if (!CONDITION_KEYS.has(key.toLowerCase())) {
    throw new Error(`the condition key ${key} is not supported by the local cloud`);
  }
  return { operator, key: key.toLowerCase(), values };
}
