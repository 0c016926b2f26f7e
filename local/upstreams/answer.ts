import type { ServerResponse } from 'node:http';
import type { AnswerFault } from './fault-rules.ts';
import type { Outcome } from './request-log.ts';
import { drifted, type DriftDefaults } from './schema-drift.ts';

/** What a fault leaves to the API: which fields drift, and how an error is worded. */
export interface FaultDefaults extends DriftDefaults {
  /** @default `{ message }` */
  errorBody?: (status: number) => unknown;
}

/** An answer before it goes on the wire. */
export interface Answer {
  status: number;
  headers?: Record<string, string>;
  body: unknown;
}

interface Wire {
  response: ServerResponse;
  reset(): void;
}

/** Writes an answer, or what a fault makes of it, and tells what the client got. */
export function sendAnswer(
  wire: Wire,
  answer: Answer,
  fault: AnswerFault | undefined,
  extraHeaders: Record<string, string>,
  defaults: FaultDefaults,
): Outcome {
  const { response } = wire;
  // The client gave up while the answer was under way.
  if (response.destroyed || response.socket?.destroyed) return 'client-closed';
  if (fault?.kind === 'hang') return 'hung';
  if (fault?.kind === 'drop' && fault.when === 'before-answer') {
    wire.reset();
    return 'dropped';
  }

  let { status, body } = answer;
  const headers: Record<string, string> = { 'content-type': 'application/json', ...answer.headers };
  if (fault?.kind === 'status') {
    status = fault.code;
    body = fault.body ?? defaults.errorBody?.(status) ?? { message: `Simulated ${status}` };
    Object.assign(headers, fault.headers);
  }
  if (fault?.kind === 'drift') body = drifted(body, fault, defaults);
  Object.assign(headers, extraHeaders);

  const bytes = Buffer.from(serialize(body, fault));
  response.writeHead(status, { ...headers, 'content-length': bytes.length });
  if (fault?.kind === 'drop') {
    // The promised length never arrives. No reset here: it could overtake the half that was sent.
    response.write(bytes.subarray(0, Math.floor(bytes.length / 2)), () => response.destroy());
    return 'dropped';
  }
  response.end(bytes);
  return status;
}

function serialize(body: unknown, fault: AnswerFault | undefined): string {
  if (fault?.kind === 'status' && typeof body === 'string') return body;
  const text = JSON.stringify(body);
  if (fault?.kind !== 'malformed') return text;
  return fault.how === 'truncated' ? text.slice(0, Math.ceil(text.length / 2)) : '<html>502 Bad Gateway</html>';
}
