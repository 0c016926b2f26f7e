import { readFileSync } from 'node:fs';
import { buildSchema, parse, visit, type DocumentNode } from 'graphql';

/** The simulator's schema, which is written from Amazon's page. */
export const schema = buildSchema(
  readFileSync(new URL('../../local/upstreams/buy-with-prime/schema.graphql', import.meta.url), 'utf8'),
);

/** One of the page's samples, as it stands in the folder of samples. */
export const sample = (name: string): string => readFileSync(new URL(`samples/${name}`, import.meta.url), 'utf8');

/** Paths of all fields that a document selects, each once, such as `order.lineItems.id`. */
export function selectedFields(document: DocumentNode | string): string[] {
  const paths = new Set<string>();
  const open: string[] = [];
  visit(typeof document === 'string' ? parse(document) : document, {
    FragmentSpread: () => {
      throw new Error('the document is not written out');
    },
    Field: {
      enter({ name }) {
        open.push(name.value);
        paths.add(open.join('.'));
      },
      leave: () => void open.pop(),
    },
  });
  return [...paths].sort();
}
