import type { AccessControl } from './access-control.ts';
import type { DeployedResource } from './deployment.ts';
import type { CloudModel, FunctionDefinition } from './model.ts';
import type { Caller, NeededPermission } from './service-call.ts';
import { TemplateError } from './template-error.ts';

type Resources = ReadonlyMap<string, DeployedResource>;

/**
 * What AWS refuses while it deploys a stack, once everything is there: roles that cannot be assumed, and permissions that
 * services ask for before they work in a function's name.
 *
 * @throws TemplateError that names the resource and the missing permission
 */
export function checkRoles(model: CloudModel, resources: Resources, access: AccessControl): void {
  const refuse = (logicalId: string, property: string, reason: string): never => {
    throw new TemplateError({ logicalId, type: resources.get(logicalId)?.type ?? 'unknown', property }, reason);
  };
  const demand = (logicalId: string, property: string, caller: Caller, needed: NeededPermission, why: string): void => {
    const refusal = access.refusal(caller, needed);
    if (refusal !== undefined) refuse(logicalId, property, `${why}: ${refusal}`);
  };
  const anyRole = (logicalId: string, property: string, roleArn: string, service: string, sourceArn: string): void => {
    if (!model.roles.has(roleArn)) refuse(logicalId, property, `${roleArn} is no role of this template`);
    if (!access.trusts(roleArn, service, sourceArn)) {
      refuse(logicalId, property, `the role ${roleArn} does not let ${service} assume it`);
    }
  };

  for (const definition of model.functions.values()) {
    const { logicalId, roleArn, deadLetterArn } = definition;
    anyRole(logicalId, 'Role', roleArn, 'lambda.amazonaws.com', definition.arn);
    const caller = callerOf(definition);
    for (const needed of definition.traced ? TRACING : []) {
      demand(logicalId, 'TracingConfig', caller, needed, 'active tracing needs a permission of the role');
    }
    if (deadLetterArn !== undefined) {
      demand(
        logicalId,
        'DeadLetterConfig',
        caller,
        sendTo(deadLetterArn),
        'the dead-letter queue needs one of the role',
      );
    }
  }
  for (const [functionArn, { onFailureArn, onSuccessArn }] of model.asyncInvocation) {
    const definition = model.functions.get(functionArn)!;
    for (const arn of [onFailureArn, onSuccessArn].filter((one) => one !== undefined)) {
      demand(
        definition.logicalId,
        'DestinationConfig',
        callerOf(definition),
        sendTo(arn),
        'the destination needs a permission of the role',
      );
    }
  }
  for (const source of model.eventSources) {
    const caller = callerOf(model.functions.get(source.functionArn)!);
    const needs = source.kind === 'sqs' ? pollingQueue(source.queueArn) : pollingStream(source.streamArn);
    for (const needed of needs) {
      demand(source.logicalId, 'EventSourceArn', caller, needed, 'Lambda cannot read it in the name of the function');
    }
    if (source.kind === 'stream' && source.onFailureArn !== undefined) {
      demand(
        source.logicalId,
        'DestinationConfig',
        caller,
        sendTo(source.onFailureArn),
        'the destination needs a permission of the role',
      );
    }
  }
  for (const { logicalId, arn, target } of model.schedules) {
    anyRole(logicalId, 'Target.RoleArn', target.roleArn, 'scheduler.amazonaws.com', arn);
  }
  for (const { logicalId, targets } of model.rules) {
    for (const { roleArn } of targets) {
      if (roleArn !== undefined) anyRole(logicalId, 'Targets', roleArn, 'events.amazonaws.com', '');
    }
  }
}

/** What Lambda asks of a role before it polls a queue. https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html */
export function pollingQueue(queueArn: string): NeededPermission[] {
  const actions = ['sqs:ReceiveMessage', 'sqs:DeleteMessage', 'sqs:GetQueueAttributes'];
  return actions.map((action) => ({ action, resource: queueArn }));
}

/** What Lambda asks of a role before it reads a stream. https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-eventsourcemapping.html */
export function pollingStream(streamArn: string): NeededPermission[] {
  const actions = ['dynamodb:DescribeStream', 'dynamodb:GetRecords', 'dynamodb:GetShardIterator'];
  return [...actions.map((action) => ({ action, resource: streamArn })), listingStreams(streamArn)];
}

