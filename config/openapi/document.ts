import { readFileSync } from 'node:fs';
import { STATUS_CODES } from 'node:http';
import { resolve } from 'node:path';
import type * as z from 'zod';
import { Quote } from '../../lambdas/buy-with-prime/quote.ts';
import { type ApiErrorCode, API_ERRORS } from '../../lambdas/shared/partner-api/api-error.ts';
import type { Route } from '../../lambdas/shared/partner-api/route.ts';
import {
  IDEMPOTENCY_KEY_EXAMPLE,
  OPERATION_EXAMPLES,
  PATH_EXAMPLES,
  PLAYER_TOKEN_EXAMPLE,
  QUOTE_EXAMPLE,
  REQUEST_ID_EXAMPLE,
  SHOPPER_TOKEN_EXAMPLE,
  WEBHOOK_EXAMPLES,
} from './examples.ts';
import {
  ALWAYS,
  ANSWER_BODIES,
  errorsByStatus,
  isPush,
  OF_A_PARTNER,
  type Operation,
  OPERATIONS,
  tellsAge,
  waitsForUpstream,
  WITH_QUOTE,
} from './operations.ts';
import { type JsonSchema, SchemaComponents } from './schemas.ts';

const DESCRIPTION = `What Offer Relay knows and does for its partners: offer codes, what players claimed with Prime Gaming,
offers and orders of Buy with Prime, titles, prices, and the watch list.

**Signing.** Every request, but for those of the push integration, is signed with AWS Signature Version 4, service
\`execute-api\`, with credentials of the role that the operator has made for you: assume it with your external id. Encode each
path parameter by RFC 3986 before signing. A signature is good for five minutes; sign a repeat anew.

**API key.** The header \`x-api-key\` has to hold your own key. It counts your requests against your plan; it is no secret
that would let anybody in without the role.

**Tokens of players and shoppers.** \`x-amz-access-token\` is the player's or the shopper's own access token of Login with
Amazon. A player's is required, a shopper's may be left out. It is passed on to Amazon, and neither kept nor told.

**Errors** are \`{"error": {"code", "message", "requestId"}}\`, whoever made them. Decide by \`code\`, which never changes its
meaning; \`message\` is for people. \`x-offer-relay-errors\` lists all codes. An answer with \`Retry-After\` may be asked for
again after as many seconds.

**Idempotency.** Where \`Idempotency-Key\` is required, send a new UUID for each thing that you want done, and the same one
with each repeat of it. A repeat is answered as the first request was.

**Pages.** \`next\` is the \`cursor\` of the next page, of the same query; null on the last one.

**Conditional requests.** Where an answer has an \`ETag\`, a repeat with \`If-None-Match\` is answered 304, without a body,
for as long as nothing has changed.

Fields, codes of changes and words may be added to answers at any time: ignore what you do not know.`;

const TAGS = [
  { name: 'offer-codes', description: 'Verify and redeem offer codes of your benefits.' },
  {
    name: 'entitlements',
    description: "Give your game's players what they claimed with Prime Gaming, once, and tell Amazon so.",
  },
  {
    name: 'push',
    description:
      'Push integration: Amazon calls these, once for each claim, and not a partner. They are signed by a key that Amazon and ' +
      'the operator share, after Standard Webhooks, and by no role. Only a stage that has a partner with ' +
      '`entitlements.push` has them; the others answer 403 `MISSING_AUTHENTICATION`. What Amazon sends is not ' +
      'documented in public: paths, signature and shapes are assumed.',
  },
  {
    name: 'buy-with-prime',
    description:
      "Offers of Buy with Prime for a shop's product and checkout pages, and one order of an offer for each checkout. " +
      'What is told of a shopper is passed on to Amazon, and not kept.',
  },
  { name: 'reading', description: 'What is known of titles and prices, and was.' },
  { name: 'watch-list', description: 'What is polled. The list belongs to the whole stage, not to one partner.' },
  { name: 'service', description: 'The API itself. Every partner may call these.' },
];

