import {
  getNamedType,
  graphqlSync,
  isCompositeType,
  isListType,
  type GraphQLFieldResolver,
  type ResponsePath,
} from 'graphql';
import { documents } from '../../lambdas/buy-with-prime/graphql-documents.ts';
import { schema } from './amazon-schema.ts';

const VARIABLES = {
  productPageOffers: { input: { lineItems: [] } },
  checkoutOffers: { input: { lineItems: [] } },
  createOrderFromOffer: { input: { baseOfferId: 'o' } },
  findOrder: { orderIdentifier: { orderId: '1' } },
} as const;

export interface MadeUp {
  /** The `data` of the answer. */
  readonly data: Record<string, unknown>;
  /** Paths of its leaves, list positions aside. */
  readonly leaves: readonly string[];
}

/**
 * What a GraphQL server answers that has one of everything: each leaf has a value of its own.
 *
 * @param changed path of a leaf that has another value than else
 * @param without end of the path of objects that are null
 */
export function madeUpAnswer(name: keyof typeof documents, { changed = '', without = '.' } = {}): MadeUp {
  const leaves: string[] = [];
  const fieldResolver: GraphQLFieldResolver<unknown, unknown> = (_source, _args, _context, info) => {
    const path = pathText(info.path);
    const type = getNamedType(info.returnType);
    const isLeaf = !isCompositeType(type);
    if (!isLeaf && path.endsWith(without)) return null;
    if (isLeaf) leaves.push(path);
    const value = isLeaf ? leafValue(type.name, info.fieldName, leaves.length, path === changed) : {};
    return isListType(info.returnType) ? [value] : value;
  };
  const result = graphqlSync({
    schema,
    source: documents[name].text,
    variableValues: VARIABLES[name],
    fieldResolver,
  });
  if (result.errors) throw result.errors[0]!;
  return { data: JSON.parse(JSON.stringify(result.data)) as Record<string, unknown>, leaves };
}

function leafValue(type: string, field: string, serial: number, isOther: boolean): unknown {
  const number = isOther ? serial + 5_000 : serial;
  if (type === 'Boolean' || type === 'Flag') return !isOther;
  if (type === 'Int') return number;
  if (type === 'Decimal') return number + 0.25;
  if (/At$|^earliest$|^latest$/u.test(field)) return new Date(number * 1_000).toISOString();
  return `${field}-${number}`;
}

function pathText(path: ResponsePath): string {
  const keys: string[] = [];
  for (let at: ResponsePath | undefined = path; at; at = at.prev) if (typeof at.key === 'string') keys.unshift(at.key);
  return keys.join('.');
}
