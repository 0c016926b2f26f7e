/**
 * The backend of a game that grants by webhook, whole, and without a library: it knows who calls, gives each grant once,
 * and answers a repeat as it answered the first call. Node 24 runs it as it is:
 *
 *   WEBHOOK_KEY=whsec_… PORT=8080 node docs/examples/grant-webhook.ts
 *
 * What it keeps is in memory. Yours belongs into the database of your players, items and `grantId` in one transaction. And
 * it speaks plain HTTP: the certificate is that of whatever stands before it.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';

/** The bytes of a key. Undefined where it has fewer than 24: anybody could sign by an empty one. */
function bytesOf(key: string): Buffer | undefined {
  const bytes = Buffer.from(key.replace(/^whsec_/, ''), 'base64');
  return bytes.length < 24 ? undefined : bytes;
}

/** Whether a call is signed by the key (Standard Webhooks), and not older than five minutes. */
export function isFromOfferRelay(headers: IncomingHttpHeaders, body: Buffer, key: string, now = Date.now()): boolean {
  const [id, timestamp, signatures] = ['id', 'timestamp', 'signature'].map((name) =>
    String(headers[`webhook-${name}`]),
  );
  if (!(Math.abs(now / 1000 - Number(timestamp)) <= 300)) return false;
  const secret = bytesOf(key);
  if (!secret) return false;
  const hmac = createHmac('sha256', secret);
  const right = Buffer.from(`v1,${hmac.update(`${id}.${timestamp}.`).update(body).digest('base64')}`);
  // After a change of the key there are two signatures.
  return (signatures ?? '')
    .split(' ')
    .map((signature) => Buffer.from(signature))
    .some((signature) => signature.length === right.length && timingSafeEqual(signature, right));
}

interface Grant {
  readonly grantId: string;
  readonly playerId: string;
  readonly items: readonly { readonly itemId: string; readonly quantity: number; readonly kind: string }[];
}

/** Items by player, and what each grant was answered. */
const inventories = new Map<string, Map<string, number>>();
const answers = new Map<string, object>();

function grantOnce({ grantId, playerId, items }: Grant): object {
  const known = answers.get(grantId);
  if (known) return known;
  const inventory = inventories.get(playerId) ?? new Map<string, number>();
  const given = items.map(({ itemId, quantity, kind }) => {
    const has = inventory.get(itemId) ?? 0;
    const granted = kind === 'stackable' || has === 0;
    if (granted) inventory.set(itemId, has + quantity);
    return { itemId, granted };
  });
  inventories.set(playerId, inventory);
  const answer = { items: given };
  answers.set(grantId, answer);
  return answer;
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

if (import.meta.main) {
  const { WEBHOOK_KEY = '', PORT = '8080' } = process.env;
  if (!bytesOf(WEBHOOK_KEY)) {
    console.error('WEBHOOK_KEY has to be whsec_ and the base64 of 24 bytes or more, as Offer Relay has it.');
    process.exit(1);
  }
  const server = createServer((request, response) => {
    const answering = bodyOf(request).then((body) => {
      const answer = isFromOfferRelay(request.headers, body, WEBHOOK_KEY)
        ? { status: 200, body: grantOnce(JSON.parse(body.toString()) as Grant) }
        : { status: 401, body: { message: 'the signature is not right' } };
      response.writeHead(answer.status, { 'Content-Type': 'application/json' }).end(JSON.stringify(answer.body));
    });
    answering.catch(() => response.destroy());
  });
  server.listen(Number(PORT), '127.0.0.1', () =>
    console.log(`listening on http://127.0.0.1:${(server.address() as AddressInfo).port}`),
  );
}