const HEADERS = {
  RequestId: {
    description: "Identifier of the request; an error's `requestId`. Name it when you ask the operator.",
    required: true,
    schema: { type: 'string' },
    example: REQUEST_ID_EXAMPLE,
  },
  RetryAfter: {
    description: 'Seconds after which a repeat may succeed. Not every answer of this status has it.',
    schema: { type: 'integer', minimum: 1 },
    example: 1,
  },
  ETag: {
    description: 'Strong validator of this answer, for If-None-Match.',
    required: true,
    schema: { type: 'string', pattern: '^"[^"]+"$' },
    example: '"WjB0c2NvbGxpc2lvbnM"',
  },
  Age: {
    description: 'For how many seconds the answer has been kept: 0 where Amazon was asked just now.',
    required: true,
    schema: { type: 'integer', minimum: 0 },
    example: 0,
  },
  ServerTiming: {
    description: 'How much of the time was waiting for Amazon, in milliseconds. Missing where nobody was asked.',
    schema: { type: 'string', pattern: '^upstream;dur=[0-9]+(\\.[0-9]+)?$' },
    example: 'upstream;dur=84.2',
  },
};
const header = (name: keyof typeof HEADERS) => ({ $ref: `#/components/headers/${name}` });

const IDEMPOTENCY_KEY = {
  name: 'Idempotency-Key',
  in: 'header',
  required: true,
  description: 'Yours to choose, such as a UUID: one for each thing that you want done, the same for its repeats.',
  schema: { type: 'string', minLength: 1, maxLength: 255, pattern: '^[!-~]+$' },
  example: IDEMPOTENCY_KEY_EXAMPLE,
};
const PLAYER_TOKEN = {
  name: 'x-amz-access-token',
  in: 'header',
  required: true,
  description: "The player's access token of Login with Amazon.",
  schema: { type: 'string', minLength: 1, maxLength: 4096, pattern: '^[!-~]+$' },
  example: PLAYER_TOKEN_EXAMPLE,
};
const SHOPPER_TOKEN = {
  ...PLAYER_TOKEN,
  required: false,
  description: "The shopper's access token of Login with Amazon, where the shopper has signed in.",
  example: SHOPPER_TOKEN_EXAMPLE,
};
const WEBHOOK_HEADERS = [
  {
    name: 'webhook-id',
    in: 'header',
    required: true,
    description: 'Identifies the call: the same for its repeats.',
    schema: { type: 'string', minLength: 1, maxLength: 256, pattern: '^[!-~]+$' },
    example: WEBHOOK_EXAMPLES.id,
  },
  {
    name: 'webhook-timestamp',
    in: 'header',
    required: true,
    description: 'When this try was sent, in seconds since 1970: not more than five minutes from now.',
    schema: { type: 'string', pattern: '^[0-9]{1,12}$' },
    example: WEBHOOK_EXAMPLES.timestamp,
  },
  {
    name: 'webhook-signature',
    in: 'header',
    required: true,
    description:
      '`v1,` and the HMAC-SHA256, in base64, of `<webhook-id>.<webhook-timestamp>.<body>` under the key. Several, after a ' +
      'change of the key, are separated by blanks: one of them has to be right.',
    schema: { type: 'string', minLength: 1, maxLength: 2048, pattern: '^[!-~]+(?: [!-~]+)*$' },
    example: WEBHOOK_EXAMPLES.signature,
  },
];
const IF_NONE_MATCH = {
  name: 'If-None-Match',
  in: 'header',
  description: 'ETag of an answer that you have.',
  schema: { type: 'string' },
  example: HEADERS.ETag.example,
};

const ERROR_CODES = Object.keys(API_ERRORS) as ApiErrorCode[];
const ERROR_SCHEMA = {
  type: 'object',
  properties: {
    error: {
      type: 'object',
      properties: {
        code: { type: 'string', enum: ERROR_CODES },
        message: { type: 'string', description: 'For people. It never repeats what may be a code, a token or a key.' },
        requestId: { type: 'string' },
      },
      required: ['code', 'message', 'requestId'],
    },
  },
  required: ['error'],
} satisfies JsonSchema;

/** The body of errors some of which have a quote. A client that knows Error reads it as well. */
const errorWithQuote = (quote: JsonSchema) =>
  ({
    ...ERROR_SCHEMA,
    properties: {
      ...ERROR_SCHEMA.properties,
      quote: {
        description:
          `Always there with ${WITH_QUOTE.join(' and ')}, and only there: what is offered now for what the order was ` +
          'quoted with. Null where Amazon could not be asked.',
        anyOf: [quote, { type: 'null' }],
      },
    },
  }) satisfies JsonSchema;

