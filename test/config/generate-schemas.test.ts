import { cpSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { generatedSchemas, kebabCase, staleSchemas } from '../../config/generate-schemas.ts';
import { buyWithPrimeEventSchemas } from '../../lambdas/buy-with-prime/order-event-schemas.ts';
import { entitlementEventSchemas } from '../../lambdas/entitlements/entitlement-event-schemas.ts';
import { offerEventSchemas } from '../../lambdas/offer-status/offer-event-schemas.ts';
import { priceEventSchemas } from '../../lambdas/pricing/price-event-schemas.ts';
import { scratchFolder } from '../lib/scratch-folder.ts';

const project = resolve(import.meta.dirname, '../..');

const GRAPHQL_TYPES = 'lambdas/buy-with-prime/graphql-schema.ts';

function copyOfGenerated(): string {
  const copy = scratchFolder();
  mkdirSync(join(copy, 'config'));
  cpSync(join(project, 'config/settings.schema.json'), join(copy, 'config/settings.schema.json'));
  cpSync(join(project, 'docs/events'), join(copy, 'docs/events'), { recursive: true });
  cpSync(join(project, 'docs/openapi.json'), join(copy, 'docs/openapi.json'));
  cpSync(join(project, GRAPHQL_TYPES), join(copy, GRAPHQL_TYPES));
  return copy;
}

describe('generated schemas', () => {
  test('are checked in as they would be generated', () => {
    expect(staleSchemas()).toEqual([]);
  });

  test('include one for each event, named after its detail type', () => {
    const detailTypes = Object.keys({
      ...offerEventSchemas,
      ...priceEventSchemas,
      ...entitlementEventSchemas,
      ...buyWithPrimeEventSchemas,
    });
    const expected = detailTypes.map((detailType) => `${kebabCase(detailType)}.schema.json`);
    expect(readdirSync(join(project, 'docs/events')).filter((name) => name.endsWith('.schema.json'))).toEqual(
      expect.arrayContaining(expected),
    );
    expect(kebabCase('Offer Went Live')).toBe('offer-went-live');
  });

  test('are reported when they are changed, missing or left over', () => {
    const copy = copyOfGenerated();
    expect(staleSchemas(copy)).toEqual([]);

    writeFileSync(join(copy, 'config/settings.schema.json'), '{}\n');
    writeFileSync(join(copy, 'docs/events/gone.schema.json'), '{}\n');

    expect(staleSchemas(copy)).toEqual(['config/settings.schema.json', 'docs/events/gone.schema.json']);
    expect(staleSchemas(join(copy, 'nowhere'))).toEqual([...generatedSchemas().keys()].sort());
  });

  test('leave events open to fields that come later, and settings closed to fields nobody knows', () => {
    for (const [path, text] of generatedSchemas()) {
      if (!path.endsWith('.schema.json')) continue;
      const schema = JSON.parse(text) as { additionalProperties?: unknown; title?: string };
      expect(schema.title).toBeTruthy();
      expect([path, schema.additionalProperties]).toEqual([path, path.startsWith('config/') ? false : undefined]);
    }
  });
});
