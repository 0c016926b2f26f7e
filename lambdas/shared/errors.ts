/**
 * One small tree of errors that upstream clients throw and boundaries map once. Messages never hold a credential, a
 * token, an offer code or personal data.
 */
export abstract class UpstreamError extends Error {
  /** Stable code for metrics, dead letters and problem notes, such as `Throttled`. */
  readonly code: string;
  /** HTTP status of the answer, or undefined when there was none. */
  readonly status: number | undefined;
  /** Whether the same request may succeed later. */
  abstract readonly retryable: boolean;

  constructor(code: string, message: string, details: { status?: number | undefined; cause?: unknown } = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = new.target.name;
    this.code = code;
    this.status = details.status;
  }
}

/** 429: the token bucket is empty. */
export class ThrottledError extends UpstreamError {
  readonly retryable = true;
  /** For how long the upstream wants to be left alone, where that is known. */
  readonly retryAfterMs: number | undefined;
  constructor(message: string, details: { status?: number; retryAfterMs?: number | undefined } = {}) {
    super('Throttled', message, details);
    this.retryAfterMs = details.retryAfterMs;
  }
}

/** 5xx, time-out, dropped connection: the upstream could not answer now. */
export class UnavailableError extends UpstreamError {
  readonly retryable = true;
  /** True only when the request provably never left, so that a repeat costs the upstream nothing. */
  readonly unsent: boolean;
  constructor(code: string, message: string, details: { status?: number; unsent?: boolean; cause?: unknown } = {}) {
    super(code, message, details);
    this.unsent = details.unsent ?? false;
  }
}

/** The upstream understood the request and refuses it: the same request will be refused again. */
export class RejectedError extends UpstreamError {
  readonly retryable = false;
  /** The upstream's own words, without ours around them; empty where it said nothing. */
  readonly said: string;
  constructor(code: string, message: string, details: { status?: number | undefined; said?: string } = {}) {
    super(code, message, details);
    this.said = details.said ?? '';
  }
}

/** 401, 403, a refused client certificate, or a secret that is missing or malformed: nothing of this account can work. */
export class CredentialError extends UpstreamError {
  readonly retryable = true;
}

/** The upstream does not know the thing that was asked for. */
export class UnknownThingError extends UpstreamError {
  readonly retryable = false;
}

/** An answer that cannot be understood. `raw` is kept for quarantine and holds no secret: it is what the upstream sent. */
export class UnreadableAnswerError extends UpstreamError {
  readonly retryable = true;
  readonly raw: string;
  /** Fingerprint of what was wrong, equal for equal shapes, so that one shape is quarantined once per watch. */
  readonly shape: string;
  constructor(message: string, details: { status?: number; raw: string; shape: string }) {
    super('UnreadableAnswer', message, details);
    this.raw = details.raw;
    this.shape = details.shape;
  }
}
