/** Plays the upstream of one scenario in a process of its own, driven by messages: an order, then questions for counts. */
import { once } from 'node:events';
import { type Scenario, itemsOf, LATENCY, MARKETPLACE, rateOf } from './scenarios.ts';
import { startSimulator } from '../../local/upstreams/simulator.ts';

export interface SimulatorOrder {
  readonly scenario: Scenario;
  /** Each gets an account of its name, with a full bucket of its own. */
  readonly clients: readonly string[];
  readonly pkiDir: string;
}

interface Credentials {
  readonly clientId: string;
  readonly clientSecret: string;
  readonly refreshToken: string;
  readonly ca: string;
}

export interface SimulatorAddress {
  readonly pricingUrl: string;
  readonly tokenUrl: string;
  readonly credentials: Readonly<Record<string, Credentials>>;
  /** To the same accounts, past their buckets. */
  readonly seeders: Readonly<Record<string, Credentials>>;
}

/** By client. */
export type SimulatorCounts = Readonly<
  Record<
    string,
    {
      /** Requests for prices, by how they were answered. */
      readonly byStatus: Readonly<Record<string, number>>;
      readonly tokenCalls: number;
      /** When requests for prices reached the bucket, epoch milliseconds; absent where none did. */
      readonly firstAt?: number;
      readonly lastAt?: number;
      /** How often the scenario's fault was played. */
      readonly faults: number;
    }
  >
>;

const [{ scenario, clients, pkiDir }] = (await once(process, 'message')) as [SimulatorOrder];
const { operation, fault } = scenario;
const accounts = clients.map((client, index) => ({
  name: accountOf(client),
  sellerId: `A1SELLER${index}`,
  marketplaces: [MARKETPLACE],
  rates: { [operation]: rateOf(scenario) },
}));
/** Access to each account past its bucket, for what goes before the measurement. */
const seeders = accounts.map((account) => ({
  ...account,
  name: `${account.name}-seeder`,
  rates: { [operation]: { rate: 1_000, burst: 1_000 } },
}));
const simulator = await startSimulator({
  pkiDir,
  offerStatus: { accounts: [], titles: [] },
  pricing: {
    accounts: [...accounts, ...seeders],
    items: accounts.flatMap(({ name }) =>
      itemsOf(scenario).map((asin) => ({ marketplaceId: MARKETPLACE, asin, sku: `SKU-${asin}`, account: name })),
    ),
    tempo: 0,
    latency: LATENCY,
  },
});
const rules = new Map<string, string>();
for (const client of clients) {
  const rule = ruleFor({ account: accountOf(client), operation });
  if (rule !== undefined) rules.set(client, ((await control('POST', rule)) as { id: string }).id);
}

process.on('SIGINT', () => undefined);
process.on('disconnect', () => void simulator.stop().then(() => process.exit()));
process.on('message', () => void counts().then((found) => process.send?.(found)));
process.send?.({
  pricingUrl: simulator.pricingUrl,
  tokenUrl: simulator.tokenUrl,
  credentials: Object.fromEntries(clients.map((client) => [client, simulator.pricingCredentials(accountOf(client))])),
  seeders: Object.fromEntries(
    clients.map((client) => [client, simulator.pricingCredentials(`${accountOf(client)}-seeder`)]),
  ),
} satisfies SimulatorAddress);

async function counts(): Promise<SimulatorCounts> {
  const { operations = {}, arrivals } = simulator.requests();
  const played = (await control('GET')) as { faults: { id: string; applied: number }[] };
  return Object.fromEntries(
    clients.map((client) => {
      const times = arrivals
        .filter((arrival) => arrival.account === accountOf(client) && arrival.operation === operation)
        .map(({ at }) => at);
      return [
        client,
        {
          ...(times.length > 0 && { firstAt: times[0]!, lastAt: times.at(-1)! }),
          byStatus: operations[`${accountOf(client)}/${operation}`]?.byStatus ?? {},
          tokenCalls: simulator.tokenCalls(accountOf(client)),
          faults: played.faults.find(({ id }) => id === rules.get(client))?.applied ?? 0,
        },
      ];
    }),
  );
}

/** An account's name has no room for slashes and spaces. */
function accountOf(client: string): string {
  return client.replace(/[^A-Za-z0-9.-]+/g, '-').replace(/^-/, '');
}

function ruleFor(match: { account: string; operation: string }): object | undefined {
  switch (fault?.kind) {
    case 'inner-failures':
      return { kind: 'inner-status', code: 503, firstTries: 1, match: { ...match, probability: fault.share } };
    case 'unavailable':
      return { kind: 'status', code: 503, every: fault.every, match };
    case 'expired-token':
      return { kind: 'expire-token', every: fault.afterRequests, times: 1, match };
    case undefined:
      return undefined;
  }
}

async function control(method: 'GET' | 'POST', body?: object): Promise<unknown> {
  const response = await fetch(`${simulator.controlUrl}/control/faults`, {
    method,
    ...(body && { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
  });
  if (!response.ok) throw new Error(`the simulator refuses a fault: ${await response.text()}`);
  return response.json();
}
