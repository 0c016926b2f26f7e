/** What a function's failure looks like to its caller, as Lambda reports it. */
export interface InvocationError {
  errorType: string;
  errorMessage: string;
  trace?: string[];
}

export type InvocationResult =
  { outcome: 'success'; payload: unknown } | { outcome: 'error' | 'timeout'; error: InvocationError };

export interface InvocationInfo {
  functionId: string;
  /** What the function was given. */
  event: unknown;
  /** When the handler was called, epoch milliseconds. */
  startedAt: number;
  durationMs: number;
  outcome: InvocationResult['outcome'];
  coldStart: boolean;
  /** What the function gave back, where it succeeded. */
  payload?: unknown;
  error?: InvocationError;
}

/** What an environment's thread is given when it starts. */
export interface EnvironmentData {
  codeDirectory: string;
  handler: string;
  functionName: string;
  functionArn: string;
  memoryMb: number;
  logGroup: string;
  logStream: string;
  logFormat: 'Text' | 'JSON';
  /** Cell 0: 0 while the environment is frozen, 1 when there is an invocation to run. */
  gate: SharedArrayBuffer;
}

/** One invocation, from the cloud to the environment's thread. The event travels as JSON, as it does in Lambda. */
export interface InvocationMessage {
  requestId: string;
  eventJson: string;
  deadlineMs: number;
  traceId: string;
}

/** From the environment's thread to the cloud. */
export type EnvironmentMessage =
  | { kind: 'log'; text: string }
  | { kind: 'ready' }
  | { kind: 'result'; json: string | undefined; memoryUsedMb: number }
  | { kind: 'error'; error: InvocationError; memoryUsedMb: number }
  /** The environment ends itself after this one. */
  | { kind: 'crash'; error: InvocationError };
