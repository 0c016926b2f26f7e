import * as z from 'zod';
import { readPolicy, type PolicyStatement } from '../iam/policy.ts';
import { ACCOUNT_ID, REGION } from '../intrinsics.ts';
import { queueArn } from '../needed-permissions.ts';
import { integerBetween, resourceType, type ResourceContext } from '../resource-type.ts';
import { uniqueId } from '../unique-id.ts';
import { checked } from './events.ts';

const NamedPolicy = z.strictObject({ PolicyName: z.string(), PolicyDocument: z.unknown() });

/** What AWS's own managed policies say, as far as functions and APIs of CDK's making use them. */
const MANAGED_POLICIES: Readonly<Record<string, readonly PolicyStatement[]>> = {
  'arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole': readPolicy(
    {
      Statement: {
        Effect: 'Allow',
        Action: ['logs:CreateLogGroup', 'logs:CreateLogStream', 'logs:PutLogEvents'],
        Resource: '*',
      },
    },
    'identity',
  ),
  'arn:aws:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs': readPolicy(
    {
      Statement: {
        Effect: 'Allow',
        Action: [
          'logs:CreateLogGroup',
          'logs:CreateLogStream',
          'logs:DescribeLogGroups',
          'logs:DescribeLogStreams',
          'logs:PutLogEvents',
          'logs:GetLogEvents',
          'logs:FilterLogEvents',
        ],
        Resource: '*',
      },
    },
    'identity',
  ),
};

export const role = resourceType({
  properties: z.strictObject({
    RoleName: z.string().optional(),
    Path: z.string().optional(),
    AssumeRolePolicyDocument: z.unknown(),
    Policies: z.array(NamedPolicy).optional(),
    ManagedPolicyArns: z.array(z.string()).optional(),
    MaxSessionDuration: integerBetween(3600, 43_200).optional(),
  }),
  inert: ['Description', 'Tags'],
  deploy(properties, context) {
    const name = properties.RoleName ?? context.name(64);
    const arn = `arn:aws:iam::${ACCOUNT_ID}:role${properties.Path ?? '/'}${name}`;
    const statements = (properties.Policies ?? []).flatMap(({ PolicyDocument }, index) =>
      checked(`Policies.${index}.PolicyDocument`, context, () => readPolicy(PolicyDocument, 'identity')),
    );
    for (const managed of properties.ManagedPolicyArns ?? []) {
      statements.push(...(MANAGED_POLICIES[managed] ?? context.model.managedPolicies.get(managed) ?? unknown(managed)));
    }
    context.model.roles.set(arn, {
      name,
      arn,
      roleId: uniqueId('AROA', arn),
      maxSessionSeconds: properties.MaxSessionDuration ?? 3600,
      logicalId: context.logicalId,
      trust: checked('AssumeRolePolicyDocument', context, () =>
        readPolicy(properties.AssumeRolePolicyDocument, 'trust'),
      ),
      statements,
    });
    return { ref: name, attributes: { Arn: arn, RoleId: uniqueId('AROA', arn) } };

    function unknown(managed: string): never {
      throw context.unsupported('ManagedPolicyArns', `the local cloud does not know what ${managed} allows`);
    }
  },
});

const attachments = { Roles: z.array(z.string()).optional() };

export const policy = resourceType({
  properties: z.strictObject({ PolicyName: z.string(), PolicyDocument: z.unknown(), ...attachments }),
  inert: [],
  deploy({ PolicyName, PolicyDocument, Roles = [] }, context) {
    attach(PolicyDocument, Roles, context);
    return { ref: PolicyName, attributes: {} };
  },
});

export const managedPolicy = resourceType({
  properties: z.strictObject({
    ManagedPolicyName: z.string().optional(),
    Path: z.string().optional(),
    PolicyDocument: z.unknown(),
    ...attachments,
  }),
  inert: ['Description'],
  deploy({ ManagedPolicyName, Path, PolicyDocument, Roles = [] }, context) {
    const arn = `arn:aws:iam::${ACCOUNT_ID}:policy${Path ?? '/'}${ManagedPolicyName ?? context.name(128)}`;
    context.model.managedPolicies.set(arn, attach(PolicyDocument, Roles, context));
    return { ref: arn, attributes: { PolicyArn: arn } };
  },
});

