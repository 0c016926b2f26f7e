import { ACCOUNT_ID } from './intrinsics.ts';
import type { Caller } from './service-call.ts';
import { uniqueId } from './unique-id.ts';

/** Who a caller is, as STS and API Gateway name it. */
export interface CallerIdentity {
  readonly account: string;
  /** `arn:aws:sts::…:assumed-role/<role>/<session>` of a role's session, `arn:aws:iam::…:user/…` otherwise. */
  readonly arn: string;
  /** `<role id>:<session>` of a role's session, the user's id otherwise. */
  readonly userId: string;
}

/** Names a caller. Whoever has no role is an IAM user of its account, since root users may assume no role. */
export function identityOf({
  roleArn,
  roleId,
  sessionName,
  logicalId,
  accountId = ACCOUNT_ID,
}: Caller): CallerIdentity {
  if (roleArn === undefined) {
    const arn = `arn:aws:iam::${accountId}:user/operator`;
    return { account: accountId, arn, userId: uniqueId('AIDA', arn) };
  }
  const session = sessionName ?? logicalId ?? 'session';
  return {
    account: ACCOUNT_ID,
    arn: `arn:aws:sts::${ACCOUNT_ID}:assumed-role/${roleArn.split('/').at(-1)}/${session}`,
    userId: `${roleId ?? uniqueId('AROA', roleArn)}:${session}`,
  };
}
