import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { GrantMessage } from '../../lambdas/entitlements/grant-queue.ts';
import { startEngineTables, type EngineTables } from '../shared/engine-tables.ts';
import { Death } from '../shared/moments.ts';
import { LeapingClock } from '../shared/virtual-clock.ts';
import { startAmazon, type Amazon } from './amazon.ts';
import { FUNCTION_MS, gameBackend, playerWorld, SKUS, stored, type GameBackend } from './player-world.ts';

let tables: EngineTables;
let amazon: Amazon;
beforeAll(async () => {
  tables = await startEngineTables();
  amazon = await startAmazon();
});
afterAll(async () => {
  await amazon[Symbol.asyncDispose]();
  await tables.stop();
});

type Actor = 'fulfil' | 'push' | 'sweep' | 'resume';

/** A player with claims, and the functions that work for it, each try in a process of its own. */
class Player {
  readonly name: string;
  readonly #token: string;
  readonly #claims: readonly (readonly [string, string])[];
  readonly clock = new LeapingClock();
  readonly queue: GrantMessage[] = [];
  readonly game: GameBackend | undefined;

  constructor(name: string, claims: readonly (readonly [string, string])[], isWebhook: boolean) {
    this.name = name;
    this.#token = `token-of-${name}`;
    this.#claims = claims.map(([id, sku]) => [`${name}-${id}`, sku] as const);
    this.game = isWebhook ? gameBackend() : undefined;
    amazon.tokens.set(this.#token, `user-of-${name}`);
    for (const [id, sku] of this.#claims) amazon.claim(`user-of-${name}`, id, sku);
  }

  /** One invocation of a new process. @returns moments that it passed */
  async act(actor: Actor, diesAt = Infinity): Promise<number> {
    const death = new Death(diesAt);
    const world = playerWorld({
      database: tables.database,
      amazon,
      clock: this.clock,
      moment: () => death.moment(),
      queue: this.queue,
      ...(this.game && { granter: this.game.granter }),
    });
    const work = {
      fulfil: () => world.fulfil(this.name, this.#token),
      // Amazon tells of the first claim, as often as it likes.
      push: () => world.pushClaim(...(this.#claims[0] ?? ['', '']), `user-of-${this.name}`),
      sweep: () => world.sweep(),
      resume: () => world.resume(),
    }[actor]();
    await Promise.race([work, death.died]);
    // The sweeper sees every player's rows: only this one's stay in the queue.
    const own = this.queue.splice(0).filter(({ entitlementId }) => entitlementId.startsWith(`${this.name}-`));
    this.queue.push(...own);
    return death.passed;
  }

  /** Everybody works, and nobody dies any more. */
  async converge(): Promise<void> {
    for (let round = 0; round < 6 && amazon.open(`user-of-${this.name}`).length > 0; round += 1) {
      this.clock.leap(FUNCTION_MS + 20_000);
      await this.act('fulfil');
    }
    this.clock.leap(FUNCTION_MS + 20_000);
    await this.act('fulfil');
  }

  stored() {
    return stored(
      tables.database,
      this.name,
      this.#claims.map(([id]) => id),
    );
  }

  link() {
    return playerWorld({ database: tables.database, amazon, clock: this.clock }).pushLink(
      `user-of-${this.name}`,
      this.name,
    );
  }

  async check(told: string): Promise<void> {
    const user = `user-of-${this.name}`;
    expect(amazon.open(user), `${told}: unreported`).toEqual([]);
    const { items, entitlements, markers, events } = await this.stored();
    const skus = [...new Set(this.#claims.map(([, sku]) => sku))];
    const expected: Record<string, number> = {};
    for (const { itemId, quantity, kind } of skus.flatMap((sku) => SKUS[sku] ?? [])) {
      expected[itemId] = kind === 'unique' ? 1 : (expected[itemId] ?? 0) + quantity;
    }
    if (this.game) {
      const given = [...this.game.given.values()].map(({ sku }) => sku).sort();
      expect(given, `${told}: grants of the game`).toEqual([...skus].sort());
    } else {
      expect(items, `${told}: inventory`).toEqual(expected);
    }
    const reported = amazon.reports.filter(({ address }) => address === this.name);
    expect(reported.map(({ entitlementId }) => entitlementId).sort(), told).toEqual(
      this.#claims.map(([id]) => id).sort(),
    );
    expect(markers, `${told}: markers`).toEqual([]);
    expect(
      entitlements.map(({ status }) => status),
      told,
    ).toEqual(this.#claims.map(() => 'REPORTED'));
    for (const [id] of this.#claims) {
      const own = events.filter(({ data }) => data['entitlementId'] === id).map(({ detailType }) => detailType);
      expect(own.sort(), `${told}: events of ${id}`).toEqual(['Entitlement Granted', 'Entitlement Reported']);
    }
  }
}

const TWO_OF_A_SKU = [
  ['e1', 'drop01'],
  ['e2', 'drop01'],
] as const;
const THREE_SKUS = [...TWO_OF_A_SKU, ['e3', 'drop02'], ['e4', 'skinpack']] as const;
let count = 0;
const newPlayer = (claims: readonly (readonly [string, string])[], isWebhook: boolean) =>
  new Player(`player${++count}`, claims, isWebhook);

/** Runs many checks, a few at a time: each has its own player. */
async function all(checks: readonly (() => Promise<void>)[]): Promise<void> {
  const waiting = [...checks];
  await Promise.all(
    Array.from({ length: 6 }, async () => {
      for (let next = waiting.shift(); next; next = waiting.shift()) await next();
    }),
  );
}

describe.each([
  ['the built-in inventory', false],
  ['a webhook', true],
])('a fulfilment through %s whose function is killed', (_, isWebhook) => {
  it('grants, reports and tells once, wherever it is killed once', async () => {
    const alive = newPlayer(THREE_SKUS, isWebhook);
    const moments = await alive.act('fulfil');
    await alive.check('alive');
    // Each claim, grant and report is at least two moments.
    expect(moments).toBeGreaterThan(24);
    await all(
      Array.from({ length: moments + 1 }, (_, first) => async () => {
        const player = newPlayer(THREE_SKUS, isWebhook);
        await player.act('fulfil', first);
        await player.converge();
        await player.check(`death at ${first}`);
      }),
    );
    console.info(`crash points of one request: ${moments + 1}`);
  }, 240_000);

  it('grants, reports and tells once, wherever two requests in a row are killed', async () => {
    const moments = await newPlayer(TWO_OF_A_SKU, isWebhook).act('fulfil');
    const pairs = Array.from({ length: moments + 1 }, (_, first) =>
      Array.from({ length: moments + 1 }, (_, second) => [first, second] as const),
    ).flat();
    await all(
      pairs.map(([first, second]) => async () => {
        const player = newPlayer(TWO_OF_A_SKU, isWebhook);
        await player.act('fulfil', first);
        player.clock.leap(FUNCTION_MS + 20_000);
        await player.act('fulfil', second);
        await player.converge();
        await player.check(`deaths at ${first} and ${second}`);
      }),
    );
    console.info(`pairs of crash points: ${pairs.length}`);
  }, 600_000);

  it('grants, reports and tells once, wherever a request and then what resumes it are killed', async () => {
    const ONE = [['e1', 'drop01']] as const;
    const moments = await newPlayer(ONE, isWebhook).act('fulfil');
    // Dead just after its claim: what resumes it has everything to do.
    const left = newPlayer(ONE, isWebhook);
    const claimedAt = await untilClaimed(left, moments);
    left.clock.leap(FUNCTION_MS + 20_000);
    await left.act('sweep');
    const resuming = await left.act('resume');
    expect((await left.stored()).entitlements).toMatchObject([{ status: 'GRANTED' }]);
    // Read, take over, grant; and the game's backend between the last two.
    expect(resuming).toBe(isWebhook ? 8 : 6);

    const pairs = Array.from({ length: moments - claimedAt + 1 }, (_, later) =>
      Array.from({ length: resuming + 1 }, (_, second) => [claimedAt + later, second] as const),
    ).flat();
    let inTheMiddle = 0;
    await all(
      pairs.map(([first, second]) => async () => {
        const told = `deaths at ${first} and ${second}`;
        const player = newPlayer(ONE, isWebhook);
        await player.act('fulfil', first);
        player.clock.leap(FUNCTION_MS + 20_000);
        await player.act('sweep');
        await player.act('resume', second);
        const [between] = (await player.stored()).entitlements;
        if (between?.status === 'CLAIMED') inTheMiddle += 1;
        // Its message comes again, or the sweeper finds it anew.
        player.clock.leap(FUNCTION_MS + 20_000);
        await player.act('sweep');
        await player.act('resume');
        // What was claimed is granted without the player.
        for (const { status } of (await player.stored()).entitlements) expect(status, told).not.toBe('CLAIMED');
        await player.converge();
        await player.check(told);
      }),
    );
    expect(inTheMiddle).toBeGreaterThanOrEqual(resuming - 1);
    console.info(
      `pairs of crash points of a request and its resumption: ${pairs.length}, dead in its middle ${inTheMiddle}`,
    );
  }, 600_000);

  it("is had once, and acknowledged, wherever two of Amazon's pushes in a row are killed", async () => {
    const ONE = [['e1', 'drop01']] as const;
    const alive = newPlayer(ONE, isWebhook);
    await alive.link();
    const moments = await alive.act('push');
    expect((await alive.stored()).entitlements).toMatchObject([{ status: 'REPORTED' }]);
    const pairs = Array.from({ length: moments + 1 }, (_, first) =>
      Array.from({ length: moments + 1 }, (_, second) => [first, second] as const),
    ).flat();
    await all(
      pairs.map(([first, second]) => async () => {
        const told = `pushes dead at ${first} and ${second}`;
        const player = newPlayer(ONE, isWebhook);
        expect(await player.link()).toMatchObject({ status: 204 });
        await player.act('push', first);
        player.clock.leap(FUNCTION_MS + 20_000);
        await player.act('push', second);
        player.clock.leap(FUNCTION_MS + 20_000);
        await player.act('push');
        await player.act('push');
        const { items, entitlements, markers, events } = await player.stored();
        if (player.game) expect([...player.game.given.keys()], told).toEqual([`${player.name}-e1`]);
        else expect(items, told).toEqual({ coins: 500, skin: 1 });
        expect([entitlements.map(({ status }) => status), markers], told).toEqual([['REPORTED'], []]);
        expect(events.map(({ detailType }) => detailType).sort(), told).toEqual([
          'Entitlement Granted',
          'Entitlement Reported',
        ]);
      }),
    );
    console.info(`pairs of crash points of a push: ${pairs.length}`);
  }, 240_000);

  it('is found by the next sweep, wherever a sweep is killed', async () => {
    const moments = await newPlayer([['e1', 'drop01']], isWebhook).act('sweep');
    await all(
      Array.from({ length: moments + 3 }, (_, at) => async () => {
        const player = newPlayer([['e1', 'drop01']], isWebhook);
        await untilClaimed(player, 20);
        player.clock.leap(FUNCTION_MS + 20_000);
        await player.act('sweep', at);
        await player.act('sweep');
        await player.act('resume');
        expect((await player.stored()).entitlements, `sweep dead at ${at}`).toMatchObject([{ status: 'GRANTED' }]);
        await player.converge();
        await player.check(`sweep dead at ${at}`);
      }),
    );
  }, 240_000);
});

/** Has the player's request die as soon as it has claimed something. @returns the moment of its death */
async function untilClaimed(player: Player, moments: number): Promise<number> {
  for (let at = 0; at <= moments; at += 1) {
    await player.act('fulfil', at);
    if ((await player.stored()).entitlements.length > 0) return at;
  }
  throw new Error('nothing was ever claimed');
}
