import { readFileSync } from 'node:fs';
import type { IncomingHttpHeaders } from 'node:http';
import {
  buildSchema,
  GraphQLError,
  Kind,
  parse,
  validate,
  visit,
  type DocumentNode,
  type GraphQLScalarType,
  type OperationDefinitionNode,
} from 'graphql';
import path from 'node:path';
import * as z from 'zod';
import type { Answer } from '../answer.ts';

/** The API's schema, with what its scalars are read as: a Decimal is its digits, a Flag a boolean. */
export const schema = buildSchema(readFileSync(path.join(import.meta.dirname, 'schema.graphql'), 'utf8'));
Object.assign(schema.getType('Decimal') as GraphQLScalarType, {
  coerceInputValue(value: unknown): string {
    if (typeof value !== 'number') throw new GraphQLError('A Decimal must be a number.');
    return String(value);
  },
  coerceInputLiteral(node: { kind: Kind; value?: string }): string {
    if (node.kind !== Kind.INT && node.kind !== Kind.FLOAT) throw new GraphQLError('A Decimal must be a number.');
    return node.value!;
  },
});
Object.assign(schema.getType('Flag') as GraphQLScalarType, {
  coerceInputValue: readFlag,
  coerceInputLiteral(node: { kind: Kind; value?: unknown }): boolean {
    if (node.kind !== Kind.BOOLEAN && node.kind !== Kind.STRING)
      throw new GraphQLError('A Flag must be true or false.');
    return readFlag(node.value);
  },
});

function readFlag(value: unknown): boolean {
  if (value === true || value === 'true') return true;
  if (value === false || value === 'false') return false;
  throw new GraphQLError('A Flag must be true or false.');
}

/** A document that may be executed, and what a fault rule can match of it. */
export interface GraphqlRequest {
  readonly document: DocumentNode;
  readonly operationName: string | undefined;
  readonly variables: Readonly<Record<string, unknown>>;
  /** Names of the root fields that it asks for. */
  readonly operations: readonly string[];
  /** Identifiers of products and SKUs, and of aliases, that it names anywhere. */
  readonly products: readonly string[];
  readonly aliases: readonly string[];
}

const Body = z.looseObject({
  query: z.string(),
  operationName: z.string().nullish(),
  variables: z.record(z.string(), z.unknown()).nullish(),
});

const RESPONSE_TYPE = 'application/graphql-response+json';
/** Documents that were found right, so that a client's handful of them is checked once. */
const MOST_CHECKED = 64;
const checked = new Map<string, DocumentNode>();

/** The media type that a client wants: GraphQL's own, or plain JSON. */
export function responseType({ accept = '' }: IncomingHttpHeaders): string {
  const first = accept.split(',').find((type) => /^\s*application\/(?:graphql-response\+)?json\b/.test(type));
  return first?.trim().startsWith(RESPONSE_TYPE) === true ? RESPONSE_TYPE : 'application/json';
}

/** What a POST asks for, or how it is turned away, as "GraphQL over HTTP" has it. */
export function readGraphqlRequest(headers: IncomingHttpHeaders, body: Buffer): GraphqlRequest | { refusal: Answer } {
  const [mediaType = ''] = (headers['content-type'] ?? '').split(';', 1);
  if (mediaType.trim().toLowerCase() !== 'application/json')
    return refuse(415, 'The Content-Type must be application/json.');
  let json: unknown;
  try {
    json = JSON.parse(body.toString('utf8'));
  } catch {
    return refuse(400, 'The body is not JSON.');
  }
  const parsed = Body.safeParse(json);
  if (!parsed.success) return refuse(400, z.prettifyError(parsed.error));
  const { query, operationName, variables } = parsed.data;
  // Whoever wants GraphQL's own media type is told by the status as well.
  const invalid = responseType(headers) === RESPONSE_TYPE ? 400 : 200;
  let document = checked.get(query);
  if (!document) {
    try {
      document = parse(query);
    } catch (error) {
      return { refusal: { status: invalid, body: { errors: [error] } } };
    }
    const errors = validate(schema, document);
    if (errors.length > 0) return { refusal: { status: invalid, body: { errors } } };
    if (checked.size >= MOST_CHECKED) checked.clear();
    checked.set(query, document);
  }
  return {
    document,
    operationName: operationName ?? undefined,
    variables: variables ?? {},
    operations: operationsOf(document, operationName ?? undefined),
    products: named(document, variables, ['productId', 'sku']),
    aliases: named(document, variables, ['aliasId']),
  };
}

export function graphqlErrors(...messages: readonly string[]): object {
  return { errors: messages.map((message) => ({ message })) };
}

function refuse(status: number, message: string): { refusal: Answer } {
  return { refusal: { status, body: graphqlErrors(message) } };
}

function operationsOf({ definitions }: DocumentNode, name: string | undefined): string[] {
  const operations = definitions.filter(
    (definition): definition is OperationDefinitionNode => definition.kind === Kind.OPERATION_DEFINITION,
  );
  const wanted = name === undefined ? operations[0] : operations.find((operation) => operation.name?.value === name);
  return (wanted?.selectionSet.selections ?? []).flatMap((field) =>
    field.kind === Kind.FIELD ? field.name.value : [],
  );
}

/** Every text under one of some names, in the document and in its variables. */
function named(document: DocumentNode, variables: unknown, names: readonly string[]): string[] {
  const found = new Set<string>();
  visit(document, {
    ObjectField({ name, value }) {
      if (names.includes(name.value) && value.kind === Kind.STRING) found.add(value.value);
    },
  });
  const look = (node: unknown): void => {
    if (typeof node !== 'object' || node === null) return;
    for (const [key, value] of Object.entries(node)) {
      if (names.includes(key) && typeof value === 'string') found.add(value);
      look(value);
    }
  };
  look(variables);
  return [...found];
}
