import { identityOf } from './caller-identity.ts';
import { decide, type Subject } from './iam/decision.ts';
import type { ConditionContext } from './iam/conditions.ts';
import type { PolicyStatement } from './iam/policy.ts';
import { ACCOUNT_ID, REGION } from './intrinsics.ts';
import { ServiceError } from './json-service.ts';
import type { CloudModel } from './model.ts';
import type { Caller, NeededPermission, ServiceCall } from './service-call.ts';

/** What a call is, before it has been judged. */
export type JudgedCall = Omit<ServiceCall, 'at' | 'refusal'>;

export interface AccessControlOptions {
  readonly model: CloudModel;
  /** False lets everybody do everything. */
  readonly enforced: boolean;
  onCall?(call: ServiceCall): void;
  /** A call that was refused, in AWS's words. */
  onRefused?(caller: Caller, text: string, service: string): void;
}

/** What whoever administers an account may do. */
const EVERYTHING: readonly PolicyStatement[] = [
  { allow: true, actions: ['*'], exceptActions: false, resources: ['*'], exceptResources: false, conditions: [] },
];
const ARTICLE = { 'identity-based': 'an', 'resource-based': 'a', 'role trust': 'the' } as const;
const SERVICE_OF: Partial<Record<Caller['kind'], string>> = {
  rule: 'events.amazonaws.com',
  'REST API': 'apigateway.amazonaws.com',
};

/** Judges calls by the policies of the template: roles for whoever has one, resources for services in their own name. */
export class AccessControl {
  readonly #model: CloudModel;
  readonly #enforced: boolean;
  readonly #onCall: AccessControlOptions['onCall'];
  readonly #onRefused: AccessControlOptions['onRefused'];

  constructor({ model, enforced, onCall, onRefused }: AccessControlOptions) {
    this.#model = model;
    this.#enforced = enforced;
    this.#onCall = onCall;
    this.#onRefused = onRefused;
  }

  /**
   * Lets a call pass, or refuses it as AWS does.
   *
   * @throws ServiceError `AccessDeniedException` that names caller, action and resource
   */
  judge(call: JudgedCall): void {
    const refusal = call.permissions.map((needed) => this.refusal(call.caller, needed)).find(Boolean);
    this.#onCall?.({ at: Date.now(), ...call, ...(refusal === undefined ? {} : { refusal }) });
    if (refusal === undefined) return;
    this.#onRefused?.(call.caller, refusal, call.service);
    throw new ServiceError('AccessDeniedException', refusal);
  }

  /** Why the caller may not do this, in AWS's words; nothing where it may. */
  refusal(caller: Caller, { action, resource, context = {} }: NeededPermission): string | undefined {
    const trust = action === 'sts:AssumeRole';
    // Whom a role trusts is up to the role, whatever else somebody may do.
    if (!this.#enforced || (caller.kind === 'operator' && !trust)) return undefined;
    const policies = this.#model.resourcePolicies.get(resource.replace(/:\$LATEST$/, ''));
    const decision = decide(this.#subject(caller), {
      action,
      resource,
      context: { ...this.#context(caller), ...context },
      resourceStatements: (trust ? this.#model.roles.get(resource)?.trust : policies) ?? [],
      trust,
    });
    if (decision.allowed) return undefined;
    const because =
      'missing' in decision
        ? `because no ${decision.missing} policy allows the ${action} action`
        : `with an explicit deny in ${ARTICLE[decision.explicit]} ${decision.explicit} policy`;
    return `User: ${this.#nameOf(caller)} is not authorized to perform: ${action} on resource: ${resource} ${because}`;
  }

  /** Whether a service may act in the name of a role. */
  trusts(roleArn: string, service: string, sourceArn: string): boolean {
    const role = this.#model.roles.get(roleArn);
    if (!role) return false;
    const context = { 'aws:sourceaccount': ACCOUNT_ID, 'aws:sourcearn': sourceArn, 'aws:securetransport': 'true' };
    const subject = { accountId: ACCOUNT_ID, arns: [], service, statements: [] };
    const request = {
      action: 'sts:AssumeRole',
      resource: roleArn,
      context,
      resourceStatements: role.trust,
      trust: true,
    };
    return decide(subject, request).allowed;
  }

  #subject(caller: Caller): Subject {
    const { kind, roleArn } = caller;
    const { account, arn } = identityOf(caller);
    if (roleArn !== undefined) {
      const statements = this.#model.roles.get(roleArn)?.statements ?? [];
      return { accountId: account, arns: [roleArn, arn], statements };
    }
    if (isPerson(caller)) return { accountId: account, arns: [arn], statements: EVERYTHING };
    const service = SERVICE_OF[kind];
    return { accountId: account, arns: [], statements: [], ...(service === undefined ? {} : { service }) };
  }

  #context(caller: Caller): ConditionContext {
    const { account, arn } = identityOf(caller);
    const principal = caller.roleArn ?? (isPerson(caller) ? arn : undefined);
    return {
      // The engines speak plain HTTP on this machine; on AWS the same call comes over TLS.
      'aws:securetransport': 'true',
      'aws:requestedregion': REGION,
      'aws:principalaccount': principal === undefined ? undefined : account,
      'aws:principalarn': principal,
      'aws:sourceaccount': principal === undefined ? ACCOUNT_ID : undefined,
      'aws:sourcearn': principal === undefined ? caller.sourceArn : undefined,
    };
  }

  #nameOf(caller: Caller): string {
    const { kind, logicalId, roleArn } = caller;
    if (roleArn !== undefined || isPerson(caller)) return identityOf(caller).arn;
    return `${SERVICE_OF[kind] ?? kind} for ${logicalId ?? 'nobody'}`;
  }
}

const isPerson = ({ kind }: Caller): boolean => kind === 'operator' || kind === 'account';
