/**
 * A client of the partner API, whole: it signs with @smithy/signature-v4, repeats what may be repeated, and decides by
 * codes. Node 24 runs it as it is:
 *
 *   node docs/examples/partner-client.ts verify EXAMPLE_BENEFIT <code>
 *   node docs/examples/partner-client.ts redeem EXAMPLE_BENEFIT <code>
 *   node docs/examples/partner-client.ts status example-studios ES_MOV_000002
 *   node docs/examples/partner-client.ts history example-studios ES_MOV_000002
 *
 * It reads URL, API_KEY, AWS_REGION, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN.
 */
import { createHash, createHmac, randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { SignatureV4 } from '@smithy/signature-v4';

const MOST_TRIES = 4;

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
    const response = await fetch(url, { method, headers: sent, ...(text !== undefined && { body: text }) });
    const answer = await response.text();
    if (response.ok) return answer === '' ? undefined : JSON.parse(answer);

    const { error } = JSON.parse(answer) as { error: { code: string; message: string; requestId: string } };
    const mayRepeat = [409, 429, 503, 504].includes(response.status) && error.code !== 'QUOTA_EXCEEDED';
    if (!mayRepeat || attempt === MOST_TRIES)
      throw new Error(`${response.status} ${error.code}: ${error.message} (request ${error.requestId})`);
    const seconds = Number(response.headers.get('retry-after') ?? 2 ** (attempt - 1));
    await sleep(seconds * 1000 * (1 + Math.random() / 4));
  }
}

async function main([command, first = '', second = '']: string[]): Promise<void> {
  switch (command) {
    case 'verify':
      return print(await call({ method: 'GET', path: ['benefits', first, 'offer-codes', second, 'verify'] }));
    case 'redeem':
      return print(
        await call({
          method: 'POST',
          path: ['benefits', first, 'offer-codes', second, 'redeem'],
          // Keep it with the purchase, so that a repeat after a crash has the same one.
          headers: { 'idempotency-key': randomUUID() },
          body: {},
        }),
      );
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
      throw new Error('usage: partner-client.ts verify|redeem <benefit> <code>, or status|history <licensor> <alid>');
  }
}

function print(value: unknown): void {
  console.log(JSON.stringify(value));
}

await main(process.argv.slice(2));
