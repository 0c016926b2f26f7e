import type * as z from 'zod/mini';

/**
 * What is wrong with a request, in a sentence that names each place and its rule, and never repeats a value: values may be
 * offer codes or tokens.
 *
 * @param value what was parsed
 * @param noun what a name at its top is, such as `query parameter`
 */
export function describeIssues(issues: readonly z.core.$ZodIssue[], value: unknown, noun: string): string {
  return issues
    .flatMap((issue) =>
      issue.code === 'unrecognized_keys'
        ? issue.keys.map((key) => `${place([...issue.path, nameOf(key)], noun)} is not known here`)
        : [`${place(issue.path, noun)} ${rule(issue, valueAt(value, issue.path))}`],
    )
    .join('; ');
}

/** A name that the sender made up is repeated only where it can be no value that slipped in its place. */
export function nameOf(key: string): string {
  return /^[A-Za-z][A-Za-z_-]{0,39}$/u.test(key) ? key : '(a name of its own)';
}

function place(path: readonly PropertyKey[], noun: string): string {
  return path.length === 0 ? 'the body' : `${noun} ${path.map(String).join('.')}`;
}

function rule(issue: z.core.$ZodIssue, value: unknown): string {
  if (value === undefined) return 'is missing';
  switch (issue.code) {
    case 'invalid_type':
      return `must be of type ${issue.expected === 'int' ? 'integer' : issue.expected}`;
    case 'too_small':
      return hasWords(issue)
        ? issue.message
        : `must be ${issue.inclusive === false ? 'above' : 'at least'} ${String(issue.minimum)}${unitOf(issue.origin)}`;
    case 'too_big':
      return hasWords(issue)
        ? issue.message
        : `must be ${issue.inclusive === false ? 'below' : 'at most'} ${String(issue.maximum)}${unitOf(issue.origin)}`;
    case 'invalid_value':
      return hasWords(issue) ? issue.message : `must be one of ${issue.values.map(String).join(', ')}`;
    default:
      return hasWords(issue) ? issue.message : 'is not valid';
  }
}

/** zod/mini has no messages of its own: what is not given is this. */
function hasWords({ message }: z.core.$ZodIssue): boolean {
  return message !== 'Invalid input';
}

function unitOf(origin: string): string {
  return { string: ' characters long', array: ' long' }[origin] ?? '';
}

function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (inner, key) =>
      typeof inner === 'object' && inner !== null ? (inner as Record<PropertyKey, unknown>)[key] : undefined,
    value,
  );
}
