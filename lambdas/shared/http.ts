import { X509Certificate } from 'node:crypto';
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { Agent, request as startRequest } from 'node:https';
import { createSecureContext, TLSSocket, type SecureContext } from 'node:tls';
import { CredentialError, UnavailableError, type UpstreamError } from './errors.ts';

/** Whom a client trusts in the TLS handshake. `ca`, PEM, stands in for the public authorities. */
export interface ServerTrust {
  readonly ca?: string | undefined;
}

/** What a client shows of itself in the TLS handshake, PEM, and whom it trusts. */
export interface ClientCertificate extends ServerTrust {
  readonly cert: string;
  readonly key: string;
}

export interface HttpRequest {
  readonly method: 'GET' | 'POST';
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Bound of the whole exchange, from the wait for a connection to the last byte. */
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
  /** Called when the request leaves, its connection standing; not at all where it never does. */
  readonly onLeft?: (() => void) | undefined;
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  /** Whether the body was longer than is read, so that its end is missing. */
  readonly truncated: boolean;
}

export type SendRequest = (request: HttpRequest) => Promise<HttpAnswer>;

/** Reading stops after this many bytes: far above any documented answer, far below a function's memory. */
export const MAX_ANSWER_BYTES = 5_000_000;

/** What is kept of an answer that cannot be understood: fits a DynamoDB item beside its other attributes. */
export const MAX_RAW_BYTES = 200_000;

/** An idle connection is closed after this: below the idle time-outs of usual front ends, and longer than two slices. */
export const IDLE_CONNECTION_MS = 55_000;
const MAX_SOCKETS = 64;

/** TLS alerts by which a server refuses a client certificate (RFC 8446, section 6.2; 49 is access_denied). */
const CERTIFICATE_ALERTS = new Map([
  [42, 'bad certificate'],
  [43, 'unsupported certificate'],
  [44, 'certificate revoked'],
  [45, 'certificate expired'],
  [46, 'certificate unknown'],
  [48, 'unknown authority'],
  [49, 'access denied'],
  [116, 'certificate required'],
]);

/**
 * Opens a pool of HTTPS connections, which show a client certificate if one is given. Idle connections close by
 * themselves and keep no process alive, so a pool that is no longer wanted is just dropped.
 *
 * @returns a function that sends one request. Redirects are answers like any other. It throws
 *   CredentialError when the upstream refuses the client certificate,
 *   UnavailableError when there is no complete answer (`unsent` when the request cannot have left),
 *   and the signal's reason when that ends the exchange
 * @throws CredentialError when certificate, key or authority cannot be used
 */
export function connectHttps(tls: ClientCertificate | ServerTrust): SendRequest {
  const agent = new Agent({
    keepAlive: true,
    maxSockets: MAX_SOCKETS,
    timeout: IDLE_CONNECTION_MS,
    secureContext: secureContext(tls),
    // Said aloud, so that no environment variable can switch it off.
    rejectUnauthorized: true,
  });
  const showsCertificate = 'cert' in tls;
  return (request) => exchange(agent, showsCertificate, request);
}

/**
 * Opens a pool for whoever is trusted now, and another one when that has changed.
 *
 * @param trust whom to trust, asked each time
 * @returns a function that gives the pool's own; it throws what `trust` and `connectHttps` throw
 */
export function connectTrusting(trust: () => Promise<ServerTrust>): () => Promise<SendRequest> {
  let connection: { readonly ca: string | undefined; readonly send: SendRequest } | undefined;
  return async () => {
    const { ca } = await trust();
    if (!connection || connection.ca !== ca) connection = { ca, send: connectHttps({ ca }) };
    return connection.send;
  };
}

function secureContext(tls: ClientCertificate | ServerTrust): SecureContext {
  const identity = 'cert' in tls ? { cert: tls.cert, key: tls.key } : {};
  try {
    // The context would take a text that is no certificate, and then trust nobody.
    if (tls.ca !== undefined) new X509Certificate(tls.ca);
    return createSecureContext({ ...identity, ...(tls.ca === undefined ? {} : { ca: tls.ca }) });
  } catch (error) {
    const what =
      'cert' in tls ? 'client certificate, its key or its authority' : "authority of the server's certificate";
    throw new CredentialError(
      'CertificateInvalid',
      `the ${what} cannot be used (${errorCode(error)}): store matching PEM texts`,
    );
  }
}

