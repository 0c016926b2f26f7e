/**
 * A client of the partner API, whole: it signs with @smithy/signature-v4, repeats what may be repeated, and decides by
 * codes. Node 24 runs it as it is:
 *
 *   node docs/examples/partner-client.ts verify EXAMPLE_BENEFIT <code>
 *   node docs/examples/partner-client.ts redeem EXAMPLE_BENEFIT <code> <Idempotency-Key>
 *   node docs/examples/partner-client.ts fulfil <player>                 (and PLAYER_TOKEN)
 *   node docs/examples/partner-client.ts status example-studios ES_MOV_000002
 *   node docs/examples/partner-client.ts history example-studios ES_MOV_000002
 *
 * It reads URL, API_KEY, AWS_REGION, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN.
 */
import { createHash, createHmac } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { SignatureV4 } from '@smithy/signature-v4';

const MOST_TRIES = 4;
/** Errors of status 409 and 429 that a repeat within seconds may get past. Others of them are answers. */
const PASSING = ['REQUEST_IN_PROGRESS', 'THROTTLED', 'TOO_MANY_INVALID_CODES'];

/** What the signer hashes with. */
class Sha256 {
  readonly #hash;
  constructor(secret?: string | ArrayBuffer | ArrayBufferView) {
    this.#hash = secret === undefined ? createHash('sha256') : createHmac('sha256', bytesOf(secret));
  }
  update(data: string | ArrayBuffer | ArrayBufferView): void {
    this.#hash.update(bytesOf(data));
  }
  digest(): Promise<Uint8Array> {
    return Promise.resolve(this.#hash.digest());
  }
  reset(): void {
    throw new Error('each hash is used once');
  }
}

function bytesOf(data: string | ArrayBuffer | ArrayBufferView): Buffer {
  if (typeof data === 'string') return Buffer.from(data);
  return ArrayBuffer.isView(data) ? Buffer.from(data.buffer, data.byteOffset, data.byteLength) : Buffer.from(data);
}

function variable(name: string): string {
  const value = process.env[name];
  if (value === undefined || value === '') throw new Error(`${name} is not set`);
  return value;
}

const base = new URL(variable('URL'));
const apiKey = variable('API_KEY');
const signer = new SignatureV4({
  service: 'execute-api',
  region: variable('AWS_REGION'),
  credentials: {
    accessKeyId: variable('AWS_ACCESS_KEY_ID'),
    secretAccessKey: variable('AWS_SECRET_ACCESS_KEY'),
    sessionToken: variable('AWS_SESSION_TOKEN'),
  },
  sha256: Sha256,
});

/** encodeURIComponent leaves five characters that RFC 3986 reserves. */
function encodeSegment(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
}

interface Call {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** Below /v1, not encoded. */
  readonly path: readonly string[];
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** The body of the answer; throws an error that names its code where there is none. */
async function call({ method, path, query = {}, body, headers = {} }: Call): Promise<unknown> {
  const text = body === undefined ? undefined : JSON.stringify(body);
  const place = `${base.pathname.replace(/\/$/, '')}/v1/${path.map(encodeSegment).join('/')}`;
  for (let attempt = 1; ; attempt += 1) {
    // Signed anew each time: a signature is good for five minutes only.
    const signed = await signer.sign({
      method,
      protocol: base.protocol,
      hostname: base.hostname,
      path: place,
      query,
      headers: {
        ...headers,
        host: base.host,
        'x-api-key': apiKey,
        ...(text !== undefined && { 'content-type': 'application/json' }),
      },
      ...(text !== undefined && { body: text }),
    });
    const search = Object.entries(query).map(([name, value]) => `${encodeSegment(name)}=${encodeSegment(value)}`);
    const url = base.origin + place + (search.length === 0 ? '' : `?${search.join('&')}`);
    const { host: _, ...sent } = signed.headers;
    const answer = await send(url, { method, headers: sent, ...(text !== undefined && { body: text }) });
    if (answer.ok) return answer.text === '' ? undefined : JSON.parse(answer.text);
    // What may have taken place is repeated under its key, until it is known.
    const isRedemption = 'idempotency-key' in headers && answer.status >= 500;
    const mayRepeat = [0, 500, 503, 504].includes(answer.status) || PASSING.includes(answer.code ?? '');
    if (!(mayRepeat || isRedemption) || attempt === MOST_TRIES) throw new Error(answer.text);
    const seconds = answer.retryAfter ?? 2 ** (attempt - 1);
    await sleep(seconds * 1000 * (1 + Math.random() / 4));
  }
}

interface Answer {
  readonly ok: boolean;
  /** 0 where there was none. */
  readonly status: number;
  /** The body; of an error, what is worth telling. */
  readonly text: string;
  readonly code?: string;
  readonly retryAfter?: number;
}

async function send(url: string, request: RequestInit): Promise<Answer> {
  let response;
  let text;
  try {
    response = await fetch(url, request);
    text = await response.text();
  } catch (error) {
    return { ok: false, status: 0, text: `no answer: ${String(error)}` };
  }
  const { ok, status } = response;
  if (ok) return { ok, status, text };
  const { code, message, requestId } = errorIn(text);
  const after = response.headers.get('retry-after');
  return {
    ...{ ok, status, code, text: `${status} ${code}: ${message} (request ${requestId})` },
    ...(after !== null && { retryAfter: Number(after) }),
  };
}

/** What does not come from the API, such as the answer of another address, has another shape. */
function errorIn(text: string): { code: string; message: string; requestId: string } {
  try {
    const { error } = JSON.parse(text) as { error?: { code: string; message: string; requestId: string } };
    if (error !== undefined) return error;
  } catch {
    // It is told as it is.
  }
  return { code: 'no answer of the API', message: text.slice(0, 200), requestId: 'unknown' };
}

async function main([command, first = '', second = '', key = '']: string[]): Promise<void> {
  switch (command) {
    case 'verify':
      return print(await call({ method: 'GET', path: ['benefits', first, 'offer-codes', second, 'verify'] }));
    case 'redeem':
      if (key === '') throw new Error('redeem needs an Idempotency-Key: keep it with the purchase, for every repeat');
      return print(
        await call({
          method: 'POST',
          path: ['benefits', first, 'offer-codes', second, 'redeem'],
          headers: { 'idempotency-key': key },
          body: {},
        }),
      );
    case 'fulfil': {
      const path = ['players', first, 'entitlements', 'fulfil'];
      const headers = { 'x-amz-access-token': variable('PLAYER_TOKEN') };
      for (let visit = 1; ; visit += 1) {
        const answer = await call({ method: 'POST', path, headers });
        const { entitlements, complete } = answer as { entitlements: unknown[]; complete: boolean };
        entitlements.forEach(print);
        // What is left waits for the player's next visit: nothing is lost, and nothing is given twice.
        if (complete || visit === MOST_TRIES) return;
        await sleep(2 ** visit * 1000);
      }
    }
    case 'status':
      return print(await call({ method: 'GET', path: ['titles', first, second, 'status'] }));
    case 'history': {
      let cursor: string | null = null;
      do {
        const query: Record<string, string> = { limit: '20', ...(cursor !== null && { cursor }) };
        const answer = await call({ method: 'GET', path: ['titles', first, second, 'history'], query });
        const page = answer as { items: unknown[]; next: string | null };
        page.items.forEach(print);
        cursor = page.next;
      } while (cursor !== null);
      return;
    }
    default:
      throw new Error(
        'usage: partner-client.ts verify <benefit> <code>, redeem <benefit> <code> <key>, fulfil <player>, ' +
          'or status|history <licensor> <alid>',
      );
  }
}

function print(value: unknown): void {
  console.log(JSON.stringify(value));
}

await main(process.argv.slice(2));
