import type { PolicyCondition } from './policy.ts';

/** Values of the condition keys of one call, by key in lower case; a key that the call does not have is absent. */
export type ConditionContext = Readonly<Record<string, string | undefined>>;

/** Keys that the local cloud knows the values of. A policy that asks for another cannot be judged here. */
export const CONDITION_KEYS: ReadonlySet<string> = new Set([
  'aws:principalaccount',
  'aws:principalarn',
  'aws:requestedregion',
  'aws:securetransport',
  'aws:sourceaccount',
  'aws:sourcearn',
  'events:creatoraccount',
  // No call has it here: functions have no URLs, so what is allowed by way of them only is not allowed.
  'lambda:invokedviafunctionurl',
  'sts:externalid',
]);

type Test = (actual: string, wanted: string) => boolean;

const equals: Test = (actual, wanted) => actual === wanted;
const like: Test = (actual, wanted) => matchesPattern(actual, wanted);
/** Each of an ARN's first five parts is matched by itself, so that a star does not reach over a colon. */
const arnLike: Test = (actual, wanted) => {
  const [parts, patterns] = [arnParts(actual), arnParts(wanted)];
  return parts.length === patterns.length && parts.every((part, index) => matchesPattern(part, patterns[index]!));
};

const POSITIVE: Readonly<Record<string, Test>> = {
  StringEquals: equals,
  StringEqualsIgnoreCase: (actual, wanted) => actual.toLowerCase() === wanted.toLowerCase(),
  StringLike: like,
  ArnEquals: arnLike,
  ArnLike: arnLike,
  Bool: (actual, wanted) => actual.toLowerCase() === wanted.toLowerCase(),
};
const NEGATIVE: Readonly<Record<string, Test>> = {
  StringNotEquals: equals,
  StringNotEqualsIgnoreCase: (actual, wanted) => actual.toLowerCase() === wanted.toLowerCase(),
  StringNotLike: like,
  ArnNotEquals: arnLike,
  ArnNotLike: arnLike,
};

/** The operators that can be judged here, without `IfExists`. */
export const CONDITION_OPERATORS: ReadonlySet<string> = new Set([
  ...Object.keys(POSITIVE),
  ...Object.keys(NEGATIVE),
  'Null',
]);

/**
 * Whether a call satisfies a condition.
 *
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
 */
export function satisfies({ operator, key, values }: PolicyCondition, context: ConditionContext): boolean {
  const actual = context[key];
  if (operator === 'Null') return values.includes(String(actual === undefined));
  const bare = operator.replace(/IfExists$/, '');
  const negative = NEGATIVE[bare];
  // A missing key satisfies a negated operator, and any with IfExists.
  if (actual === undefined) return negative !== undefined || bare !== operator;
  const wanted = values.map((value) => fillVariables(value, context));
  if (negative) return wanted.every((value) => value === undefined || !negative(actual, value));
  return wanted.some((value) => value !== undefined && POSITIVE[bare]!(actual, value));
}

/** Puts the call's values in place of `${key}`; nothing, where the call does not have one. */
export function fillVariables(text: string, context: ConditionContext): string | undefined {
  let known = true;
  const filled = text.replace(/\$\{([^}]+)\}/g, (_, name: string) => {
    if (name === '*' || name === '?' || name === '$') return name;
    const value = context[name.toLowerCase()];
    known &&= value !== undefined;
    return value ?? '';
  });
  return known ? filled : undefined;
}

function arnParts(arn: string): string[] {
  const parts = arn.split(':');
  return [...parts.slice(0, 5), parts.slice(5).join(':')];
}

const patterns = new Map<string, RegExp>();

/** `*` is any text, `?` any character. */
export function matchesPattern(text: string, pattern: string): boolean {
  if (!/[*?]/.test(pattern)) return text === pattern;
  let expression = patterns.get(pattern);
  if (!expression) {
    const source = pattern
      .replace(/[.+^${}()|[\]\\]/g, '\\$&')
      .replaceAll('*', '.*')
      .replaceAll('?', '.');
    expression = new RegExp(`^${source}$`, 's');
    patterns.set(pattern, expression);
  }
  return expression.test(text);
}
