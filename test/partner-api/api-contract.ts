import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import addFormats from 'ajv-formats';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import * as z from 'zod';

/** The checked-in OpenAPI document, as a judge of answers. It shares no code with the functions, nor with the generator. */

const PROJECT = join(import.meta.dirname, '../..');
const COMPONENTS = 'https://offer-relay.invalid/schemas/';

const Schema = z.record(z.string(), z.unknown());
export type Schema = z.infer<typeof Schema>;
const Content = z.strictObject({
  'application/json': z.object({
    schema: Schema,
    example: z.unknown().optional(),
    examples: z.record(z.string(), z.object({ value: z.unknown() })).optional(),
  }),
});
const Header = z.object({
  required: z.boolean().default(false),
  schema: Schema,
  example: z.union([z.string(), z.number()]),
});
const Ref = z.strictObject({ $ref: z.string() });
const Response = z.object({
  description: z.string(),
  headers: z.record(z.string(), Ref).default({}),
  content: Content.optional(),
});
const Parameter = z.object({
  name: z.string(),
  in: z.enum(['path', 'query', 'header']),
  required: z.boolean().default(false),
  schema: Schema,
  example: z.union([z.string(), z.number()]).optional(),
});
const Operation = z.object({
  operationId: z.string(),
  tags: z.array(z.string()).length(1),
  summary: z.string(),
  parameters: z.array(Parameter),
  requestBody: z.object({ required: z.boolean(), content: Content }).optional(),
  responses: z.record(z.string(), z.union([Ref, Response])),
  'x-offer-relay-handler': z.string(),
});
const Document = z.object({
  paths: z.record(z.string(), z.record(z.string(), Operation)),
  components: z.object({
    headers: z.record(z.string(), Header),
    responses: z.record(z.string(), Response),
    schemas: z.record(z.string(), Schema),
  }),
  'x-offer-relay-errors': z.record(z.string(), z.object({ status: z.number(), meaning: z.string() })),
});

export interface ContractParameter {
  readonly name: string;
  readonly in: 'path' | 'query' | 'header';
  readonly required: boolean;
  readonly schema: Schema;
  readonly example?: string | number | undefined;
  /** Whether the schema takes what stands for a text: numbers are sent as text as well. */
  accepts(text: string): boolean;
}

export interface ContractResponse {
  readonly headers: Readonly<Record<string, { readonly required: boolean; readonly example: string | number }>>;
  /** Undefined where there is no body. */
  readonly examples: Readonly<Record<string, unknown>> | undefined;
}

export interface ContractOperation {
  readonly operationId: string;
  readonly method: string;
  /** With its parameters in braces. */
  readonly path: string;
  readonly capability: string;
  readonly handler: string;
  readonly parameters: readonly ContractParameter[];
  readonly body:
    | {
        readonly required: boolean;
        /** With every reference replaced by what it refers to. */
        readonly schema: Schema;
        readonly example: unknown;
        accepts(value: unknown): boolean;
      }
    | undefined;
  readonly responses: ReadonlyMap<number, ContractResponse>;
  /** What of an answer the document does not allow, as sentences that repeat no value; empty when all is well. */
  violations(answer: ApiAnswer): string[];
}

export interface ApiAnswer {
  readonly status: number;
  /** By lower-case name. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export interface ApiContract {
  readonly operations: readonly ContractOperation[];
  /** Codes of errors, with their statuses and meanings. */
  readonly errors: Readonly<Record<string, { readonly status: number; readonly meaning: string }>>;
  /** Of components, by name. */
  readonly schemas: Readonly<Record<string, Schema>>;
}