/** Statuses that may say when to come back. */
const REPEATABLE = [409, 429, 503, 504];

/** The OpenAPI 3.1 document of the partner API, made of its routes. */
export function openApiDocument() {
  const schemas = new SchemaComponents();
  const paths: Record<string, Record<string, unknown>> = {};
  const failures = new Map<string, ReturnType<typeof failure>>();
  for (const operation of OPERATIONS) {
    const { path, method } = operation.route;
    for (const [status, codes] of errorsByStatus(operation.route)) {
      const [name, described] = [failureName(status, codes), failure(status, codes)];
      const known = failures.get(name);
      if (known !== undefined && known.description !== described.description)
        throw new Error(`the name ${name} stands for two lists of errors`);
      failures.set(name, described);
    }
    (paths[path] ??= {})[method.toLowerCase()] = describe(operation, schemas);
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Offer Relay partner API',
      version: projectVersion(),
      summary:
        'Verify and redeem offer codes; fulfil entitlements; quote and order with Buy with Prime; read titles and prices; ' +
        'keep the watch list.',
      description: DESCRIPTION,
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [
      {
        url: 'https://{restApiId}.execute-api.{region}.amazonaws.com/{stage}',
        description: 'The operator knows your values, or a domain of its own.',
        variables: {
          restApiId: { default: 'abcde12345', description: 'Identifier of the REST API.' },
          region: { default: 'us-east-1', description: 'Region of the stack, for which requests are signed.' },
          stage: { default: 'prod', description: 'Stage of Offer Relay.' },
        },
      },
    ],
    security: [{ sigv4: [], apiKey: [] }],
    tags: TAGS,
    paths: Object.fromEntries(Object.entries(paths).sort(([a], [b]) => (a < b ? -1 : 1))),
    components: {
      securitySchemes: {
        sigv4: {
          type: 'apiKey',
          in: 'header',
          name: 'Authorization',
          description: 'AWS Signature Version 4, service execute-api, by the role of the partner.',
          'x-amazon-apigateway-authtype': 'awsSigv4',
        },
        apiKey: { type: 'apiKey', in: 'header', name: 'x-api-key', description: 'API key of the same partner.' },
        standardWebhooks: {
          type: 'apiKey',
          in: 'header',
          name: 'webhook-signature',
          description:
            'Signature after Standard Webhooks, by the `pushKey` of the partner that the path names, over `webhook-id`, ' +
            '`webhook-timestamp` and the body as it is sent.',
        },
      },
      headers: HEADERS,
      responses: Object.fromEntries([...failures].sort(([a], [b]) => (a < b ? -1 : 1))),
      schemas: { Error: ERROR_SCHEMA, ErrorWithQuote: errorWithQuote(schemas.answer(Quote)), ...schemas.all() },
    },
    'x-offer-relay-errors': API_ERRORS,
  };
}

export type OpenApiDocument = ReturnType<typeof openApiDocument>;

function projectVersion(): string {
  const file = resolve(import.meta.dirname, '../../package.json');
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}

function describe({ route, handler }: Operation, schemas: SchemaComponents) {
  const example = OPERATION_EXAMPLES[route.operationId];
  if (example === undefined) throw new Error(`${route.operationId} has no example`);
  return {
    operationId: route.operationId,
    tags: [route.capability],
    summary: route.summary,
    ...(route.description !== undefined && { description: route.description }),
    ...(isPush(route) && { security: [{ standardWebhooks: [] }] }),
    parameters: [
      ...Object.entries(route.pathParameters).map(([name, schema]) =>
        valueParameter('path', name, schema, PATH_EXAMPLES[name], schemas),
      ),
      ...Object.entries(route.query).map(([name, schema]) =>
        valueParameter('query', name, schema, example.query?.[name], schemas),
      ),
      ...(route.playerToken === true ? [PLAYER_TOKEN] : []),
      ...(route.shopperToken === true ? [SHOPPER_TOKEN] : []),
      ...(isPush(route) ? WEBHOOK_HEADERS : []),
      ...(route.idempotent === true ? [IDEMPOTENCY_KEY] : []),
      ...(route.hasETag === true ? [IF_NONE_MATCH] : []),
    ],
    ...(route.body !== undefined && {
      requestBody: {
        required: schemas.request(route.body).required,
        content: {
          'application/json': {
            schema: schemas.request(route.body).schema,
            ...(example.body !== undefined && { example: example.body }),
          },
        },
      },
    }),
    responses: {
      ...successes(route, schemas),
      ...Object.fromEntries(
        [...errorsByStatus(route)].map(([status, codes]) => [
          status,
          { $ref: `#/components/responses/${failureName(status, codes)}` },
        ]),
      ),
    },
    'x-offer-relay-handler': handler,
  };
}

