import { fillVariables, matchesPattern, satisfies, type ConditionContext } from './conditions.ts';
import type { PolicyPrincipals, PolicyStatement } from './policy.ts';

/** Who asks, as policies see it. */
export interface Subject {
  /** Every ARN that policies may name it by: a role's and its session's, or a user's. */
  readonly arns: readonly string[];
  readonly accountId: string;
  /** Such as `events.amazonaws.com`, where a service asks in its own name. */
  readonly service?: string;
  /** What its own policies say. */
  readonly statements: readonly PolicyStatement[];
}

export interface Request {
  readonly action: string;
  readonly resource: string;
  readonly context: ConditionContext;
  /** What the policy of the resource says. */
  readonly resourceStatements: readonly PolicyStatement[];
  /** Whether that is a role's trust policy: nobody passes whom it does not let in, whatever their own policies allow. */
  readonly trust?: boolean;
}

export type DecidingPolicy = 'identity-based' | 'resource-based' | 'role trust';

export type Decision =
  | { readonly allowed: true; readonly by: PolicyStatement }
  /** `explicit` has a Deny; `missing` is where an Allow would have to be. */
  | { readonly allowed: false; readonly explicit: DecidingPolicy }
  | { readonly allowed: false; readonly missing: DecidingPolicy };

/**
 * Judges one call: a Deny anywhere wins, an Allow in the caller's policies or in the resource's is enough. A role's trust
 * policy has to allow it in any case; where that names the whole account, the caller's own policies have to as well.
 *
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
 */
export function decide(subject: Subject, request: Request): Decision {
  const own = subject.statements.filter((statement) => applies(statement, request));
  const about = request.resourceStatements.filter(
    (statement) => applies(statement, request) && isAbout(statement, subject),
  );
  const ofResource = request.trust ? 'role trust' : 'resource-based';
  if (own.some(({ allow }) => !allow)) return { allowed: false, explicit: 'identity-based' };
  if (about.some(({ allow }) => !allow)) return { allowed: false, explicit: ofResource };
  if (request.trust && !about.some(({ allow }) => allow)) return { allowed: false, missing: ofResource };
  const by = own.find(({ allow }) => allow) ?? about.find((statement) => statement.allow && names(statement, subject));
  if (by !== undefined) return { allowed: true, by };
  return { allowed: false, missing: subject.service === undefined ? 'identity-based' : ofResource };
}

function applies(statement: PolicyStatement, { action, resource, context }: Request): boolean {
  // Actions know no case, resources do.
  const named = statement.actions.some((pattern) => matchesPattern(action.toLowerCase(), pattern.toLowerCase()));
  if (named === statement.exceptActions) return false;
  // A trust policy is about its role and names no resource.
  if (statement.resources !== undefined) {
    const met = statement.resources.some((pattern) => {
      const filled = fillVariables(pattern, context);
      return filled !== undefined && matchesPattern(resource, filled);
    });
    if (met === statement.exceptResources) return false;
  }
  return statement.conditions.every((condition) => satisfies(condition, context));
}

const accountOf = (principal: string): string | undefined =>
  /^(?:arn:aws:iam::)?(\d{12})(?::root)?$/.exec(principal)?.[1];

function isAbout({ principals }: PolicyStatement, subject: Subject): boolean {
  if (principals === undefined) return false;
  if (principals.anybody) return true;
  if (subject.service !== undefined) return principals.services.includes(subject.service);
  return namesIt(principals, subject) || principals.aws.some((name) => accountOf(name) === subject.accountId);
}

/** Naming the whole account leaves it to the account's own policies whom to allow. */
function names({ principals }: PolicyStatement, subject: Subject): boolean {
  if (principals === undefined) return false;
  return principals.anybody || subject.service !== undefined || namesIt(principals, subject);
}

function namesIt(principals: PolicyPrincipals, { arns }: Subject): boolean {
  return arns.some((arn) => principals.aws.includes(arn));
}