/** @param document @default the one that is checked in */
export function readContract(
  document: unknown = JSON.parse(readFileSync(join(PROJECT, 'docs/openapi.json'), 'utf8')),
): ApiContract {
  const { paths, components, ...rest } = Document.parse(document);
  // What a branch requires is among the fields of the whole.
  const ajv = new Ajv2020({ strict: true, strictRequired: false, allowUnionTypes: true, allErrors: true });
  addFormats.default(ajv);
  for (const [name, schema] of Object.entries(components.schemas)) ajv.addSchema(closed(schema), COMPONENTS + name);
  // References are followed when a schema is compiled, and a component that is broken should be so at once.
  for (const name of Object.keys(components.schemas)) ajv.getSchema(COMPONENTS + name);

  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]): ContractOperation => {
      const responses = new Map(
        Object.entries(operation.responses).map(([status, response]) => {
          const resolved = '$ref' in response ? referred(components.responses, response) : response;
          const headers = Object.fromEntries(
            Object.entries(resolved.headers).map(([name, header]) => [name, referred(components.headers, header)]),
          );
          const schema = resolved.content?.['application/json'].schema;
          return [
            Number(status),
            {
              headers,
              headerChecks: Object.entries(headers).map(
                ([name, header]) => [name, header.required, ajv.compile(header.schema), header.schema] as const,
              ),
              examples: resolved.content && valuesOf(resolved.content['application/json'].examples),
              check: schema && ajv.compile(closed(schema)),
            },
          ] as const;
        }),
      );
      const json = operation.requestBody?.content['application/json'];
      const bodyCheck = json && ajv.compile(closed(json.schema));
      return {
        operationId: operation.operationId,
        method: method.toUpperCase(),
        path,
        capability: operation.tags[0]!,
        handler: operation['x-offer-relay-handler'],
        parameters: operation.parameters.map((parameter) => {
          const check = ajv.compile(parameter.schema);
          return { ...parameter, accepts: (text) => check(valueOf(text, parameter.schema)) };
        }),
        body: json && {
          required: operation.requestBody!.required,
          schema: withoutRefs(json.schema, components.schemas) as Schema,
          example: json.example,
          accepts: (value) => bodyCheck!(value),
        },
        responses,
        violations(answer) {
          const response = responses.get(answer.status);
          if (response === undefined) return [`status ${answer.status} is not in the document`];
          return [
            ...response.headerChecks.flatMap(([name, required, check, schema]) => {
              const value = answer.headers[name.toLowerCase()];
              if (value === undefined) return required ? [`the header ${name} is missing`] : [];
              return check(valueOf(value, schema)) ? [] : [`the header ${name} is not as described`];
            }),
            ...bodyViolations(answer, response.check),
          ];
        },
      };
    }),
  );
  return { operations, errors: rest['x-offer-relay-errors'], schemas: components.schemas };
}

function bodyViolations({ status, headers, body }: ApiAnswer, check: ValidateFunction | undefined): string[] {
  if (check === undefined) return body === '' ? [] : [`an answer ${status} has no body`];
  if (!/^application\/json(?:;|$)/.test(headers['content-type'] ?? '')) return ['the body is not application/json'];
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    return ['the body is not JSON'];
  }
  // What ajv says of values goes nowhere: they may be secrets.
  if (!check(value)) {
    return (check.errors ?? []).map(({ instancePath, message = '', params }) => {
      const name = 'additionalProperty' in params ? ` (${String(params['additionalProperty'])})` : '';
      return `body${instancePath} ${message}${name}`;
    });
  }
  const id = z.object({ error: z.object({ requestId: z.string() }) }).safeParse(value).data?.error.requestId;
  return status < 400 || id === headers['x-amz-apigw-id'] ? [] : ['the requestId is not that of the headers'];
}

function referred<Component>(
  components: Readonly<Record<string, Component>>,
  { $ref }: z.infer<typeof Ref>,
): Component {
  const component = components[$ref.split('/').at(-1)!];
  if (component === undefined) throw new Error(`${$ref} refers to nothing`);
  return component;
}

const valuesOf = (examples: Readonly<Record<string, { value: unknown }>> = {}): Readonly<Record<string, unknown>> =>
  Object.fromEntries(Object.entries(examples).map(([name, { value }]) => [name, value]));

/** What a text stands for: a number is written in digits. */
function valueOf(text: string, { type }: Schema): unknown {
  return type === 'integer' && /^\d{1,9}$/.test(text) ? Number(text) : text;
}

/**
 * The same schema, which takes no field that it does not name. To clients, answers are open to what comes later; what is
 * answered today has to be in the document.
 */
function closed(schema: Schema): Schema {
  return closedIn(schema) as Schema;
}

function closedIn(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(closedIn);
  if (typeof value !== 'object' || value === null) return value;
  const schema = Object.fromEntries(
    Object.entries(value).map(([key, inner]) => {
      if (key === '$ref') return [key, String(inner).replace('#/components/schemas/', COMPONENTS)];
      // Each part of an `allOf` says something about the whole and names some of its fields: only a component closes it.
      if (key === 'allOf') return [key, (inner as Schema[]).map((part) => ('$ref' in part ? closedIn(part) : part))];
      return [key, ['example', 'examples', 'enum', 'const', 'default'].includes(key) ? inner : closedIn(inner)];
    }),
  );
  const isOpen = 'properties' in schema && schema['type'] === 'object' && !('additionalProperties' in schema);
  return isOpen ? { ...schema, additionalProperties: false } : schema;
}

function withoutRefs(value: unknown, schemas: Readonly<Record<string, Schema>>): unknown {
  if (Array.isArray(value)) return value.map((inner) => withoutRefs(inner, schemas));
  if (typeof value !== 'object' || value === null) return value;
  if ('$ref' in value) {
    const { $ref, ...besides } = value as Schema & z.infer<typeof Ref>;
    return { ...(withoutRefs(referred(schemas, { $ref }), schemas) as Schema), ...besides };
  }
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, withoutRefs(inner, schemas)]));
}