function attach(document: unknown, roles: readonly string[], context: ResourceContext): PolicyStatement[] {
  const statements = checked('PolicyDocument', context, () => readPolicy(document, 'identity'));
  for (const name of roles) {
    const found = [...context.model.roles.values()].find((one) => one.name === name);
    if (!found) throw context.unsupported('Roles', `${name} is no role of this template`);
    found.statements.push(...statements);
  }
  return statements;
}

export const queuePolicy = resourceType({
  properties: z.strictObject({ PolicyDocument: z.unknown(), Queues: z.array(z.string()) }),
  inert: [],
  deploy({ PolicyDocument, Queues }, context) {
    const statements = checked('PolicyDocument', context, () => readPolicy(PolicyDocument, 'resource'));
    for (const url of Queues) {
      const arn = queueArn(url);
      if (!context.model.queues.has(arn)) throw context.unsupported('Queues', `${url} is no queue of this template`);
      addResourcePolicy(arn, statements, context);
    }
    return { ref: context.name(128), attributes: {} };
  },
});

export const eventBusPolicy = resourceType({
  properties: z.strictObject({
    EventBusName: z.string().optional(),
    StatementId: z.string(),
    Statement: z.unknown().optional(),
    Action: z.string().optional(),
    Principal: z.string().optional(),
    Condition: z.strictObject({ Type: z.string(), Key: z.string(), Value: z.string() }).optional(),
  }),
  inert: [],
  deploy({ EventBusName, StatementId, Statement, Action, Principal, Condition }, context) {
    const arn = `arn:aws:events:${REGION}:${ACCOUNT_ID}:event-bus/${EventBusName ?? 'default'}`;
    const statement = Statement ?? {
      Effect: 'Allow',
      Action,
      Principal: Principal === '*' ? '*' : { AWS: Principal },
      Resource: arn,
      ...(Condition === undefined ? {} : { Condition: { [Condition.Type]: { [Condition.Key]: Condition.Value } } }),
    };
    addResourcePolicy(
      arn,
      checked('Statement', context, () => readPolicy({ Statement: statement }, 'resource')),
      context,
    );
    return { ref: StatementId, attributes: {} };
  },
});

/** A function's own policy: who may invoke it besides roles that may. */
export const lambdaPermission = resourceType({
  properties: z.strictObject({
    Action: z.string(),
    FunctionName: z.string(),
    Principal: z.string(),
    SourceArn: z.string().optional(),
    SourceAccount: z.string().optional(),
  }),
  inert: ['FunctionUrlAuthType'],
  deploy({ Action, FunctionName, Principal, SourceArn, SourceAccount }, context) {
    const bare = FunctionName.replace(/:\$LATEST$/, '');
    const target = [...context.model.functions.values()].find(({ arn, name }) => arn === bare || name === bare);
    if (!target) throw context.unsupported('FunctionName', `${FunctionName} is no function of this template`);
    const statement = {
      Effect: 'Allow',
      Action,
      Principal: Principal.endsWith('.amazonaws.com') ? { Service: Principal } : { AWS: Principal },
      Resource: target.arn,
      Condition: {
        ...(SourceArn === undefined ? {} : { ArnLike: { 'aws:SourceArn': SourceArn } }),
        ...(SourceAccount === undefined ? {} : { StringEquals: { 'aws:SourceAccount': SourceAccount } }),
      },
    };
    addResourcePolicy(
      target.arn,
      checked('Principal', context, () => readPolicy({ Statement: statement }, 'resource')),
      context,
    );
    return { ref: context.name(128), attributes: {} };
  },
});

function addResourcePolicy(arn: string, statements: readonly PolicyStatement[], { model }: ResourceContext): void {
  model.resourcePolicies.set(arn, [...(model.resourcePolicies.get(arn) ?? []), ...statements]);
}
