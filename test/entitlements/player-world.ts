import { QueryCommand, type DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { OccurrenceStore } from '../../lambdas/change-events/occurrences.store.ts';
import { EntitlementStore } from '../../lambdas/entitlements/entitlements.store.ts';
import type { GrantMessage } from '../../lambdas/entitlements/grant-queue.ts';
import type { Granter } from '../../lambdas/entitlements/granter.ts';
import { InventoryStore } from '../../lambdas/entitlements/inventory.store.ts';
import { playerRoutes } from '../../lambdas/entitlements/player-routes.ts';
import { createPrimeGamingClient, type PrimeGamingClient } from '../../lambdas/entitlements/prime-gaming.client.ts';
import { pushRoutes } from '../../lambdas/entitlements/push-routes.ts';
import { receiveGrants } from '../../lambdas/entitlements/receive-grants.ts';
import { servePlayers } from '../../lambdas/entitlements/serve-players.ts';
import { sweepEntitlements } from '../../lambdas/entitlements/sweep-entitlements.ts';
import { takePushes } from '../../lambdas/entitlements/take-pushes.ts';
import type { Clock } from '../../lambdas/shared/clock.ts';
import { createPartnerHandler } from '../../lambdas/shared/partner-api/serve.ts';
import { EntitlementRow } from '../../lambdas/entitlements/entitlement.ts';
import type { SkuItem } from '../../lambdas/shared/sku-items.ts';
import type { Fulfilment } from '../../lambdas/entitlements/player-answers.ts';
import { tellInto } from '../shared/told.ts';
import { withMoments } from '../shared/moments.ts';
import { eventOf } from '../shared/gateway-requests.ts';
import type { Amazon } from './amazon.ts';
import type { Context } from 'aws-lambda';

/** How long the function may take, milliseconds. */
export const FUNCTION_MS = 20_000;
const HASH_KEY = 'key-of-the-hashes-'.repeat(3);

const coins = (quantity: number): SkuItem => ({ itemId: 'coins', quantity, kind: 'stackable' });
const skin: SkuItem = { itemId: 'skin', quantity: 1, kind: 'unique' };
/** What each SKU holds. */
export const SKUS: Readonly<Record<string, readonly SkuItem[]>> = {
  drop01: [coins(500), skin],
  drop02: [coins(250)],
  skinpack: [skin, { itemId: 'hat', quantity: 1, kind: 'unique' }],
};

/** A game's backend: remembers what it gave by the identifier of the grant. */
export interface GameBackend {
  readonly given: Map<string, { readonly playerId: string; readonly sku: string }>;
  calls: number;
  granter: Granter;
}

export interface FulfilAnswer {
  readonly status: number;
  readonly body: Fulfilment & { readonly error?: { readonly code: string; readonly message: string } };
}

export interface WorldOptions {
  readonly database: DynamoDBDocumentClient;
  readonly amazon: Amazon;
  readonly clock: Clock;
  /** Called just before and just after each effect of a function: a call to a table, to Amazon, to the queue, to a game. */
  readonly moment?: () => Promise<void>;
  /** In the place of the built-in inventory. */
  readonly granter?: Granter;
  /** What is in the queue of grants. */
  readonly queue?: GrantMessage[];
  readonly deadLetters?: { readonly body: string; readonly code: string }[];
  readonly grantAttempts?: number;
  readonly timeoutMs?: number;
  readonly skus?: Readonly<Record<string, readonly SkuItem[]>>;
}

const never = async (): Promise<void> => undefined;

/** One execution environment of each function about players, with everything but AWS and Amazon real. */
export function playerWorld(options: WorldOptions) {
  const { amazon, clock, moment = never, queue = [], deadLetters = [], skus = SKUS } = options;
  const around = async <Result>(effect: () => Promise<Result>): Promise<Result> => {
    await moment();
    const result = await effect().then(
      (value) => () => value,
      (error: unknown) => () => {
        throw error;
      },
    );
    await moment();
    return result();
  };
  const telemetry = tellInto();
  const database = options.moment ? withMoments(options.database, moment) : options.database;
  const occurrences = new OccurrenceStore(database, 'History', clock);
  const store = new EntitlementStore(database, 'Entitlements', occurrences, clock);
  const inventory = new InventoryStore(database, 'Entitlements', clock);
  const real = createPrimeGamingClient({
    baseUrl: amazon.url,
    profileUrl: `${amazon.url}/user/profile`,
    timeoutMs: options.timeoutMs ?? 9_000,
    attempts: 3,
    trust: async () => ({ ca: amazon.ca }),
    clock,
    random: () => 0.5,
    telemetry,
  });
  const client: PrimeGamingClient = {
    // Whose a token is has no effect: it is asked beside the list, and would only make moments come in any order.
    accountOf: (call) => real.accountOf(call),
    list: (call) => around(() => real.list(call)),
    report: (call, entitlementId, playerId) => around(() => real.report(call, entitlementId, playerId)),
  };
  const given = options.granter;
  const granter: Granter = given ? (...call) => around(() => given(...call)) : inventory.granter;
  const grants = {
    send: (messages: readonly GrantMessage[]) => around(async () => void queue.push(...messages)),
    postpone: async () => undefined,
  };
  const parts = {
    settings: { deadlineMs: 15_000, attempts: 3 },
    client,
    catalogue: {
      itemsOf: async (_: string, wanted: readonly string[]) =>
        new Map(wanted.flatMap((sku) => (skus[sku] ? [[sku, skus[sku]] as const] : []))),
    },
    store,
    inventory,
    granterOf: () => granter,
    grants,
    hashKey: async () => HASH_KEY,
    telemetry,
    clock,
  };
  const handler = createPartnerHandler({
    routes: servePlayers(parts),
    identify: () => PARTNER,
    telemetry,
    clock,
  });
  const pushHandler = createPartnerHandler({
    routes: takePushes(parts),
    // Who signed is checked by tests of its own.
    identify: () => PARTNER,
    telemetry,
    clock,
  });
  const context = { getRemainingTimeInMillis: () => FUNCTION_MS } as Context;
  const call = async (
    route: Parameters<typeof eventOf>[0],
    playerId: string,
    headers: Readonly<Record<string, string>> = {},
  ) => {
    const { statusCode, body } = await handler(eventOf(route, { path: { playerId }, headers }), context);
    return { status: statusCode, body: body === '' ? undefined : JSON.parse(body) };
  };
  const push = async (route: Parameters<typeof eventOf>[0], body: Readonly<Record<string, string>>) => {
    const event = eventOf(route, { path: { partner: PARTNER.name }, body });
    const result = await pushHandler(event, context);
    return { status: result.statusCode, body: result.body === '' ? undefined : JSON.parse(result.body) };
  };
  return {
    telemetry,
    store,
    fulfil: (playerId: string, token: string): Promise<FulfilAnswer> =>
      call(playerRoutes.fulfil, playerId, { 'x-amz-access-token': token }),
    unlink: (playerId: string) => call(playerRoutes.unlink, playerId),
    inventory: (playerId: string) => call(playerRoutes.inventory, playerId),
    pushClaim: (EntitlementId: string, VendorProductId: string, UserId: string) =>
      push(pushRoutes.claim, { EntitlementId, VendorProductId, UserId }),
    pushLink: (UserId: string, FulfillmentAddress: string) => push(pushRoutes.link, { UserId, FulfillmentAddress }),
    sweep: () =>
      sweepEntitlements(
        { store, grants, telemetry, clock, stuckAfterSeconds: 86_400 },
        { correlationId: 'sweep', functionDeadline: clock.now() + FUNCTION_MS },
      ),
    /** Works off what is in the queue now. @returns what stays */
    async resume(): Promise<string[]> {
      const records = queue.splice(0).map((message, index) => ({
        messageId: `message-${index}`,
        receiptHandle: `receipt-${index}`,
        body: JSON.stringify(message),
      }));
      const staying = await receiveGrants(
        records,
        {
          store,
          granterOf: () => granter,
          queue: grants,
          deadLetters: {
            refuse: (body, { code }) => around(async () => void deadLetters.push({ body, code })),
          },
          telemetry,
          clock,
          grantAttempts: options.grantAttempts ?? 12,
        },
        clock.now() + FUNCTION_MS,
      );
      queue.push(
        ...records
          .filter(({ messageId }) => staying.includes(messageId))
          .map(({ body }) => JSON.parse(body) as GrantMessage),
      );
      return staying;
    },
  };
}

export type PlayerWorld = ReturnType<typeof playerWorld>;

const PARTNER = {
  name: 'acme',
  accountId: '000000000000',
  externalId: 'any',
  capabilities: ['entitlements' as const],
  benefits: [],
  plan: { perSecond: 10, burst: 20 },
  entitlements: { skus: {}, granter: { kind: 'inventory' as const }, push: false },
};

/** A game's backend that keeps what it has given by the identifier of the grant. */
export function gameBackend(): GameBackend {
  const backend: GameBackend = {
    given: new Map(),
    calls: 0,
    granter: async ({ grantId, playerId, sku, items }) => {
      backend.calls += 1;
      if (!backend.given.has(grantId)) backend.given.set(grantId, { playerId, sku });
      return { kind: 'given', given: items.map((item) => ({ ...item, granted: true })), writes: [] };
    },
  };
  return backend;
}

/** What is stored about a player of the partner and its entitlements, and what will have been told of them. */
export async function stored(database: DynamoDBDocumentClient, playerId: string, entitlementIds: readonly string[]) {
  const query = async (TableName: string, key: string, value: string): Promise<Record<string, unknown>[]> => {
    const { Items = [] } = await database.send(
      new QueryCommand({
        TableName,
        KeyConditionExpression: '#key = :value',
        ExpressionAttributeNames: { '#key': key },
        ExpressionAttributeValues: { ':value': value },
        ConsistentRead: true,
      }),
    );
    return Items;
  };
  const entitlementRows = entitlementIds.map((id) => query('Entitlements', 'owner', `entitlement|acme|${id}`));
  const eventRows = entitlementIds.map((id) => query('History', 'watchId', `entitlement/acme/${id}`));
  const inventory = await query('Entitlements', 'owner', `inventory|acme|${playerId}`);
  const own = await query('Entitlements', 'owner', `player|acme|${playerId}`);
  return {
    items: Object.fromEntries(inventory.map(({ part, quantity }) => [String(part), Number(quantity)])),
    entitlements: (await Promise.all(entitlementRows)).flat().map((row) => EntitlementRow.parse(row)),
    markers: own.map(({ part }) => String(part)).filter((part) => part.startsWith('open|')),
    events: (await Promise.all(eventRows))
      .flat()
      .flatMap((row) => row['events'] as { detailType: string; data: Record<string, unknown> }[]),
  };
}
