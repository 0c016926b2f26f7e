/** What the players of the bench claim, and what they have to have in the end. */

/** What each SKU holds, as the settings have it: neighbours share an item, and some share a unique one. */
export const SKUS = {
  bench_drop01: [stackable('coins', 500), unique('skin_mechahat')],
  bench_drop02: [stackable('coins', 250)],
  bench_drop03: [stackable('gems', 10), unique('skin_robodog')],
  bench_drop04: [stackable('coins', 100), stackable('gems', 5)],
  bench_drop05: [unique('skin_mechahat'), stackable('gems', 20)],
  bench_drop06: [stackable('coins', 50), unique('skin_robodog')],
} as const satisfies Record<string, readonly Item[]>;
type Sku = keyof typeof SKUS;

/** The most that a player can claim, since nobody is given a SKU twice. */
export const MOST_CLAIMS = Object.keys(SKUS).length;

interface Item {
  readonly itemId: string;
  readonly quantity: number;
  readonly kind: 'stackable' | 'unique';
}

export interface Player {
  readonly playerId: string;
  readonly token: string;
  readonly claims: readonly { readonly entitlementId: string; readonly sku: Sku }[];
}

/** Prime Gaming, of which the bench needs no more than this. */
export interface ClaimsDesk {
  issueToken(options: { account: string; lifeMs: number }): string;
  claim(options: { account: string; sku: string }): string;
}

/**
 * A player with claims that nobody has fulfilled yet: the SKUs that follow on that of the player's number.
 *
 * @param tokenMs how long the token has to be good
 */
export function enrolPlayer(
  desk: ClaimsDesk,
  playerId: string,
  { number, claims, tokenMs }: { readonly number: number; readonly claims: number; readonly tokenMs: number },
): Player {
  const skus = Object.keys(SKUS) as Sku[];
  return {
    playerId,
    token: desk.issueToken({ account: playerId, lifeMs: tokenMs }),
    claims: Array.from({ length: claims }, (_, index) => {
      const sku = skus[(number + index) % skus.length]!;
      return { entitlementId: desk.claim({ account: playerId, sku }), sku };
    }),
  };
}

/** What the inventory holds once everything is granted, each claim once: quantity and kind of each item. */
export function inventoryOf({ claims }: Pick<Player, 'claims'>): Map<string, Omit<Item, 'itemId'>> {
  const inventory = new Map<string, Omit<Item, 'itemId'>>();
  for (const { itemId, quantity, kind } of claims.flatMap(({ sku }): readonly Item[] => SKUS[sku])) {
    const before = kind === 'stackable' ? (inventory.get(itemId)?.quantity ?? 0) : 0;
    inventory.set(itemId, { quantity: before + quantity, kind });
  }
  return inventory;
}

function stackable(itemId: string, quantity: number) {
  return { itemId, quantity, kind: 'stackable' } as const;
}

function unique(itemId: string) {
  return { itemId, quantity: 1, kind: 'unique' } as const;
}
