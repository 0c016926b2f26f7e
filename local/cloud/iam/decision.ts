import { fillVariables, matchesPattern, satisfies, type ConditionContext } from './conditions.ts';
import type { PolicyPrincipals, PolicyStatement } from './policy.ts';

/** Who asks, as policies see it. */
export interface Subject {
  /** The role's ARN, where a role asks. */
  readonly roleArn?: string;
  readonly accountId: string;
  /** Such as `events.amazonaws.com`, where a service asks in its own name. */
  readonly service?: string;
  /** What the role's policies say. */
  readonly statements: readonly PolicyStatement[];
}

export interface Request {
  readonly action: string;
  /** Undefined when it is about a role's own trust. */
  readonly resource?: string;
  readonly context: ConditionContext;
  /** What the policy of the resource says. */
  readonly resourceStatements: readonly PolicyStatement[];
}

export type Decision =
  | { readonly allowed: true; readonly by: PolicyStatement }
  | { readonly allowed: false; readonly explicit?: 'identity-based' | 'resource-based' };

/**
 * Judges one call within one account: a Deny anywhere wins, an Allow in the role's policies or in the resource's is enough.
 *
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
 */
export function decide(subject: Subject, request: Request): Decision {
  const own = subject.statements.filter((statement) => applies(statement, request));
  const about = request.resourceStatements.filter(
    (statement) => applies(statement, request) && isAbout(statement, subject),
  );
  if (own.some(({ allow }) => !allow)) return { allowed: false, explicit: 'identity-based' };
  if (about.some(({ allow }) => !allow)) return { allowed: false, explicit: 'resource-based' };
  const by = own.find(({ allow }) => allow) ?? about.find((statement) => statement.allow && names(statement, subject));
  return by === undefined ? { allowed: false } : { allowed: true, by };
}

function applies(statement: PolicyStatement, { action, resource, context }: Request): boolean {
  // Actions know no case, resources do.
  const named = statement.actions.some((pattern) => matchesPattern(action.toLowerCase(), pattern.toLowerCase()));
  if (named === statement.exceptActions) return false;
  if (resource !== undefined && statement.resources !== undefined) {
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
  return namesRole(principals, subject) || principals.aws.some((name) => accountOf(name) === subject.accountId);
}

/** Naming the whole account leaves it to the account's own policies whom to allow. */
function names({ principals }: PolicyStatement, subject: Subject): boolean {
  if (principals === undefined) return false;
  return principals.anybody || subject.service !== undefined || namesRole(principals, subject);
}

function namesRole(principals: PolicyPrincipals, { roleArn }: Subject): boolean {
  return roleArn !== undefined && principals.aws.includes(roleArn);
}
