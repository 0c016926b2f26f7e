import ajvModule from 'ajv';
import ajv2020Module from 'ajv/dist/2020.js';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import * as z from 'zod';
import type { JsonSchema } from '../../../lib/partner-api/api-document.ts';
import { bodyShape } from '../../../lib/partner-api/body-shape.ts';
import { readContract } from '../../partner-api/api-contract.ts';
import { valuesOf } from '../../partner-api/request-generator.ts';
import { document } from './partner-stages.ts';

const { Ajv } = ajvModule;
const { Ajv2020 } = ajv2020Module;

const whole = z.record(z.string(), z.unknown()).parse(JSON.parse(document.text));
const bodies = document.operations.flatMap(({ operationId, body }) => (body ? [{ operationId, body }] : []));
const bodyOf = (operationId: string): JsonSchema => bodies.find((one) => one.operationId === operationId)?.body ?? {};

/** Says whether a value is what the document's own schema of a body asks for. */
function schemaOf(body: JsonSchema) {
  const ajv = new Ajv2020({ strict: false, validateFormats: false, allErrors: true });
  return ajv.compile({ ...whole, ...body });
}
// What a shape is made of means the same in draft 4 as in draft 7.
const shapeOf = (body: JsonSchema) => new Ajv({ strict: false }).compile(bodyShape(body, document.schemas));

function keywordsOf(shape: unknown): string[] {
  if (Array.isArray(shape)) return shape.flatMap(keywordsOf);
  if (typeof shape !== 'object' || shape === null) return [];
  return Object.entries(shape).flatMap(([keyword, value]) => [
    keyword,
    ...(keyword === 'properties' ? Object.values(value as object).flatMap(keywordsOf) : keywordsOf(value)),
  ]);
}

describe('the shape of a body', () => {
  test('is made of words that draft 4 knows', () => {
    const known = ['type', 'properties', 'required', 'additionalProperties', 'items', 'anyOf', 'allOf'];
    expect(bodies).toHaveLength(8);
    for (const { body } of bodies) {
      const used = keywordsOf(bodyShape(body, document.schemas));
      expect(used).toContain('properties');
      expect(used.filter((keyword) => !known.includes(keyword))).toEqual([]);
    }
  });

  test('takes whatever the schema takes', () => {
    const text = fc.constantFrom('0.50', '2026-03-01T12:00:00Z', '', 'x', '12');
    const field = fc.oneof(
      fc.boolean(),
      fc.double({ noNaN: true, noDefaultInfinity: true }),
      text,
      fc.constant(null),
      fc.record({ absolute: fc.constantFrom<unknown>('0.50', '0', 1) }, { requiredKeys: [] }),
      fc.record({ percent: fc.constantFrom<unknown>(0, 5, 101, '5'), other: fc.boolean() }, { requiredKeys: [] }),
    );
    const contract = readContract().operations;
    for (const { operationId, body } of bodies) {
      const fits = schemaOf(body);
      const hasShape = shapeOf(body);
      const names = Object.keys(bodyShape(body, document.schemas)['properties'] as object);
      const value = fc.oneof(
        fc.dictionary(fc.constantFrom(...names, 'unknown'), field, { maxKeys: 3 }),
        fc.record(Object.fromEntries(names.map((name) => [name, text])), { requiredKeys: [] }),
        valuesOf(contract.find((operation) => operation.operationId === operationId)!.body!.schema),
      );
      let taken = 0;
      fc.assert(
        fc.property(value, (one) => {
          if (!fits(one)) return;
          taken += 1;
          expect(hasShape(one)).toBe(true);
        }),
        { numRuns: 500 },
      );
      expect(taken).toBeGreaterThan(20);
    }
  });

  test.each([
    ['redeemOfferCode', { redeemedAt: 5 }],
    ['redeemOfferCode', { redeemedOn: '2026-03-01T12:00:00Z' }],
    ['redeemOfferCode', []],
    ['redeemOfferCode', 'text'],
    ['watchPrice', { threshold: '5' }],
    ['watchPrice', { threshold: { percent: '5' } }],
    ['watchPrice', { threshold: { per_cent: 5 } }],
    ['quoteOffers', []],
    ['quoteOffers', { lineItems: {} }],
    ['quoteOffers', { lineItems: [{ quantity: 1 }] }],
    ['quoteOffers', { lineItems: [{ sku: 'MUG-01' }] }],
    ['quoteOffers', { lineItems: [{ sku: 'MUG-01', quantity: '1' }] }],
    ['quoteOffers', { lineItems: [{ sku: 'MUG-01', quantity: 1 }], location: {} }],
    ['quoteOffers', { lineItems: [{ sku: 'MUG-01', quantity: 1 }], location: { ipAddress: 1 } }],
    ['orderOffer', { orderId: 'order-1', offerId: 'offer-1' }],
  ])('of %s is not that of %j', (operationId, value) => {
    expect(shapeOf(bodyOf(operationId))(value)).toBe(false);
  });

  test('leaves what a value may be to the functions, which say what is wrong with it', () => {
    const body = bodyOf('watchPrice');
    for (const value of [{ threshold: { percent: 101 } }, { threshold: { absolute: 'much' } }]) {
      expect([schemaOf(body)(value), shapeOf(body)(value)]).toEqual([false, true]);
    }
  });

  test('leaves it to the function to say that of two fields only one may be there', () => {
    const body = bodyOf('quoteOffers');
    const both = { lineItems: [{ sku: 'MUG-01', productId: 'example-mug', quantity: 1 }] };
    expect([schemaOf(body)(both), shapeOf(body)(both)]).toEqual([false, true]);
  });

  test('keeps what has to be there, and lets a value be of several branches', () => {
    const branch = (value: number) => ({ type: 'object', properties: { a: { const: value } }, required: ['a'] });
    const schema = { oneOf: [branch(1), branch(2), { $ref: '#/components/schemas/Text' }] };
    const shape = bodyShape(schema, new Map([['#/components/schemas/Text', { type: 'string', minLength: 3 }]]));
    const fits = new Ajv({ strict: false }).compile(shape);
    expect([{ a: 1 }, { a: 2 }, 'text', {}, 5].map((value) => fits(value))).toEqual([true, true, true, false, false]);
  });

  test('leaves out what draft 4 does not know, and what says nothing', () => {
    expect(bodyShape({ type: 'object', required: [] }, new Map())).toEqual({ type: 'object' });
    expect(bodyShape({ anyOf: [{ minimum: 1 }, { type: 'string' }], allOf: [{ maxLength: 2 }] }, new Map())).toEqual(
      {},
    );
    expect(bodyShape({ type: 'array', items: { type: 'string', minLength: 1 } }, new Map())).toEqual({
      type: 'array',
      items: { type: 'string' },
    });
  });

  test('is not made of a reference that leads nowhere', () => {
    expect(() => bodyShape({ $ref: '#/components/schemas/Missing' }, new Map())).toThrow(/Missing/);
  });
});