function exchange(agent: Agent, showsCertificate: boolean, request: HttpRequest): Promise<HttpAnswer> {
  const { method, url, headers, body, timeoutMs, signal, onLeft } = request;
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(signal.reason);
      return;
    }
    // A TLS socket holds back what is written to it until the handshake is complete, so nothing has left before.
    let handshakeDone = false;
    let socket: unknown;
    const outgoing = startRequest(url, {
      agent,
      method,
      headers: { ...headers, ...(body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) }) },
    });

    const settle = (finish: () => void): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', abort);
      finish();
    };
    const fail = (error: unknown): void => {
      settle(() => reject(error));
      outgoing.destroy();
    };
    const lost = (error: unknown): void =>
      fail(transportError(error, url.host, { showsCertificate, handshakeDone, reused: outgoing.reusedSocket, socket }));
    const timer = setTimeout(() => {
      const message = `${url.host} gave no complete answer within ${timeoutMs} ms`;
      fail(new UnavailableError('TimedOut', message, { unsent: !handshakeDone }));
    }, timeoutMs);
    const abort = (): void => fail(signal?.reason);
    signal?.addEventListener('abort', abort, { once: true });

    outgoing.on('socket', (assigned) => {
      socket = assigned;
      const leave = (): void => {
        handshakeDone = true;
        onLeft?.();
      };
      if (outgoing.reusedSocket) leave();
      else assigned.once('secureConnect', leave);
    });
    outgoing.on('error', lost);
    outgoing.on('response', (incoming) => {
      readBody(incoming).then((read) => {
        settle(() => resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, ...read }));
      }, lost);
    });
    outgoing.end(body);
  });
}

async function readBody(incoming: IncomingMessage): Promise<Pick<HttpAnswer, 'body' | 'truncated'>> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  // The stream itself fails when the connection ends before the body does; leaving the loop early closes it.
  for await (const chunk of incoming as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes > MAX_ANSWER_BYTES) break;
  }
  const truncated = bytes > MAX_ANSWER_BYTES;
  // Unlike Buffer's own, this decoder drops a byte order mark.
  return { body: new TextDecoder().decode(Buffer.concat(chunks)), truncated };
}

function transportError(
  error: unknown,
  host: string,
  state: { showsCertificate: boolean; handshakeDone: boolean; reused: boolean; socket: unknown },
): UpstreamError {
  const code = errorCode(error);
  // In TLS 1.3 the alert comes after the client's side of the handshake. While a write is pending its code is EPROTO
  // and only the message holds the number.
  const alert = error instanceof Error ? Number(/SSL alert number (\d+)/u.exec(error.message)?.[1]) : Number.NaN;
  const refusal = CERTIFICATE_ALERTS.get(alert);
  if (refusal) {
    const what = state.showsCertificate ? 'refused the client certificate' : 'asks for a client certificate';
    return new CredentialError('CertificateRefused', `${host} ${what} (${refusal})`);
  }
  if (!state.handshakeDone && state.socket instanceof TLSSocket && Boolean(state.socket.authorizationError)) {
    const message = `the certificate of ${host} is not to be trusted (${code})`;
    return new UnavailableError('UntrustedServer', message, { unsent: true });
  }
  // Some upstreams close a new connection without a word when they do not accept its certificate.
  const hint =
    state.showsCertificate && code === 'ECONNRESET' && !state.reused
      ? '; if it always does, the client certificate may not be accepted'
      : '';
  return state.handshakeDone
    ? new UnavailableError('ConnectionLost', `${host} closed the connection before its answer (${code})${hint}`)
    : new UnavailableError('Unreachable', `no connection to ${host} (${code})${hint}`, { unsent: true });
}

function errorCode(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown error';
  return 'code' in error && typeof error.code === 'string' ? error.code : error.name;
}

/** As much of an unreadable answer as is kept. */
export function boundedRaw(text: string): string {
  const bytes = Buffer.from(text);
  // Cutting through a character leaves a replacement character of three bytes at the end, hence the margin.
  return bytes.length <= MAX_RAW_BYTES ? text : bytes.subarray(0, MAX_RAW_BYTES - 3).toString();
}

/**
 * Encodes one path segment by RFC 3986, section 2: everything but the unreserved characters.
 *
 * @param field what the segment is, for the error
 * @throws RangeError for nothing, `.`, `..` and text that is not well-formed Unicode
 */
export function pathSegment(field: string, value: string): string {
  if (value === '' || value === '.' || value === '..' || !value.isWellFormed()) {
    throw new RangeError(`${field} ${JSON.stringify(value)} cannot be part of a path`);
  }
  return encodeUnreserved(value);
}

/**
 * Encodes one value of a query by RFC 3986, section 2: everything but the unreserved characters, so that a space is
 * `%20` and a comma `%2C`.
 *
 * @param field what the value is, for the error
 * @throws RangeError for nothing and text that is not well-formed Unicode
 */
export function queryValue(field: string, value: string): string {
  if (value === '' || !value.isWellFormed()) {
    throw new RangeError(`${field} ${JSON.stringify(value)} cannot be part of a query`);
  }
  return encodeUnreserved(value);
}

function encodeUnreserved(text: string): string {
  return encodeURIComponent(text).replaceAll(
    /[!'()*]/gu,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}
