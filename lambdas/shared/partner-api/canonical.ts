/**
 * The same value with the fields of every object in one order. The table keeps no order within a map, and gives it back in
 * another one each time: without this, equal states would have different texts and therefore different ETags.
 */
export function canonical<Value>(value: Value): Value {
  if (Array.isArray(value)) return value.map(canonical) as Value;
  if (typeof value !== 'object' || value === null) return value;
  const fields = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(fields.map(([name, field]) => [name, canonical<unknown>(field)])) as Value;
}
