import type { AccessControl } from './access-control.ts';
import type { DeployedResource } from './deployment.ts';
import type { CloudModel } from './model.ts';
import { callerOf } from './needed-permissions.ts';
import { functionCall } from './rest-api/function-call.ts';

/** An end that is wired to nothing. */
export interface LooseEnd {
  readonly logicalId: string;
  readonly reason: string;
}

/**
 * Ends that are wired to nothing. AWS deploys them without a word, and what is sent there waits for ever: a queue that is
 * filled and nobody reads, a stream that nobody reads, a function that nothing ever calls, a method that no stage serves.
 */
export function looseEnds(
  model: CloudModel,
  resources: ReadonlyMap<string, DeployedResource>,
  access: AccessControl,
): LooseEnd[] {
  const idOf = (arn: string): string =>
    [...resources].find(([, { attributes }]) => attributes['Arn'] === arn || attributes['StreamArn'] === arn)?.[0] ??
    arn;
  const sources = model.eventSources.filter(({ enabled }) => enabled);
  const rules = model.rules.filter(({ enabled }) => enabled);
  const targets = [
    ...rules.flatMap((rule) => rule.targets.map(({ arn }) => ({ arn, from: rule.logicalId }))),
    ...model.schedules
      .filter(({ enabled }) => enabled)
      .map(({ logicalId, target }) => ({ arn: target.arn.replace(/:\$LATEST$/, ''), from: logicalId })),
  ];

  const called = new Set([...sources.map(({ functionArn }) => functionArn), ...targets.map(({ arn }) => arn)]);
  const functions = [...model.functions.values()];
  const uncalled = functions.filter(
    // Whoever is let in by the function's own policy may call it from elsewhere, such as an API.
    ({ arn }) => !called.has(arn) && !(model.resourcePolicies.get(arn) ?? []).some(({ allow }) => allow),
  );
  const may = (action: string, resource: string) =>
    functions.filter((one) => access.refusal(callerOf(one), { action, resource }) === undefined);

  const read = new Set(sources.map((source) => (source.kind === 'sqs' ? source.queueArn : source.streamArn)));
  const lastResorts = lastResortsOf(model, resources);
  const unread = [...model.queues.values()].flatMap(({ arn }): LooseEnd[] => {
    if (read.has(arn) || lastResorts.has(arn)) return [];
    if (may('sqs:ReceiveMessage', arn).some((one) => !uncalled.includes(one))) return [];
    const senders = [
      ...may('sqs:SendMessage', arn).map(({ logicalId }) => logicalId),
      ...targets.filter((target) => target.arn === arn).map(({ from }) => from),
    ];
    if (senders.length === 0) return [];
    return [{ logicalId: idOf(arn), reason: `${senders.join(', ')} may send to it, and no event source reads it` }];
  });
  const unreadStreams = [...model.streams.values()].filter(({ arn }) => !read.has(arn));
  return [
    ...unread,
    ...unreadStreams.map(({ arn }) => ({ logicalId: idOf(arn), reason: 'its stream is read by no event source' })),
    ...uncalled.map(({ logicalId }) => ({ logicalId, reason: 'no event source, schedule or rule calls it' })),
    ...looseApiEnds(model, access),
  ];
}

/** Methods that no stage serves or that would fail at every call, and API keys that open nothing. */
function looseApiEnds(model: CloudModel, access: AccessControl): LooseEnd[] {
  const ends: LooseEnd[] = [];
  for (const api of model.restApis.values()) {
    const stages = [...api.stages.values()];
    for (const method of api.methods) {
      const { logicalId, integration } = method;
      const serving = stages.filter(({ deployment }) => deployment.methods.includes(method));
      if (serving.length === 0) {
        ends.push({ logicalId, reason: 'no stage serves it: no deployment of one depends on it' });
      }
      if (integration.kind !== 'lambda') continue;
      const { functionArn } = integration;
      for (const stage of serving) {
        const { caller, permissions } = functionCall(api, stage, method, functionArn);
        if (permissions.every((needed) => access.refusal(caller, needed) === undefined)) continue;
        ends.push({ logicalId, reason: `${functionArn} does not let ${caller.sourceArn} invoke it` });
      }
    }
  }
  const plans = [...model.usagePlans.values()];
  for (const { logicalId, id } of model.apiKeys.values()) {
    if (plans.some(({ keyIds, stages }) => keyIds.has(id) && stages.length > 0)) continue;
    ends.push({ logicalId, reason: 'no usage plan with a stage has this key, so it opens nothing' });
  }
  return ends;
}

/** Queues that keep what has failed until an operator comes: dead-letter queues, and destinations of failures. */
function lastResortsOf(model: CloudModel, resources: ReadonlyMap<string, DeployedResource>): ReadonlySet<string> {
  const redriven = [...resources.values()].map(
    ({ properties }) =>
      (properties['RedrivePolicy'] as { deadLetterTargetArn?: string } | undefined)?.deadLetterTargetArn,
  );
  const arns = [
    ...redriven,
    ...[...model.functions.values()].map(({ deadLetterArn }) => deadLetterArn),
    ...[...model.asyncInvocation.values()].map(({ onFailureArn }) => onFailureArn),
    ...model.eventSources.map((source) => (source.kind === 'stream' ? source.onFailureArn : undefined)),
    ...model.rules.flatMap(({ targets }) => targets.map(({ deadLetterArn }) => deadLetterArn)),
    ...model.schedules.map(({ target }) => target.deadLetterArn),
  ];
  return new Set(arns.filter((arn) => arn !== undefined));
}
