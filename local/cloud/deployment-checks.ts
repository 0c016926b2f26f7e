import type { AccessControl } from './access-control.ts';
import type { DeployedResource } from './deployment.ts';
import { REGION } from './intrinsics.ts';
import type { CloudModel } from './model.ts';
import { callerOf, pollingQueue, pollingStream, TRACING, writingApiLogs } from './needed-permissions.ts';
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
  for (const { logicalId, groupArn, target } of model.schedules) {
    // The scheduler names the group when it assumes a role, not the schedule.
    anyRole(logicalId, 'Target.RoleArn', target.roleArn, 'scheduler.amazonaws.com', groupArn);
  }
  for (const { logicalId, logRoleArn } of model.apiGatewayAccounts) {
    const trustedFor = `arn:aws:apigateway:${REGION}::/account`;
    anyRole(logicalId, 'CloudWatchRoleArn', logRoleArn, 'apigateway.amazonaws.com', trustedFor);
    const caller: Caller = { kind: 'REST API', logicalId, roleArn: logRoleArn };
    for (const needed of writingApiLogs()) {
      demand(logicalId, 'CloudWatchRoleArn', caller, needed, 'API Gateway cannot write logs in its name');
    }
  }
  for (const { logicalId, arn, targets } of model.rules) {
    for (const { roleArn } of targets) {
      if (roleArn !== undefined) anyRole(logicalId, 'Targets', roleArn, 'events.amazonaws.com', arn);
    }
  }
}

const sendTo = (resource: string): NeededPermission => ({ action: 'sqs:SendMessage', resource });
