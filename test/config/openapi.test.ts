import { globSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Validator } from '@seriousme/openapi-schema-validator';
import { describe, expect, test } from 'vitest';
import { openApiDocument } from '../../config/openapi/document.ts';
import { OPERATION_EXAMPLES } from '../../config/openapi/examples.ts';
import { ALWAYS, OF_A_PARTNER, OPERATIONS } from '../../config/openapi/operations.ts';
import { API_ERRORS } from '../../lambdas/shared/partner-api/api-error.ts';
import { readContract } from '../partner-api/api-contract.ts';

const project = resolve(import.meta.dirname, '../..');
const text = readFileSync(join(project, 'docs/openapi.json'), 'utf8');
const contract = readContract();

/** Names of the components that a part of the document refers to, however deep. */
function componentsOf(part: unknown, known = new Set<string>()): Set<string> {
  for (const [, name = ''] of JSON.stringify(part ?? null).matchAll(/"#\/components\/schemas\/(\w+)"/g)) {
    if (known.has(name)) continue;
    known.add(name);
    componentsOf(contract.schemas[name], known);
  }
  return known;
}
const cases = contract.operations.map((operation) => [operation.operationId, operation] as const);

describe('the OpenAPI document', () => {
  test('is checked in as the routes make it', () => {
    expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(openApiDocument())));
  });

  test('is valid OpenAPI 3.1', async () => {
    const validator = new Validator();
    const { valid, errors } = await validator.validate(structuredClone(JSON.parse(text)) as Record<string, unknown>);
    expect(errors ?? []).toEqual([]);
    expect([valid, validator.version]).toEqual([true, '3.1']);
  });

  test('has every route of the functions, once', () => {
    const routes = OPERATIONS.map(({ route }) => `${route.method} ${route.path}`);
    expect(new Set(routes).size).toBe(routes.length);
    expect(contract.operations.map(({ method, path }) => `${method} ${path}`).sort()).toEqual(routes.sort());
    expect(new Set(contract.operations.map(({ operationId }) => operationId)).size).toBe(routes.length);
    // Whoever adds a file of routes has to say who serves them.
    const files = globSync('lambdas/*/*-routes.ts', { cwd: project });
    const imported = readFileSync(join(project, 'config/openapi/operations.ts'), 'utf8');
    for (const file of files) expect(imported).toContain(`'../../${file}'`);
  });

  test('names a handler of each operation that is there', () => {
    const handlers = globSync('lambdas/*/*.handler.ts', { cwd: project });
    for (const { handler } of contract.operations) expect(handlers).toContain(`lambdas/${handler}.handler.ts`);
  });

  test('has the table of errors, and says of each code which operations may be answered with it', () => {
    expect(contract.errors).toEqual(API_ERRORS);
    const told = contract.operations.flatMap(({ responses }) =>
      [...responses].flatMap(([status, { examples }]) => (status < 400 ? [] : Object.keys(examples ?? {}))),
    );
    expect([...new Set(told)].sort()).toEqual(Object.keys(API_ERRORS).sort());
    for (const { operationId, capability, responses } of contract.operations) {
      const codes = [...responses].flatMap(([status, { examples }]) => (status < 400 ? [] : Object.keys(examples!)));
      expect(codes).toEqual(expect.arrayContaining([...ALWAYS]));
      const ofPartner = codes.filter((code) => OF_A_PARTNER.some((known) => known === code));
      const expected = capability === 'push' ? [] : OF_A_PARTNER;
      expect([operationId, ofPartner.sort()]).toEqual([operationId, [...expected].sort()]);
    }
  });

  test.each(cases)('has examples of %s that are as it says', (_, operation) => {
    for (const { name, required, example, accepts } of operation.parameters) {
      if (required) expect([name, example]).not.toEqual([name, undefined]);
      if (example !== undefined) expect([name, accepts(String(example))]).toEqual([name, true]);
    }
    if (operation.body !== undefined) expect(operation.body.accepts(operation.body.example)).toBe(true);
    for (const [status, { headers, examples }] of operation.responses) {
      if (examples !== undefined) expect(Object.keys(examples)).not.toEqual([]);
      const given = Object.entries(headers).map(([name, { example }]) => [name.toLowerCase(), String(example)]);
      for (const example of examples === undefined ? [undefined] : Object.values(examples)) {
        const answer = {
          status,
          headers: { 'content-type': 'application/json', ...(Object.fromEntries(given) as Record<string, string>) },
          body: example === undefined ? '' : JSON.stringify(example),
        };
        expect(operation.violations(answer)).toEqual([]);
      }
    }
  });

  test('has no example of an operation or a parameter that is not there', () => {
    expect(Object.keys(OPERATION_EXAMPLES).sort()).toEqual(cases.map(([id]) => id).sort());
    for (const [id, { parameters }] of cases) {
      const names = parameters.map(({ name }) => name);
      for (const name of Object.keys(OPERATION_EXAMPLES[id]!.query ?? {}))
        expect([id, names]).toEqual([id, expect.arrayContaining([name])]);
    }
  });

  test('leaves answers open to what comes later, and requests of partners closed to what nobody knows', () => {
    const { paths } = JSON.parse(text) as { paths: Record<string, Record<string, { requestBody?: unknown }>> };
    const sent = contract.operations.flatMap(({ capability, path, method }) => {
      const names = componentsOf(paths[path]![method.toLowerCase()]!.requestBody);
      return [...names].map((name) => [name, capability] as const);
    });
    expect(sent.length).toBeGreaterThan(10);
    const capabilities = new Map(sent);
    for (const [name, schema] of Object.entries(contract.schemas)) {
      if (schema['type'] !== 'object') continue;
      const capability = capabilities.get(name);
      // What Amazon may add to its own calls is no fault of theirs.
      const expected = capability === undefined ? undefined : capability === 'push' ? {} : false;
      expect([name, schema['additionalProperties']]).toEqual([name, expected]);
    }
  });

  test('says once how to sign, and asks every operation for a key as well', () => {
    const { security, components } = openApiDocument();
    expect(security).toEqual([{ sigv4: [], apiKey: [] }]);
    expect(components.securitySchemes).toMatchObject({
      sigv4: { in: 'header', name: 'Authorization', 'x-amazon-apigateway-authtype': 'awsSigv4' },
      apiKey: { in: 'header', name: 'x-api-key' },
    });
  });

  test('has Amazon sign the calls of the push integration by a key, and nobody else', () => {
    const { paths } = JSON.parse(text) as { paths: Record<string, Record<string, { security?: unknown }>> };
    const WEBHOOK = ['webhook-id', 'webhook-timestamp', 'webhook-signature'];
    for (const { operationId, capability, method, path, parameters } of contract.operations) {
      const { security } = paths[path]![method.toLowerCase()]!;
      const headers = parameters.filter(({ name, required }) => required && WEBHOOK.includes(name));
      const expected = capability === 'push' ? { security: [{ standardWebhooks: [] }], headers: 3 } : { headers: 0 };
      expect([operationId, { security, headers: headers.length }]).toEqual([operationId, expected]);
    }
  });

  test('asks for a token of the player where one is needed', () => {
    const asks = contract.operations.filter(({ parameters }) =>
      parameters.some(({ name, required }) => name === 'x-amz-access-token' && required),
    );
    expect(asks.map(({ operationId }) => operationId)).toEqual(['fulfilEntitlements']);
  });

  test('takes a token of the shopper for quotes and orders, and lets it be left out', () => {
    const takes = contract.operations.filter(({ parameters }) =>
      parameters.some(({ name, required }) => name === 'x-amz-access-token' && !required),
    );
    expect(takes.map(({ operationId }) => operationId).sort()).toEqual(['orderOffer', 'quoteOffers']);
  });

  test('has a quote beside the errors that have one, and beside no other', () => {
    const told = contract.operations.flatMap(({ responses }) =>
      [...responses].flatMap(([status, { examples }]) => (status < 400 ? [] : Object.entries(examples ?? {}))),
    );
    const withQuote = told.filter(([, body]) => 'quote' in (body as object)).map(([code]) => code);
    expect([...new Set(withQuote)].sort()).toEqual(['OFFER_EXPIRED', 'PRICE_CHANGED']);
    const order = contract.operations.find(({ operationId }) => operationId === 'orderOffer')!;
    const violations = (body: object, status = 409) =>
      order.violations({
        status,
        headers: { 'content-type': 'application/json', 'x-amz-apigw-id': 'id' },
        body: JSON.stringify(body),
      });
    const error = { code: 'OFFER_EXPIRED', message: 'gone', requestId: 'id' };
    expect(violations({ error, quote: null })).toEqual([]);
    expect(violations({ error, quote: { offers: 1 } })).not.toEqual([]);
    expect(violations({ error: { ...error, code: 'UNKNOWN_PRODUCT' }, quote: null }, 422)).not.toEqual([]);
  });

  test.each([
    ['neither of two', {}, false],
    ['one of two', { productId: 'mug' }, true],
    ['the other of two', { sku: 'MUG-1' }, true],
    ['both of two', { productId: 'mug', sku: 'MUG-1' }, false],
  ])('says that a line item names its product by %s', (_, names, expected) => {
    const quote = contract.operations.find(({ operationId }) => operationId === 'quoteOffers')!;
    expect(quote.body?.accepts({ lineItems: [{ ...names, quantity: 1 }] })).toBe(expected);
  });
});