/** ListStreams is about every stream of a table. */
export function listingStreams(streamArn: string): NeededPermission {
  return { action: 'dynamodb:ListStreams', resource: streamArn.replace(/\/stream\/.*$/, '/stream/*') };
}

/** What active tracing does in a role's name. */
export const TRACING: readonly NeededPermission[] = ['xray:PutTraceSegments', 'xray:PutTelemetryRecords'].map(
  (action) => ({ action, resource: '*' }),
);

const sendTo = (resource: string): NeededPermission => ({ action: 'sqs:SendMessage', resource });

/** A function as a caller of services. */
export function callerOf({ logicalId, roleArn, name }: FunctionDefinition): Caller {
  return { kind: 'function', logicalId, roleArn, sessionName: name };
}

/**
 * Ends that are wired to nothing. AWS deploys them without a word, and what is sent there waits for ever: a queue that
 * functions fill and nobody reads, a stream that nobody reads, a function that nothing ever calls.
 *
 * @throws TemplateError that names every one of them
 */
export function checkWiring(model: CloudModel, resources: Resources): void {
  const loose: { logicalId: string; reason: string }[] = [];
  const idOf = (arn: string): string | undefined =>
    [...resources].find(([, { attributes }]) => attributes['Arn'] === arn || attributes['StreamArn'] === arn)?.[0];

  const read = new Set(
    model.eventSources.map((source) => (source.kind === 'sqs' ? source.queueArn : source.streamArn)),
  );
  const lastResorts = new Set([
    ...[...resources.values()].flatMap(({ properties }) => deadLetterTarget(properties['RedrivePolicy'])),
    ...[...model.functions.values()].map(({ deadLetterArn }) => deadLetterArn),
    ...[...model.asyncInvocation.values()].flatMap(({ onFailureArn, onSuccessArn }) => [onFailureArn, onSuccessArn]),
    ...model.eventSources.map((source) => (source.kind === 'stream' ? source.onFailureArn : undefined)),
    ...model.rules.flatMap(({ targets }) => targets.map(({ deadLetterArn }) => deadLetterArn)),
    ...model.schedules.map(({ target }) => target.deadLetterArn),
  ]);
  for (const { arn } of model.queues.values()) {
    const senders = [...model.roles.values()].filter(({ statements }) =>
      statements.some(
        ({ allow, actions, resources: on }) => allow && actions.includes('sqs:SendMessage') && on?.includes(arn),
      ),
    );
    if (read.has(arn) || lastResorts.has(arn) || senders.length === 0) continue;
    const who = senders.map(({ logicalId }) => logicalId).join(', ');
    loose.push({ logicalId: idOf(arn)!, reason: `${who} may send to it, and no event source reads it` });
  }
  for (const { arn } of model.streams.values()) {
    if (!read.has(arn)) loose.push({ logicalId: idOf(arn)!, reason: 'its stream is read by no event source' });
  }
  const called = new Set([
    ...model.eventSources.map(({ functionArn }) => functionArn),
    ...model.schedules.map(({ target }) => target.arn),
    ...model.rules.flatMap(({ targets }) => targets.map(({ arn }) => arn)),
  ]);
  for (const { arn, logicalId } of model.functions.values()) {
    if (![...called].some((one) => one.replace(/:\$LATEST$/, '') === arn)) {
      loose.push({ logicalId, reason: 'no event source, schedule or rule calls it' });
    }
  }
  const [first, ...others] = loose;
  if (first === undefined) return;
  const also = others.map(({ logicalId, reason }) => `; ${logicalId}: ${reason}`).join('');
  throw new TemplateError(
    { logicalId: first.logicalId, type: resources.get(first.logicalId)?.type ?? 'unknown' },
    `${first.reason}${also}`,
  );
}

function deadLetterTarget(policy: unknown): string[] {
  const arn = (policy as { deadLetterTargetArn?: unknown } | undefined)?.deadLetterTargetArn;
  return typeof arn === 'string' ? [arn] : [];
}
