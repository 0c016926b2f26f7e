import type { ConditionContext } from './iam/conditions.ts';

/** A permission that a call needs: an IAM action on the ARN of a resource. */
export interface NeededPermission {
  readonly action: string;
  readonly resource: string;
  /** Values of condition keys that this call has and others have not, such as `sts:externalid`. */
  readonly context?: ConditionContext;
}

/** Who makes a call. */
export interface Caller {
  /** `session` is somebody in an assumed role, `account` whoever administers another account. */
  readonly kind: 'function' | 'event source' | 'schedule' | 'rule' | 'REST API' | 'operator' | 'session' | 'account';
  /** Of the function, event source mapping, schedule, rule or method of a REST API, or of a session's role. */
  readonly logicalId?: string;
  /** The role whose policies count; without one, those of the resource do. */
  readonly roleArn?: string;
  /** `AROA…` of that role. */
  readonly roleId?: string;
  /** Of the role's session, in which Lambda puts the function's name. */
  readonly sessionName?: string;
  /** Of the other account. */
  readonly accountId?: string;
  /** ARN of the rule or of the method of a REST API, where a service calls in its own name. */
  readonly sourceArn?: string;
}

/** Whoever runs this cloud, with its own credentials. */
export const OPERATOR: Caller = { kind: 'operator' };

/** One call to a service, as it was judged. */
export interface ServiceCall {
  /** Epoch milliseconds. */
  readonly at: number;
  readonly caller: Caller;
  /**
   * The service's prefix in IAM: `dynamodb`, `sqs`, `events`, `secretsmanager`, `sts`, `execute-api`, `lambda`, `logs` or
   * `xray`.
   */
  readonly service: string;
  /** Such as `SendMessageBatch`. */
  readonly operation: string;
  /** As it stands on the wire. */
  readonly input: Readonly<Record<string, unknown>>;
  /** Every permission that the call needs. */
  readonly permissions: readonly NeededPermission[];
  /** Why it was refused. */
  readonly refusal?: string;
}
