import * as z from 'zod';

/** Settings that cannot be used. The message is complete and meant for the operator; a stack trace adds nothing. */
export class SettingsError extends Error {
  override readonly name = 'SettingsError';
}

/** A value that replaces one of the stage file, and where it came from. */
export interface Override {
  readonly path: readonly string[];
  readonly value: string;
  /** Named in an error message, such as `context offerStatus.baseUrl`. */
  readonly source: string;
}

/** What an issue is about: the part of a zod issue that is shown. */
export interface Issue {
  readonly code?: string | undefined;
  readonly path: readonly PropertyKey[];
  readonly message: string;
  readonly keys?: readonly string[];
  /** What is wrong with the name, where a name of the author's own is wrong. */
  readonly issues?: readonly Issue[];
}

export interface IssueContext {
  readonly file: string;
  readonly content: unknown;
  readonly overrides: readonly Override[];
  readonly schema: z.ZodType;
}

/** One error for all issues; for each: where it stands, the field, its value and what is allowed. */
export function describeIssues(issues: readonly Issue[], context: IssueContext): SettingsError {
  const lines = issues.flatMap((issue) =>
    issue.code === 'unrecognized_keys'
      ? (issue.keys ?? []).map((key) => describeUnknownField([...issue.path, key], context))
      : [describeIssue(issue, context)],
  );
  const count = lines.length === 1 ? 'one problem' : `${lines.length} problems`;
  return new SettingsError([`The settings have ${count}:`, ...lines.map((line) => `  - ${line}`)].join('\n'));
}

function describeIssue(issue: Issue, context: IssueContext): string {
  const name = issue.code === 'invalid_key' ? issue.issues?.[0] : undefined;
  if (name !== undefined) return `${place(issue.path, context)} has a wrong name; ${ruleOf(name)}`;
  const value = valueAt(context.content, issue.path);
  const shown = value === undefined ? 'is missing' : `is ${shorten(withoutPasswords(JSON.stringify(value)))}`;
  return `${place(issue.path, context)} ${shown}; ${ruleOf(issue)}`;
}

const ruleOf = ({ message }: Issue): string =>
  message.replace(/^Invalid (?:input|option|string): /, '').replace(/^Invalid discriminator value\. E/, 'e');

function describeUnknownField(path: readonly PropertyKey[], context: IssueContext): string {
  const known = fieldsAt(z.toJSONSchema(context.schema, { io: 'input' }), context.content, path.slice(0, -1));
  const near = nearest(String(path.at(-1)), known);
  const value = shorten(withoutPasswords(JSON.stringify(valueAt(context.content, path))));
  const hint = near === undefined ? '' : ` Did you mean "${near}"?`;
  return `${place(path, context)} (${value}) is no known field;${hint} Known here: ${known.join(', ')}.`;
}

function place(path: readonly PropertyKey[], { file, overrides }: IssueContext): string {
  const field = path.map(String).join('.') || '(the whole file)';
  const override = overrides.findLast((candidate) => candidate.path.join('.') === field);
  return override === undefined ? `${file}: ${field}` : `${override.source}: ${field}`;
}

function valueAt(content: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (value, key) => (typeof value === 'object' && value !== null ? Reflect.get(value, key) : undefined),
    content,
  );
}

/** User names and passwords of URLs, which would stand in every log of a build. */
const withoutPasswords = (text: string): string => text.replace(/(https?:\/*)[^\s"/?#\\]*@/giu, '$1…@');

const shorten = (text: string): string => (text.length > 120 ? `${text.slice(0, 117)}...` : text);

type JsonSchema = z.core.JSONSchema.BaseSchema;

/** Names of the fields that the schema knows at a path of the content. */
function fieldsAt(schema: JsonSchema, content: unknown, path: readonly PropertyKey[]): string[] {
  const target = path.reduce<JsonSchema | undefined>((inner, key, index) => {
    const next = inner?.properties?.[String(key)] ?? inner?.additionalProperties ?? inner?.items;
    if (typeof next !== 'object' || Array.isArray(next)) return undefined;
    return branchOf(next, valueAt(content, path.slice(0, index + 1)));
  }, schema);
  return Object.keys(target?.properties ?? {}).filter((name) => !name.startsWith('$'));
}

/** Of a union, the branch whose fixed words (its `kind`) are those of the value. */
function branchOf(schema: JsonSchema, value: unknown): JsonSchema | undefined {
  const branches = schema.oneOf ?? schema.anyOf;
  return branches === undefined
    ? schema
    : branches.find(({ properties = {} }) =>
        Object.entries(properties as Record<string, JsonSchema>).every(
          ([name, { const: word }]) => word === undefined || valueAt(value, [name]) === word,
        ),
      );
}

/** The candidate with the fewest edits to `word`, if those are few enough for a slip of the keyboard. */
export function nearest(word: string, candidates: readonly string[]): string | undefined {
  const ranked = candidates
    .map((candidate) => ({ candidate, edits: editDistance(word.toLowerCase(), candidate.toLowerCase()) }))
    .sort((a, b) => a.edits - b.edits);
  const best = ranked[0];
  return best !== undefined && best.edits <= Math.max(2, Math.floor(best.candidate.length / 3))
    ? best.candidate
    : undefined;
}

/** Levenshtein distance. */
function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i += 1) {
    const current = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const substitution = (previous[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      current.push(Math.min(substitution, (previous[j] ?? 0) + 1, (current[j - 1] ?? 0) + 1));
    }
    previous = current;
  }
  return previous[b.length] ?? 0;
}
