import { Agent, request } from 'node:https';
import { afterEach } from 'vitest';
import type { EntitlementsOptions, SimulatorOptions } from '../../local/upstreams/simulator.ts';
import { start, type Received, type Started } from './running-simulator.ts';

export const ACCOUNT = 'anna';
export const SKU = 'primegaming_season01_drop01';
export const PLAYER = 'player123';
/** The example of the API's document. */
export const ENTITLEMENT = 'b2b5f185-c529-8eee-2b0e-ecd365f74181';

export interface Asking {
  /** @default a token of ACCOUNT that is good for everything; null sends none */
  token?: string | null;
  method?: string;
  path?: string;
  headers?: Record<string, string>;
  /** The whole body, in place of what would be sent; not JSON where it is a text. */
  body?: unknown;
}

/** What came of each item of a report. */
export type Results = [entitlementId: string, result: string][];

export interface StartedEntitlements extends Started {
  /** Good for everything. */
  readonly token: string;
  list(asking?: Asking): Promise<Received>;
  /** The identifiers that are listed. */
  listed(token?: string): Promise<string[]>;
  fulfil(entitlementIds?: readonly string[], asking?: Asking): Promise<Received>;
  results(entitlementIds?: readonly string[], asking?: Asking): Promise<Results>;
  profile(asking?: Asking): Promise<Received>;
  fault(rule: object): Promise<void>;
}

const agents: Agent[] = [];
afterEach(() => {
  for (const agent of agents.splice(0)) agent.destroy();
});

/** A simulator with one account that has claimed one offer, and a client. */
export async function startEntitlements(
  options: EntitlementsOptions = {},
  simulatorOptions: Partial<Omit<SimulatorOptions, 'offerStatus' | 'entitlements'>> = {},
): Promise<StartedEntitlements> {
  const claims = [{ account: ACCOUNT, sku: SKU, entitlementId: ENTITLEMENT }];
  const started = await start({ ...simulatorOptions, entitlements: { claims, ...options } });
  const { simulator, control } = started;
  const own = simulator.issueToken({ account: ACCOUNT });
  const agent = new Agent({ keepAlive: true });
  agents.push(agent);

  const send = async (defaults: { method: string; path: string; body?: unknown }, asking: Asking): Promise<Received> =>
    await new Promise((resolve, reject) => {
      const { method, path, body, token = own } = { ...defaults, ...asking };
      const sent = request(`${simulator.entitlementsUrl}${path}`, {
        method,
        agent,
        ca: simulator.entitlementsCredentials().ca,
        headers: {
          ...(body !== undefined && { 'content-type': 'application/json' }),
          ...(token !== null && { 'x-amz-access-token': token }),
          ...asking.headers,
        },
      });
      sent.on('error', reject);
      sent.on('response', (response) => {
        const chunks: Buffer[] = [];
        response.on('error', reject);
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () => {
          const text = Buffer.concat(chunks).toString('utf8');
          resolve({ status: response.statusCode ?? 0, headers: response.headers, text, json: parse(text) });
        });
      });
      sent.end(typeof body === 'string' ? body : body === undefined ? undefined : JSON.stringify(body));
    });

  const list = (asking: Asking = {}): Promise<Received> => send({ method: 'GET', path: '/api/entitlements' }, asking);
  const fulfil = (ids: readonly string[] = [ENTITLEMENT], asking: Asking = {}): Promise<Received> =>
    send({ method: 'POST', path: '/api/fulfill', body: reportOf(ids) }, asking);
  return {
    ...started,
    token: own,
    list,
    listed: async (token = own) => {
      const { json } = await list({ token });
      return (json as { Entitlements: { EntitlementId: string }[] }).Entitlements.map((item) => item.EntitlementId);
    },
    fulfil,
    results: async (ids, asking) => {
      const { json } = await fulfil(ids, asking);
      const { FulfillmentStatusUpdates: updates } = json as { FulfillmentStatusUpdates: Record<string, string>[] };
      return updates.map((item) => [item['EntitlementId'] ?? '', item['Result'] ?? '']);
    },
    profile: (asking = {}) => send({ method: 'GET', path: '/user/profile' }, asking),
    fault: async (rule) => {
      const { status, text } = await control('POST', '/control/faults', { times: 1, ...rule });
      if (status !== 201) throw new Error(text);
    },
  };
}

/** The body of a report. */
export function reportOf(ids: readonly string[], overrides: Record<string, unknown> = {}): object {
  return {
    FulfillmentStatusUpdates: ids.map((EntitlementId) => ({
      EntitlementId,
      LastInstruction: 'FULFILL',
      FulfillmentAddress: PLAYER,
      ...overrides,
    })),
  };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
