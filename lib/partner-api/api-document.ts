import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import * as z from 'zod';
import type { ApiErrorCode } from '../../lambdas/shared/partner-api/api-error.ts';
import type { PartnerCapability } from '../../lambdas/shared/settings.ts';
import type { HandlerPath } from '../shared/handler-bundle.ts';

const FILE = resolve(import.meta.dirname, '../../docs/openapi.json');

export type JsonSchema = Readonly<Record<string, unknown>>;

/** A method of the API, as far as the gateway has to know it. */
export interface ApiOperation {
  readonly operationId: string;
  readonly method: string;
  /** Such as `/v1/titles/{licensor}/{alid}/status`. */
  readonly path: string;
  /** What a partner needs to be let in; every partner may call the `service`, and no partner the routes of `push`. */
  readonly capability: PartnerCapability | 'service' | 'push';
  readonly handler: HandlerPath;
  /** Parameters of path and query without which there is no answer. */
  readonly required: readonly { readonly in: 'path' | 'query'; readonly name: string }[];
  /** Schema of the JSON body. It may refer to `schemas` of the document. */
  readonly body?: JsonSchema;
}

/** What the gateway is made of: the checked-in OpenAPI document. */
export interface ApiDocument {
  /** As it is checked in. */
  readonly text: string;
  readonly operations: readonly ApiOperation[];
  /** By the references to them, such as `#/components/schemas/TuningRequest`. */
  readonly schemas: ReadonlyMap<string, JsonSchema>;
  readonly errors: Readonly<Record<ApiErrorCode, { readonly status: number; readonly meaning: string }>>;
}

const AnySchema = z.record(z.string(), z.unknown());
const Parameter = z.object({
  name: z.string(),
  in: z.enum(['path', 'query', 'header']),
  required: z.boolean().default(false),
});
const Operation = z.object({
  operationId: z.string(),
  tags: z.tuple([
    z.enum(['offer-codes', 'entitlements', 'buy-with-prime', 'push', 'reading', 'watch-list', 'service']),
  ]),
  // Parameters that several operations share are headers, which are left to the function: its answers know their codes.
  parameters: z.array(z.union([z.object({ $ref: z.string() }), Parameter])).default([]),
  requestBody: z.object({ content: z.object({ 'application/json': z.object({ schema: AnySchema }) }) }).optional(),
  'x-offer-relay-handler': z.templateLiteral([z.string(), '/', z.string()]),
});
const Document = z.object({
  paths: z.record(z.string(), z.partialRecord(z.enum(['get', 'post', 'put', 'delete']), Operation)),
  components: z.object({ schemas: z.record(z.string(), AnySchema) }),
  'x-offer-relay-errors': z.record(z.string(), z.object({ status: z.number(), meaning: z.string() })),
});

/** Reads what the gateway needs of `docs/openapi.json`; a test holds that file to the routes. */
export function readApiDocument(): ApiDocument {
  const text = readFileSync(FILE, 'utf8');
  const { paths, components, 'x-offer-relay-errors': errors } = Document.parse(JSON.parse(text));
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]): ApiOperation => {
      const body = operation.requestBody?.content['application/json'].schema;
      return {
        operationId: operation.operationId,
        method: method.toUpperCase(),
        path,
        capability: operation.tags[0],
        handler: operation['x-offer-relay-handler'],
        required: operation.parameters.flatMap((parameter) =>
          'name' in parameter && parameter.required && parameter.in !== 'header'
            ? [{ in: parameter.in, name: parameter.name }]
            : [],
        ),
        ...(body && { body }),
      };
    }),
  );
  return {
    text,
    operations,
    schemas: new Map(
      Object.entries(components.schemas).map(([name, schema]) => [`#/components/schemas/${name}`, schema]),
    ),
    errors: errors as ApiDocument['errors'],
  };
}
