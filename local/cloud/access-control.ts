import { decide, type Subject } from './iam/decision.ts';
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
  onRefused?(caller: Caller, text: string): void;
}

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
    this.#onRefused?.(call.caller, refusal);
    throw new ServiceError('AccessDeniedException', refusal);
  }

  /** Why the caller may not do this, in AWS's words; nothing where it may. */
  refusal(caller: Caller, { action, resource }: NeededPermission): string | undefined {
    if (!this.#enforced || caller.kind === 'operator') return undefined;
    const subject = this.#subject(caller);
    const decision = decide(subject, {
      action,
      resource,
      context: this.#context(caller, subject),
      resourceStatements: this.#model.resourcePolicies.get(resource.replace(/:\$LATEST$/, '')) ?? [],
    });
    if (decision.allowed) return undefined;
    const kind = subject.service === undefined ? 'identity-based' : 'resource-based';
    const because =
      decision.explicit === undefined
        ? `because no ${kind} policy allows the ${action} action`
        : `with an explicit deny in ${decision.explicit === 'identity-based' ? 'an' : 'a'} ${decision.explicit} policy`;
    return `User: ${this.#nameOf(caller)} is not authorized to perform: ${action} on resource: ${resource} ${because}`;
  }

  /** Whether a service may act in the name of a role. */
  trusts(roleArn: string, service: string, sourceArn: string): boolean {
    const role = this.#model.roles.get(roleArn);
    if (!role) return false;
    const context = { 'aws:sourceaccount': ACCOUNT_ID, 'aws:sourcearn': sourceArn, 'aws:securetransport': 'true' };
    const subject = { accountId: ACCOUNT_ID, service, statements: [] };
    return decide(subject, { action: 'sts:AssumeRole', context, resourceStatements: role.trust }).allowed;
  }

  #subject({ kind, roleArn }: Caller): Subject {
    if (roleArn === undefined) {
      const service = SERVICE_OF[kind];
      return { accountId: ACCOUNT_ID, statements: [], ...(service === undefined ? {} : { service }) };
    }
    return { accountId: ACCOUNT_ID, roleArn, statements: this.#model.roles.get(roleArn)?.statements ?? [] };
  }

  #context(caller: Caller, { roleArn }: Subject) {
    return {
      // The engines speak plain HTTP on this machine; on AWS the same call comes over TLS.
      'aws:securetransport': 'true',
      'aws:requestedregion': REGION,
      'aws:principalaccount': roleArn === undefined ? undefined : ACCOUNT_ID,
      'aws:principalarn': roleArn,
      'aws:sourceaccount': roleArn === undefined ? ACCOUNT_ID : undefined,
      'aws:sourcearn': roleArn === undefined ? caller.sourceArn : undefined,
    };
  }

  #nameOf({ kind, logicalId, roleArn, sessionName }: Caller): string {
    if (roleArn === undefined) return `${SERVICE_OF[kind] ?? kind} for ${logicalId ?? 'nobody'}`;
    const role = roleArn.split('/').at(-1);
    return `arn:aws:sts::${ACCOUNT_ID}:assumed-role/${role}/${sessionName ?? logicalId ?? 'session'}`;
  }
}
