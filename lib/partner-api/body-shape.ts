import type { JsonSchema } from './api-document.ts';

/**
 * The shape that a JSON Schema asks for, in the words of draft 4, which are all that API Gateway's models know: types,
 * fields, and which of them have to be there.
 *
 * What a schema says about values (bounds, patterns, formats, words) is left to the functions, which hold every body to
 * the same schema: API Gateway names neither the field nor the rule. So whatever fits the schema fits its shape.
 *
 * @param schemas what `$ref` may refer to
 * @throws Error for a reference that leads nowhere
 */
export function bodyShape(schema: JsonSchema, schemas: ReadonlyMap<string, JsonSchema>): JsonSchema {
  const { $ref: reference, type, properties, required, additionalProperties, items, anyOf, oneOf, allOf } = schema;
  if (typeof reference === 'string') {
    const target = schemas.get(reference);
    if (target === undefined) throw new Error(`the API document has no ${reference}`);
    return bodyShape(target, schemas);
  }
  const inner = (value: unknown): unknown =>
    typeof value === 'object' && value !== null ? bodyShape(value as JsonSchema, schemas) : value;
  const list = (values: unknown): unknown[] | undefined => (Array.isArray(values) ? values.map(inner) : undefined);
  const parts = list(allOf)?.filter(saysSomething);
  // Branches that differ in values only have one shape, and a value that has it would be of more than one of them.
  const branches = list(anyOf) ?? list(oneOf);
  const shape = {
    type,
    properties:
      properties === undefined
        ? undefined
        : Object.fromEntries(Object.entries(properties as object).map(([name, value]) => [name, inner(value)])),
    // Draft 4 knows no empty list of them.
    required: Array.isArray(required) && required.length > 0 ? (required as unknown[]) : undefined,
    additionalProperties: inner(additionalProperties),
    items: inner(items),
    anyOf: branches?.every(saysSomething) === true ? branches : undefined,
    allOf: parts?.length === 0 ? undefined : parts,
  };
  return Object.fromEntries(Object.entries(shape).filter(([, value]) => value !== undefined));
}

const saysSomething = (shape: unknown): boolean => Object.keys(shape as object).length > 0;
