/**
 * Which items of a batch a function has reported as failed. Lambda takes anything it cannot understand for the failure of
 * the whole batch. https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
 */
export function failedItems(response: unknown, identifiers: ReadonlySet<string>): Set<string> {
  const everything = () => new Set(identifiers);
  if (response === null || response === undefined) return new Set();
  if (typeof response !== 'object' || Array.isArray(response)) return everything();
  const failures = (response as { batchItemFailures?: unknown }).batchItemFailures;
  if (failures === null || failures === undefined) return new Set();
  if (!Array.isArray(failures)) return everything();
  const failed = new Set<string>();
  for (const failure of failures as unknown[]) {
    const identifier = (failure as { itemIdentifier?: unknown } | null)?.itemIdentifier;
    if (typeof identifier !== 'string' || !identifiers.has(identifier)) return everything();
    failed.add(identifier);
  }
  return failed;
}
