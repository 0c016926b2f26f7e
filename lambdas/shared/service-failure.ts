const CONTENTION = ['TransactionConflict', 'ThrottlingError', 'ProvisionedThroughputExceeded'];

/**
 * Whether an error is a passing failure of one of AWS's services: throttling, a conflict, a time-out, a 5xx, a connection
 * that failed, or a transaction that was cancelled by nothing but others' writes. Whether the call had its effect is not
 * known then.
 */
export function isServiceFailure(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  // A connection that failed has a code, and no name of its own.
  const { $metadata, code } = error as { $metadata?: { httpStatusCode?: number }; code?: unknown };
  return (
    ($metadata?.httpStatusCode ?? 0) >= 500 ||
    isContention(error) ||
    ('$retryable' in error && error.$retryable !== undefined) ||
    /^(?:Throttl|ProvisionedThroughput|RequestLimit|Transaction(?:Conflict|InProgress)|TimeoutError|Networking|UnprocessedKeys)/u.test(
      error.name,
    ) ||
    /^(?:ECONN|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|ETIMEDOUT|EPIPE)/u.test(String(code))
  );
}

function isContention(error: Error): boolean {
  const { CancellationReasons = [] } = error as { CancellationReasons?: readonly { readonly Code?: string }[] };
  const codes = CancellationReasons.map(({ Code }) => Code ?? '');
  return !codes.includes('ConditionalCheckFailed') && codes.some((code) => CONTENTION.includes(code));
}
