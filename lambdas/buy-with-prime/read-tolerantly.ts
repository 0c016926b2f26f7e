import type * as z from 'zod/mini';
import { boundedDrift } from '../shared/drift.ts';
import { firstOf } from './answer-fields.ts';

export interface ToleratedAnswer<Value> {
  /** Undefined where something is wrong that the schema cannot do without. */
  readonly value: Value | undefined;
  /** Places that are not as the documents say, such as `offers.edges[].node.id`; see `boundedDrift`. */
  readonly drift: readonly string[];
}

/**
 * Reads an answer as far as it can be read. A value of a wrong type becomes null; where it must not be null, what holds it
 * does, and so on outwards: as GraphQL treats a field that failed (GraphQL specification, "Handling Execution Errors").
 *
 * @param answer a JSON value; what is wrong in it is replaced by null
 */
export function readTolerantly<Value>(schema: z.ZodMiniType<Value>, answer: unknown): ToleratedAnswer<Value> {
  const drift = new Set<string>();
  const root = { answer };
  // What a round makes null was not null before, and lies outside of what the round before it did: there are no more
  // rounds than the schema is deep.
  for (;;) {
    const result = schema.safeParse(root.answer);
    if (result.success) return { value: result.data, drift: boundedDrift(drift) };
    if (root.answer == null) return { value: undefined, drift: boundedDrift(drift) };
    const { issues } = result.error;
    for (const { path } of issues) drift.add(placeOf(path));
    // All are looked up before the first is made null: what another one has made null is not missing.
    const wrong = issues.map(({ path }) => lastOn(['answer', ...path], root));
    for (const place of wrong) if (place !== undefined) place.holder[place.key] = null;
  }
}

type Holder = Record<PropertyKey, unknown>;

/**
 * Follows a path of the schema, which takes one thing for a list, the first of a list for one thing, and a value for
 * `{value}`, to the last value on it that is something.
 */
function lastOn(path: readonly PropertyKey[], root: Holder): { holder: Holder; key: PropertyKey } | undefined {
  let last: { holder: Holder; key: PropertyKey } | undefined;
  let value: unknown = root;
  for (const key of path) {
    if (typeof key === 'number' && !Array.isArray(value)) continue;
    const holder = typeof key === 'number' ? value : firstOf(value);
    if (!isHolder(holder) || holder[key] == null) break;
    last = { holder, key };
    value = holder[key];
  }
  return last;
}

function isHolder(value: unknown): value is Holder {
  return typeof value === 'object' && value !== null;
}

function placeOf(path: readonly PropertyKey[]): string {
  const place = path.map((key) => (typeof key === 'number' ? '[]' : `.${String(key)}`)).join('');
  return place.replace(/^\./u, '') || 'data';
}