function valueParameter(
  place: 'path' | 'query',
  name: string,
  type: z.core.$ZodType,
  example: string | number | undefined,
  schemas: SchemaComponents,
) {
  const { schema: described, required } = schemas.request(type);
  const { description, ...schema } = described;
  return {
    name,
    in: place,
    ...(required && { required: true }),
    ...(description !== undefined && { description }),
    schema,
    ...(example !== undefined && { example }),
  };
}

function successes(route: Route, schemas: SchemaComponents) {
  const headers = {
    'x-amz-apigw-id': header('RequestId'),
    ...(route.hasETag === true && { ETag: header('ETag') }),
    ...(tellsAge(route) && { Age: header('Age') }),
    ...(waitsForUpstream(route) && { 'Server-Timing': header('ServerTiming') }),
  };
  const answers = Object.entries(route.answers).map(([status, meaning]) => {
    const body = ANSWER_BODIES[route.operationId]?.[Number(status)];
    const examples = OPERATION_EXAMPLES[route.operationId]?.answers[Number(status)] ?? {};
    const content = body && {
      'application/json': {
        schema: schemas.answer(body),
        examples: Object.fromEntries(Object.entries(examples).map(([name, value]) => [name, { value }])),
      },
    };
    return [status, { description: meaning, headers, ...(content && { content }) }] as const;
  });
  return {
    ...Object.fromEntries(answers),
    ...(route.hasETag === true && { 304: { description: 'It is what your ETag stands for.', headers } }),
  };
}

/** `BadRequest`, and what sets it apart from that of other operations: `BadRequestAmbiguous`, `PushForbidden`. */
function failureName(status: number, codes: readonly ApiErrorCode[]): string {
  const name = pascalCase(STATUS_CODES[status] ?? String(status));
  const own = codes.filter((code) => !ALWAYS.includes(code) && !OF_A_PARTNER.includes(code));
  const lacks = OF_A_PARTNER.some((code) => API_ERRORS[code].status === status && !codes.includes(code));
  return [lacks ? 'Push' : '', name, ...own.map(pascalCase).filter((word) => word !== name)].join('');
}

function pascalCase(text: string): string {
  return text
    .toLowerCase()
    .split(/[^a-z0-9]+/)
    .map((word) => word.charAt(0).toUpperCase() + word.slice(1))
    .join('');
}

const hasQuote = (code: ApiErrorCode): boolean => WITH_QUOTE.includes(code);

function failure(status: number, codes: readonly ApiErrorCode[]) {
  return {
    description: codes.map((code) => `- \`${code}\`: ${API_ERRORS[code].meaning}`).join('\n'),
    headers: {
      'x-amz-apigw-id': header('RequestId'),
      ...(REPEATABLE.includes(status) && { 'Retry-After': header('RetryAfter') }),
    },
    content: {
      'application/json': {
        schema: {
          allOf: [
            { $ref: `#/components/schemas/${codes.some(hasQuote) ? 'ErrorWithQuote' : 'Error'}` },
            {
              type: 'object',
              properties: { error: { type: 'object', properties: { code: { type: 'string', enum: codes } } } },
            },
          ],
        },
        examples: Object.fromEntries(
          codes.map((code) => [
            code,
            {
              value: {
                error: { code, message: API_ERRORS[code].meaning, requestId: REQUEST_ID_EXAMPLE },
                ...(hasQuote(code) && { quote: QUOTE_EXAMPLE }),
              },
            },
          ]),
        ),
      },
    },
  };
}
