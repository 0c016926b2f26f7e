import { getOperationAST, parse, validate } from 'graphql';
import { describe, expect, it } from 'vitest';
import { documents } from '../../lambdas/buy-with-prime/graphql-documents.ts';
import { sample, schema, selectedFields } from './amazon-schema.ts';

const ALL = Object.entries(documents);
const below = (root: string, paths: readonly string[]): string[] =>
  paths.filter((path) => path.startsWith(`${root}.`)).map((path) => path.slice(root.length + 1));

describe('the documents', () => {
  it.each(ALL)('are valid by the schema: %s', (_, { text, operationName }) => {
    const document = parse(text);
    expect(validate(schema, document)).toEqual([]);
    expect(getOperationAST(document, operationName)?.name?.value).toBe(operationName);
    expect(document.definitions).toHaveLength(1);
  });

  it.each(ALL)('have what is asked for in variables only, and name no type of an answer: %s', (_, { text }) => {
    expect(text).not.toMatch(/"/u);
    expect(text).not.toMatch(/\.\.\.|\bfragment\b/u);
    expect(text).not.toMatch(/\s\s|\n/u);
  });

  it('ask on product pages for what the sample asks for', () => {
    expect(selectedFields(documents.productPageOffers.text)).toEqual(
      selectedFields(sample('product-page.request.graphql')),
    );
  });

  it.each(['checkout-eligible', 'checkout-mixed'])(
    'ask at checkout for what the sample asks for, and for what only its answer shows: %s',
    (name) => {
      const ours = selectedFields(documents.checkoutOffers.text);
      const theirs = selectedFields(sample(`${name}.request.graphql`));
      expect(theirs.filter((path) => !ours.includes(path))).toEqual([]);
      expect(ours.filter((path) => !theirs.includes(path)).map((path) => path.split('lineItems.')[1])).toEqual([
        'deliveryOffer.details.policy.messaging.locale',
        'reversalOffers.summary.description',
        'reversalOffers.summary.description.locale',
        'reversalOffers.summary.description.value',
        'reversalOffers.summary.title',
        'reversalOffers.summary.title.locale',
        'reversalOffers.summary.title.value',
      ]);
    },
  );

  it('ask for the whole order of the sample, field by field, when it is made and when it is read', () => {
    const whole = below('createOrderFromOffer.order', selectedFields(sample('create-order.request.graphql')));
    expect(whole.length).toBeGreaterThan(250);
    expect(below('createOrderFromOffer.order', selectedFields(documents.createOrderFromOffer.text))).toEqual(whole);
    expect(below('order', selectedFields(documents.findOrder.text))).toEqual(whole);
  });
});
