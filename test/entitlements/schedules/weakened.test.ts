import { describe, expect, it } from 'vitest';
import { explore } from './explore.ts';
import type { ViolationKind } from './monitor.ts';
import { SEED } from './seed.ts';
import { WEAKENINGS } from './weakenings.ts';

const WITHIN = 1_000;
/** What each of them has to be found by, among other things perhaps. */
const SIGNS: Readonly<Record<keyof typeof WEAKENINGS, readonly ViolationKind[]>> = {
  'the fence is dropped': ['fenced off', 'lease theft'],
  'the row of the SKU is left out': ['double grant'],
  'the items are given before the grant is recorded': ['double grant'],
  'the items are given after the grant is recorded': ['double grant', 'lost grant', 'reported early'],
};

describe('a protocol that is weaker than ours', () => {
  it.each(Object.entries(WEAKENINGS))(
    `is found within ${WITHIN} schedules where %s`,
    async (name, weakening) => {
      const { found } = await explore(WITHIN, SEED, weakening);
      console.log(
        `${name}: found at schedule ${found?.at ?? '-'} of seed ${SEED}, by ${found?.kinds.join(', ') ?? '-'}`,
      );
      expect(found, 'nothing was found').toBeDefined();
      expect(
        found?.kinds.some((kind) => SIGNS[name]?.includes(kind)),
        found?.story,
      ).toBe(true);
    },
    300_000,
  );

  it('is no other than ours where nothing is taken from it', async () => {
    const { found } = await explore(WITHIN, SEED, (client) => client);
    expect(found?.story).toBeUndefined();
  }, 300_000);
});
