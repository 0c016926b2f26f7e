/** An error answer of a service: its code as AWS names it, and its HTTP status. */
export class ServiceError extends Error {
  readonly code: string;
  readonly status: number;

  constructor(code: string, message: string, status = 400) {
    super(message);
    this.name = 'ServiceError';
    this.code = code;
    this.status = status;
  }
}

/** Operations of AWS's JSON protocol that the cloud plays itself, by their `X-Amz-Target`. */
export type Operations = Record<string, (input: Record<string, unknown>) => unknown>;
