import * as fc from 'fast-check';
import { secretsIn } from '../pipeline/secret-scan.ts';
import type { ApiAnswer, ApiContract } from './api-contract.ts';
import { signPush } from './push-signature.ts';
import { type GeneratedRequest, type GeneratorOptions, requestsOf } from './request-generator.ts';

/** Errors that are a fault of ours, whatever was asked: no request and no upstream may cause them. */
const FAULTS = ['INTERNAL_ERROR', 'GATEWAY_FAILURE', 'GATEWAY_TIMEOUT', 'STORAGE_UNAVAILABLE'];
/** What keeps a request out before its operation is reached: whatever is right about it was in vain then. */
const SHUT_OUT = [
  'MISSING_AUTHENTICATION',
  'INVALID_SIGNATURE',
  'EXPIRED_CREDENTIALS',
  'ACCESS_DENIED',
  'API_KEY_REFUSED',
  'NOT_A_PARTNER',
  'API_KEY_OF_ANOTHER',
  'UNSUPPORTED_MEDIA_TYPE',
  'THROTTLED',
  'QUOTA_EXCEEDED',
];

/** What is answered to a call of the push integration whose signature is wrong, by the gateway or the function. */
const NOT_LET_IN = [
  'MISSING_AUTHENTICATION',
  'REQUEST_REFUSED',
  'THROTTLED',
  'INVALID_REQUEST',
  'UNSUPPORTED_MEDIA_TYPE',
  'NOT_FOUND',
  'PUSH_SIGNATURE_REFUSED',
];

export interface FuzzOptions extends GeneratorOptions {
  readonly contract: ApiContract;
  readonly send: (request: GeneratedRequest) => Promise<ApiAnswer>;
  readonly requests: number;
  /** The same seed makes the same requests. */
  readonly seed: number;
  /** Keys of the push integration, by partner. @default calls of the push integration are signed by a stranger */
  readonly pushKeys?: Readonly<Record<string, string>>;
  /** Requests that are under way at the same time. @default 1 */
  readonly concurrency?: number;
  /** Operations to ask. @default all */
  readonly only?: (operationId: string) => boolean;
  /** Whether what the document allows has to be understood, so that INVALID_REQUEST is a finding. @default false */
  readonly isComplete?: boolean;
}

export interface FuzzFinding {
  readonly operationId: string;
  /** Which of the seed's requests it was, from 0. */
  readonly nth: number;
  readonly problem: string;
}

export interface FuzzReport {
  /** Answers by status. */
  readonly statuses: Readonly<Record<number, number>>;
  /** Answers of 5xx by code. */
  readonly failures: Readonly<Record<string, number>>;
  /** How many requests of each operation got a success. */
  readonly successes: Readonly<Record<string, number>>;
  readonly findings: readonly FuzzFinding[];
}

/**
 * Sends generated requests and judges every answer: its status, headers and body are as the document has them for this
 * operation, it is no fault of ours, what is flawed is not accepted, what is not is let in, what Amazon would not
 * have signed is kept out, and no secret of the request comes back.
 */
export async function fuzzApi(options: FuzzOptions): Promise<FuzzReport> {
  const { contract, send, requests, seed, concurrency = 1, only = () => true, pushKeys = {} } = options;
  const operations = contract.operations.filter(({ operationId }) => only(operationId));
  const samples = fc.sample(requestsOf(operations, options), { numRuns: requests, seed });
  const statuses: Record<number, number> = {};
  const successes: Record<string, number> = Object.fromEntries(operations.map(({ operationId }) => [operationId, 0]));
  const findings: FuzzFinding[] = [];
  const failures: Record<string, number> = {};
  const queue = samples.entries();
  await Promise.all(
    Array.from({ length: concurrency }, async () => {
      for (const [nth, generated] of queue) {
        const { operationId } = generated.operation;
        const { request, isSigned } = signPush(generated, pushKeys, Date.now());
        const answer = await send(request);
        statuses[answer.status] = (statuses[answer.status] ?? 0) + 1;
        if (answer.status >= 500) {
          const code = codeOf(answer) ?? 'none';
          failures[code] = (failures[code] ?? 0) + 1;
        }
        if (answer.status < 400) successes[operationId]! += 1;
        const problems = [...problemsOf(request, answer, options), ...signatureProblems(isSigned, answer)];
        findings.push(...problems.map((problem) => ({ operationId, nth, problem })));
      }
    }),
  );
  return { statuses, failures, successes, findings };
}

function problemsOf(request: GeneratedRequest, answer: ApiAnswer, { isComplete = false }: FuzzOptions): string[] {
  const { operation, flaw, secrets } = request;
  const problems = operation.violations(answer);
  const code = codeOf(answer);
  if (FAULTS.includes(code ?? '')) problems.push(`${answer.status} ${code} is a fault of ours`);
  if (answer.status >= 500 && code === undefined) problems.push(`${answer.status} without a code`);
  if (flaw !== undefined && answer.status < 400) problems.push(`${answer.status} although it is flawed: ${flaw}`);
  if (flaw === undefined && SHUT_OUT.includes(code ?? '')) problems.push(`not let in although it is allowed: ${code}`);
  if (isComplete && flaw === undefined && code === 'INVALID_REQUEST') problems.push('refused although it is allowed');
  const needles = secrets.map((value, index) => ({ name: `secret ${index + 1} of the request`, value }));
  const given = [answer.body, ...Object.values(answer.headers)].join('\n');
  problems.push(...secretsIn(given, needles).map(({ needle, form }) => `the answer repeats ${needle} (${form})`));
  return problems;
}

function signatureProblems(isSigned: boolean | undefined, answer: ApiAnswer): string[] {
  const code = codeOf(answer);
  if (isSigned === true && code === 'PUSH_SIGNATURE_REFUSED') return ['not let in although it is signed right'];
  if (isSigned === false && !NOT_LET_IN.includes(code ?? ''))
    return [`let in although it is not signed right: ${code ?? answer.status}`];
  return [];
}

function codeOf({ body }: ApiAnswer): string | undefined {
  try {
    return (JSON.parse(body) as { error?: { code?: string } } | null)?.error?.code;
  } catch {
    return undefined;
  }
}
