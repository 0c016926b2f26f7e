import fc from 'fast-check';

/** An invocation of a function. */
export type Delivery =
  | { readonly kind: 'fulfil'; readonly player: number; readonly account: number }
  | { readonly kind: 'unlink'; readonly player: number }
  | { readonly kind: 'sweep' }
  | { readonly kind: 'resume' };

/** What can go wrong. Each schedule has some of it only, so that some have much of one kind. */
export const FAULTS = [
  'kill',
  'fail',
  'lose',
  'repeat',
  'delay',
  'wait',
  'wait long',
  'expire',
  'revoke',
  'relist',
  'claim',
  'duplicate',
  'refuse',
  'outage',
] as const;
export type Fault = (typeof FAULTS)[number];

export interface Scenario {
  readonly granter: 'inventory' | 'webhook';
  /** What is claimed at the beginning, by which of two Amazon accounts. */
  readonly claims: readonly { readonly account: number; readonly sku: string }[];
  /** Begun one after the other, while those before are under way. */
  readonly deliveries: readonly Delivery[];
  /** How many of them begin at once. */
  readonly together: number;
  /** Milliseconds that the clocks of environments are ahead. */
  readonly skews: readonly number[];
  /** Whether workers go on past the end of their function. */
  readonly hasZombies: boolean;
  /** Whether the index misses the latest writes. */
  readonly isBehind: boolean;
  /** How the game's backend begins. */
  readonly game: 'works' | 'refuses' | 'is down';
  readonly faults: readonly Fault[];
  /** Whether the sweeper comes before the players when all is quiet again. */
  readonly sweepsFirst: boolean;
}

export interface Schedule {
  readonly scenario: Scenario;
  /** One number for each step; 0 lets the one that has waited longest go on. */
  readonly steps: readonly number[];
}

const ofFirst = fc.constantFrom(0, 0, 0, 1);
const sku = fc.constantFrom(
  ...['drop01', 'drop01', 'drop01', 'drop01', 'drop01', 'drop02', 'skinpack', 'skinpack', 'skinpack', 'drop99'],
);
const ownFulfilment = fc.constantFrom<Delivery>(
  { kind: 'fulfil', player: 0, account: 0 },
  { kind: 'fulfil', player: 0, account: 0 },
  { kind: 'fulfil', player: 1, account: 1 },
);
const delivery = fc.oneof(
  { weight: 8, arbitrary: ownFulfilment },
  { weight: 2, arbitrary: fc.constant<Delivery>({ kind: 'sweep' }) },
  { weight: 3, arbitrary: fc.constant<Delivery>({ kind: 'resume' }) },
);
/** With accounts and players that change places. */
const relinking = fc.oneof(
  { weight: 4, arbitrary: delivery },
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant('fulfil' as const), player: fc.nat(1), account: fc.nat(1) }),
  },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('unlink' as const), player: ofFirst }) },
);
const deliveries = fc.oneof(
  { weight: 3, arbitrary: fc.array(delivery, { minLength: 2, maxLength: 6, size: 'max' }) },
  { weight: 2, arbitrary: fc.array(relinking, { minLength: 3, maxLength: 7, size: 'max' }) },
);

export const MOST_STEPS = 70;
/** Kinds of steps, times those to choose from. */
export const STEP_RANGE = 64 * 4_096;

export const schedule: fc.Arbitrary<Schedule> = fc.record({
  scenario: fc.record({
    granter: fc.constantFrom('inventory' as const, 'webhook' as const),
    claims: fc.array(fc.record({ account: ofFirst, sku }), { minLength: 1, maxLength: 3, size: 'max' }),
    deliveries,
    together: fc.integer({ min: 1, max: 3 }),
    skews: fc.array(fc.constantFrom(0, 5_000, -5_000, 2_000), { minLength: 1, maxLength: 3, size: 'max' }),
    hasZombies: fc.boolean(),
    isBehind: fc.boolean(),
    game: fc.constantFrom('works' as const, 'works' as const, 'is down' as const, 'refuses' as const),
    faults: fc.subarray([...FAULTS]),
    sweepsFirst: fc.boolean(),
  }),
  steps: fc.array(fc.nat(STEP_RANGE - 1), { maxLength: MOST_STEPS, size: 'max' }),
});
