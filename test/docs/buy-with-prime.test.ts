import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import * as z from 'zod';
import { BuyWithPrimeCredentials } from '../../lambdas/buy-with-prime/buy-with-prime-credentials.ts';
import { MOST_ITEMS, MOST_ITEMS_OF_A_KIND } from '../../lambdas/buy-with-prime/buy-with-prime-requests.ts';
import { buyWithPrimeRoutes } from '../../lambdas/buy-with-prime/buy-with-prime-routes.ts';
import { buyWithPrimeEventSchemas } from '../../lambdas/buy-with-prime/order-event-schemas.ts';
import { OfferLine, QuotedDelivery, QuotedProduct, QuotedReturn } from '../../lambdas/buy-with-prime/quote.ts';
import { BuyWithPrimeSettings, Partner } from '../../lambdas/shared/settings-schema.ts';
import { buyWithPrimeSecretName } from '../../lambdas/shared/settings.ts';
import { tableOf } from './markdown-table.ts';

const docs = resolve(import.meta.dirname, '../../docs');
const page = readFileSync(`${docs}/buy-with-prime.md`, 'utf8');
const eventsPage = readFileSync(`${docs}/events.md`, 'utf8');
const text = page.replaceAll(/\s+/g, ' ');
const firstCells = (heading: string) => tableOf(page, heading).map(([cell]) => cell);
const jsonBlocks = [...page.matchAll(/^```json\n(.*?)^```$/gms)].map(
  ([, block = '']) => JSON.parse(`{${block}}`) as Record<string, unknown>,
);

describe('docs/buy-with-prime.md', () => {
  test('says of every error that quoting, ordering and reading have of their own what to do, and of no other', () => {
    const own = Object.values(buyWithPrimeRoutes).flatMap(({ errors }) => [...errors]);
    expect(firstCells('error').sort()).toEqual([...new Set<string>(own)].sort());
  });

  test('tells the defaults of the settings as they are', () => {
    const told = tableOf(page, 'setting').map(([setting, value]) => [setting, value]);
    // Nobody has an account or events unless the settings say so; both are told of by themselves.
    const { accounts, events, ...defaults } = BuyWithPrimeSettings.parse({});
    expect([accounts, events]).toEqual([{}, undefined]);
    expect(told.sort()).toEqual(
      Object.entries(defaults)
        .map(([setting, value]) => [setting, String(value)])
        .sort(),
    );
  });

  test('names every field of a quoted line item', () => {
    const shapes = { product: QuotedProduct, delivery: QuotedDelivery, returns: QuotedReturn };
    expect(Object.keys(shapes)).toEqual(Object.keys(OfferLine.shape));
    expect(tableOf(page, 'of each line item')).toEqual(
      Object.entries(shapes).map(([part, { shape }]) => [part, Object.keys(shape).join(', ')]),
    );
  });

  test('tells the limits as they are', () => {
    expect(text).toContain(`There are at most ${MOST_ITEMS} line items.`);
    expect(text).toContain(
      `at most ${MOST_ITEMS_OF_A_KIND} line items may say the one and ${MOST_ITEMS_OF_A_KIND} the`,
    );
  });

  test('shows settings that are taken', () => {
    const [withEvents, whole] = jsonBlocks as [
      { events: unknown },
      { buyWithPrime: unknown; partnerApi: { partners: { example: unknown } } },
    ];
    expect(BuyWithPrimeSettings.parse(withEvents).events).toEqual(withEvents.events);
    const { account } = Partner.parse(whole.partnerApi.partners.example).buyWithPrime ?? {};
    expect(Object.keys(BuyWithPrimeSettings.parse(whole.buyWithPrime).accounts)).toEqual([account]);
  });

  test('makes the secret under the name and with the fields that are read', () => {
    const [, command = ''] = /^ {4}jq (-n.*?)\n\n/ms.exec(page) ?? [];
    expect(command).toContain(` --name ${buyWithPrimeSecretName('prod', 'main', undefined)} `);
    const given = [...command.matchAll(/--arg (\w+)/g)].map(([, name]) => name);
    const { required } = z.toJSONSchema(BuyWithPrimeCredentials);
    expect(given.sort()).toEqual([...required!].sort());
  });
});

describe('docs/events.md', () => {
  test.each(Object.entries(buyWithPrimeEventSchemas))('has %s, and names its fields', (detailType, schema) => {
    const start = eventsPage.indexOf('## The events of an order');
    const section = eventsPage.slice(start, eventsPage.indexOf('\n## ', start + 1));
    expect(section).toContain(`\`${detailType}\``);
    const { properties } = z.toJSONSchema(schema, { io: 'input' }) as unknown as {
      properties: { data: { properties: Record<string, unknown> } };
    };
    const fields = Object.keys(properties.data.properties);
    expect(fields.length).toBeGreaterThan(3);
    for (const field of fields) expect([field, section.includes(`\`${field}\``)]).toEqual([field, true]);
  });
});
