import { DynamoDBServiceException, TransactionCanceledException } from '@aws-sdk/client-dynamodb';
import { QueryCommand, TransactWriteCommand, type DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { OccurrenceStore } from '../../../lambdas/change-events/occurrences.store.ts';
import type { SkuItem } from '../../../lambdas/shared/sku-items.ts';
import { EntitlementStore } from '../../../lambdas/entitlements/entitlements.store.ts';
import { fulfilEntitlements } from '../../../lambdas/entitlements/fulfil-entitlements.ts';
import type { GrantMessage } from '../../../lambdas/entitlements/grant-queue.ts';
import type { Granter } from '../../../lambdas/entitlements/granter.ts';
import { InventoryStore } from '../../../lambdas/entitlements/inventory.store.ts';
import type { PrimeGamingClient } from '../../../lambdas/entitlements/prime-gaming.client.ts';
import { receiveGrants } from '../../../lambdas/entitlements/receive-grants.ts';
import { sweepEntitlements } from '../../../lambdas/entitlements/sweep-entitlements.ts';
import type { Clock } from '../../../lambdas/shared/clock.ts';
import { CredentialError, UnavailableError, UpstreamError } from '../../../lambdas/shared/errors.ts';
import { keyedHash, type KeyedHash } from '../../../lambdas/shared/keyed-hash.ts';
import { ApiError } from '../../../lambdas/shared/partner-api/api-error.ts';
import { isServiceFailure } from '../../../lambdas/shared/service-failure.ts';
import type { Telemetry } from '../../../lambdas/shared/telemetry.ts';
import { ENTITLEMENT_TABLES, memoryDatabase, type MemoryDatabase } from '../../shared/memory-database.ts';
import { Monitor } from './monitor.ts';
import type { Delivery, Scenario } from './schedule.ts';
import { Scheduler, Worker, type Effect } from './scheduler.ts';
import { Amazon, Game, isOpen, Queue } from './upstreams.ts';

export const PARTNER = 'acme';
/** How long a function may take, milliseconds. */
export const FUNCTION_MS = 20_000;
const VISIBILITY_MS = 6 * FUNCTION_MS;
/** Longer than any lease, visibility time-out or pause of the queue. */
export const FULL_TURN_MS = 1_000_000;
/** Soon, so that it happens while others are under way. */
const STUCK_AFTER_SECONDS = 40;
/** Few enough for grants to be given up. */
const GRANT_ATTEMPTS = 2;

const stackable = (itemId: string, quantity: number): SkuItem => ({ itemId, quantity, kind: 'stackable' });
const unique = (itemId: string): SkuItem => ({ itemId, quantity: 1, kind: 'unique' });
/** What each SKU holds: some of it is in no other one, so that whoever has the SKU can be told. */
export const SKUS: Readonly<Record<string, readonly SkuItem[]>> = {
  drop01: [stackable('coins', 500), stackable('stars', 3), unique('skin')],
  drop02: [stackable('coins', 250), stackable('gems', 2)],
  skinpack: [unique('skin'), unique('hat')],
};
export const UNKNOWN_SKU = 'drop99';

/** Changes what a function sends to the tables: for protocols that are weaker than ours. */
export type Weakening = (client: DynamoDBDocumentClient) => DynamoDBDocumentClient;

const hashes = new Map<string, string>();
const realHash = keyedHash('key-of-the-hashes-'.repeat(3));
/** The real hash, made once for each account. */
const hash: KeyedHash = (purpose, parts) => {
  const text = `${purpose} ${parts.join(' ')}`;
  const known = hashes.get(text) ?? realHash(purpose, parts);
  hashes.set(text, known);
  return known;
};

const noAnswer = (): Error => Object.assign(new Error('no answer'), { name: 'TimeoutError' });
const $metadata = {};
const throttled = (): Error =>
  new DynamoDBServiceException({ name: 'ThrottlingException', $fault: 'client', message: 'throttled', $metadata });
const conflict = (): Error =>
  new TransactionCanceledException({
    message: 'Transaction cancelled',
    $metadata,
    CancellationReasons: [{ Code: 'TransactionConflict' }],
  });

/**
 * Everything about players' entitlements but AWS, Amazon and games: the real code, over tables, upstreams and a queue in
 * memory, each effect of which is a step of the scheduler.
 */
export class FulfilmentWorld {
  readonly scheduler: Scheduler;
  readonly database: MemoryDatabase;
  readonly amazon: Amazon;
  readonly game: Game;
  readonly queue: Queue;
  readonly monitor: Monitor;
  /** How the game's backend takes grants that it has not given yet. */
  gameState: Scenario['game'];
  readonly #scenario: Scenario;
  readonly #weakening: Weakening;
  #workers = 0;
  #failures = 0;

  constructor(scenario: Scenario, weakening: Weakening, trace?: (line: string) => void) {
    this.#scenario = scenario;
    this.#weakening = weakening;
    this.scheduler = new Scheduler(trace);
    this.gameState = scenario.game;
    this.database = memoryDatabase(ENTITLEMENT_TABLES, {
      isBehind: () => scenario.isBehind && !this.scheduler.isCalm,
    });
    this.game = new Game((grantId) => this.monitor.violate('key reused', `the game knows ${grantId} by another body`));
    this.queue = new Queue(() => this.scheduler.now);
    this.amazon = new Amazon((claim, playerId) => {
      if (!this.owns(playerId, claim.sku)) {
        this.monitor.violate('reported early', `${claim.entitlementId} of ${playerId} is reported and not granted`);
      }
    });
    this.monitor = new Monitor(this.scheduler, this.database, (entitlementId) =>
      this.amazon.claims.some((claim) => claim.entitlementId === entitlementId && isOpen(claim)),
    );
    for (const { account, sku } of scenario.claims) this.claim(account, sku);
  }

  claim(account: number, sku: string): void {
    this.amazon.claim(`a${account}`, `e${this.amazon.claims.length + 1}`, sku);
  }

  statusOf(entitlementId: string): unknown {
    const key = { owner: `entitlement|${PARTNER}|${entitlementId}`, part: 'entitlement' };
    return this.database.row('Entitlements', key)?.['status'];
  }

  /** Whether a player has been given what a SKU holds. */
  owns(playerId: string, sku: string): boolean {
    if (this.#scenario.granter === 'webhook') {
      return [...this.game.grants.values()].some(({ grant }) => grant.playerId === playerId && grant.sku === sku);
    }
    const owner = `inventory|${PARTNER}|${playerId}`;
    return (SKUS[sku] ?? []).every(
      ({ itemId }) => this.database.row('Entitlements', { owner, part: itemId }) !== undefined,
    );
  }

  /** Begins an invocation of a function. */
  start(delivery: Delivery): Promise<void> {
    this.#workers += 1;
    const { skews } = this.#scenario;
    const skew = this.scheduler.isCalm ? 0 : skews[this.#workers % skews.length]!;
    const about = delivery.kind === 'fulfil' ? ` p${delivery.player} a${delivery.account}` : '';
    const worker = new Worker(`${delivery.kind}${this.#workers}${about}`, this.scheduler.now, skew);
    return this.scheduler.start(worker, async () => {
      try {
        await this.#work(delivery, worker);
      } catch (error) {
        this.#judge(error);
      }
    });
  }

  async #work(delivery: Delivery, worker: Worker): Promise<void> {
    const parts = this.#partsOf(worker);
    const functionDeadline = parts.clock.now() + FUNCTION_MS;
    switch (delivery.kind) {
      case 'fulfil': {
        const playerId = `p${delivery.player}`;
        const token = this.amazon.tokenOf(`a${delivery.account}`);
        const wish = { partner: PARTNER, playerId, token, requestId: worker.name, functionDeadline };
        const { fulfilment } = await fulfilEntitlements(parts, wish);
        for (const { entitlementId, sku, outcome, reported } of fulfilment.entitlements) {
          const isHad = outcome === 'granted' || outcome === 'alreadyOwned';
          if (isHad && !this.owns(playerId, sku)) {
            this.monitor.violate('wrong answer', `${playerId} is told to have ${sku}`);
          }
          const claim = this.amazon.claims.find((one) => one.entitlementId === entitlementId);
          if (reported && claim && isOpen(claim)) {
            this.monitor.violate('wrong answer', `${entitlementId} is told to be reported`);
          }
        }
        return;
      }
      case 'unlink': {
        const player = { partner: PARTNER, playerId: `p${delivery.player}` };
        const { account } = await parts.store.readPlayer(player);
        if (account !== undefined) await parts.store.unlink(player, account, { until: functionDeadline - 1_000 });
        return;
      }
      case 'sweep':
        return sweepEntitlements(parts, { correlationId: worker.name, functionDeadline });
      case 'resume':
        return this.#resume(parts, worker, functionDeadline);
    }
  }

  async #resume(parts: ReturnType<FulfilmentWorld['partsFor']>, worker: Worker, functionDeadline: number) {
    const batch = this.queue.receive(VISIBILITY_MS);
    if (batch.length === 0) return;
    const records = batch.map(({ messageId, message, received }) => ({
      messageId,
      receiptHandle: messageId,
      body: JSON.stringify(message),
      attributes: { ApproximateReceiveCount: String(received) },
    }));
    this.monitor.count('redeliveries', batch.filter(({ received }) => received > 1).length);
    const staying = await receiveGrants(records, parts, functionDeadline);
    const done = records.map(({ messageId }) => messageId).filter((id) => !staying.includes(id));
    await this.#effect(worker, {
      what: 'its messages are deleted',
      have: () => this.queue.remove(done),
      unanswered: () => undefined,
    });
  }

  /** Told apart from `#partsOf` so that its type has a name. */
  partsFor(worker: Worker) {
    const { skew } = worker;
    const clock: Clock = {
      now: () => this.scheduler.now + skew,
      sleepUntil: async (time) => {
        if (time > clock.now()) await this.scheduler.sleep(worker, time);
      },
    };
    const client = this.#weakening(this.#tables(worker));
    const store = new EntitlementStore(client, 'Entitlements', new OccurrenceStore(client, 'History', clock), clock);
    const inventory = new InventoryStore(client, 'Entitlements', clock);
    const granter = this.#scenario.granter === 'inventory' ? inventory.granter : this.#webhook(worker);
    const send = (messages: readonly GrantMessage[], delaySeconds: number): Promise<void> =>
      messages.length === 0
        ? Promise.resolve()
        : this.#effect(worker, {
            what: `sends ${messages.map(({ entitlementId }) => entitlementId).join(', ')} to the queue`,
            have: () => this.queue.send(messages, delaySeconds),
            unanswered: () => {
              throw noAnswer();
            },
          });
    const postpone = (messageId: string, seconds: number): Promise<void> =>
      this.#effect(worker, {
        what: 'postpones a message',
        have: () => this.queue.postpone(messageId, seconds),
        unanswered: () => {
          throw noAnswer();
        },
      });
    return {
      settings: { deadlineMs: 15_000, attempts: 3 },
      client: this.#primeGaming(worker),
      catalogue: {
        itemsOf: async (_: string, wanted: readonly string[]) =>
          new Map(wanted.flatMap((sku) => (SKUS[sku] ? [[sku, SKUS[sku]] as const] : []))),
      },
      store,
      hash,
      granterOf: () => granter,
      grants: { send },
      queue: { postpone },
      deadLetters: {
        refuse: (body: string) =>
          this.#effect(worker, {
            what: 'gives a grant up',
            have: () => {
              this.monitor.count('given up');
              this.queue.deadLetters.push(JSON.parse(body) as GrantMessage);
            },
            unanswered: () => {
              throw noAnswer();
            },
          }),
      },
      telemetry: this.#telemetry(),
      clock,
      grantAttempts: GRANT_ATTEMPTS,
      stuckAfterSeconds: STUCK_AFTER_SECONDS,
    };
  }

  #partsOf(worker: Worker) {
    return this.partsFor(worker);
  }

  #effect<Result>(worker: Worker, { what, have, unanswered }: Effect<Result>): Promise<Result> {
    return this.scheduler.effect(worker, {
      what,
      have: () => {
        if (this.scheduler.now > worker.startedAt + FUNCTION_MS) this.monitor.count('acts of zombies');
        return have();
      },
      unanswered,
    });
  }

  /** The tables, as one function reaches them. */
  #tables(worker: Worker): DynamoDBDocumentClient {
    const { client } = this.database;
    return {
      send: (command: TransactWriteCommand) => {
        // Reads of the index have no effect, and miss the latest writes where they are made at another time.
        if (command instanceof QueryCommand && command.input.IndexName !== undefined) return client.send(command);
        const isTransaction = command instanceof TransactWriteCommand;
        return this.#effect(worker, {
          what: this.scheduler.trace ? wordsOf(command) : '',
          have: () => this.monitor.observe(worker, command, () => client.send(command)),
          unanswered: (fate) => {
            throw fate !== 'failed' ? noAnswer() : isTransaction ? conflict() : throttled();
          },
        });
      },
    } as unknown as DynamoDBDocumentClient;
  }

  #primeGaming(worker: Worker): PrimeGamingClient {
    const owner = (token: string): string => {
      const account = this.amazon.accountOf(token);
      if (account !== undefined) return account;
      this.monitor.count('tokens refused');
      throw new CredentialError('TokenRefused', 'the token is refused', { status: 401 });
    };
    return {
      accountOf: async ({ token }) => `user-of-${owner(token)}`,
      list: ({ token }) =>
        this.#effect(worker, {
          what: 'lists',
          have: () =>
            this.amazon
              .open(owner(token))
              .map(({ entitlementId, sku }) => ({ entitlementId, sku, instruction: 'FULFILL' })),
          unanswered: () => {
            throw new UnavailableError('ServerError', 'no list', { status: 503 });
          },
        }),
      report: ({ token }, entitlementId, playerId) =>
        this.#effect(worker, {
          what: `reports ${entitlementId} of ${playerId}`,
          have: () => (this.amazon.report(owner(token), entitlementId, playerId) ? 'reported' : 'unknown'),
          unanswered: (fate) => {
            if (fate === 'failed' && (this.#failures += 1) % 2 === 0) {
              throw new UnavailableError('Refused', 'not sent', { unsent: true });
            }
            return 'unknown';
          },
        }),
    };
  }

  /** A game's own backend, behind a webhook. */
  #webhook(worker: Worker): Granter {
    return ({ grantId, playerId, sku, items }) =>
      this.#effect(worker, {
        what: `has ${grantId} granted: ${sku} for ${playerId}`,
        have: () => {
          if (this.gameState === 'is down') throw new UnavailableError('ServerError', 'down', { status: 503 });
          if (this.gameState === 'refuses' && !this.game.grants.has(grantId)) return { kind: 'refused' as const };
          this.game.give({ grantId, playerId, sku, items });
          return { kind: 'given' as const, given: items.map((item) => ({ ...item, granted: true })), writes: [] };
        },
        unanswered: () => {
          throw new UnavailableError('ServerError', 'no answer', { status: 502 });
        },
      });
  }

  #telemetry(): Telemetry {
    return {
      info: () => undefined,
      warn: (_, details = {}) => {
        if (/token-of|user-of/u.test(JSON.stringify(details))) this.monitor.violate('personal data', 'in a log line');
        if (details['error'] !== undefined) this.#judge(details['error']);
      },
      error: () => undefined,
      count: (metric, by) => this.monitor.count(metric, by),
      seconds: () => undefined,
      flush: () => undefined,
    };
  }

  /** A function may fail by what passes, and by what its caller is told; by nothing else. */
  #judge(error: unknown): void {
    if (error instanceof ApiError) this.monitor.count(error.code);
    else if (!(error instanceof UpstreamError) && !isServiceFailure(error)) {
      this.monitor.violate('failure', error instanceof Error ? (error.stack ?? error.message) : String(error));
    }
  }
}

/** A command in few words: what it does where, and between which statuses. */
function wordsOf(command: object): string {
  const { input } = command as { input: Words & { TransactItems?: readonly Readonly<Record<string, Words>>[] } };
  const kind = command.constructor.name.replace('Command', '');
  if (!input.TransactItems) return `${kind} ${placeOf(input)}`;
  const parts = input.TransactItems.flatMap((item) =>
    Object.entries(item).map(([verb, words]) => `${verb} ${placeOf(words)}`),
  );
  return `${kind} [${parts.join('; ')}]`;
}

interface Words {
  readonly Key?: Readonly<Record<string, unknown>>;
  readonly Item?: Readonly<Record<string, unknown>>;
  readonly ExpressionAttributeValues?: Readonly<Record<string, unknown>>;
}

function placeOf({ Key, Item, ExpressionAttributeValues: values = {} }: Words): string {
  const key = Key ?? Item ?? { owner: values[':owner'], part: '' };
  const place = 'watchId' in key ? 'event' : `${String(key['owner'])} ${String(key['part'])}`;
  const statuses = Object.values(values).filter((value) => typeof value === 'string' && /^[A-Z]+$/u.test(value));
  return [place, ...statuses].join(' ').trim();
}
