import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { BuyWithPrimeClient } from '../../lambdas/buy-with-prime/buy-with-prime-port.ts';
import type { BuyWithPrimeClientOptions } from '../../lambdas/buy-with-prime/buy-with-prime.client.ts';
import { hadNoEffect } from '../../lambdas/buy-with-prime/order-effect.ts';
import { tellInto } from '../shared/told.ts';
import { startEngineTables, type EngineTables } from '../shared/engine-tables.ts';
import { answer, type Behaviour } from '../shared/scripted-server.ts';
import { startSilentServer } from '../shared/silent-server.ts';
import { clientWorld, CREDENTIALS, GOOD, type ClientWorld, type OperationName } from './client-world.ts';
import { orderBody, SHOPPER, shopWorld } from './shop-world.ts';

/** What the partner gets: status, code of the error, and how often Amazon was asked. */
type Result = readonly [status: number, code: string, tries: number];

interface Row {
  /** What Amazon does, as the docs have it. */
  readonly when: string;
  /** In each of these ways it is the same; one after the other in a way. */
  readonly ways: readonly (readonly Behaviour[])[];
  /** The first behaviour is that of every request. */
  readonly always?: boolean;
  readonly tokens?: readonly Behaviour[];
  readonly settings?: () => Partial<BuyWithPrimeClientOptions['settings']>;
  /** Class of the client's error; empty for none. */
  readonly error: string;
  readonly quote: Result;
  readonly read: Result;
  readonly order: Result;
  /** Whether the request may have made an order. */
  readonly made: 'no' | 'maybe' | 'yes';
}

const WORDS = `${SHOPPER.name}, ${SHOPPER.street}, ${SHOPPER.token}, ${SHOPPER.email}`;
const body = (...errors: unknown[]): Behaviour => answer(200, { data: null, errors });

const exceptionOf = (type: string): string => type.replace(/Error$/u, 'Exception');

/** One error in every place that it may be in. */
function places(type: string, code = ''): Behaviour[][] {
  const message = `not so: ${WORDS}`;
  const classification = { type, code: code || type, details: {}, errorType: exceptionOf(type), errorCode: 400 };
  return [
    // As Amazon's reference of createEventSubscription prints it.
    [body({ message, locations: [{ line: 2, column: 3 }], extensions: { classification } })],
    [body({ errorType: type, errorCode: code || undefined, message })],
    [
      body({
        errorType: type,
        errorInfo: { name: SHOPPER.name },
        extensions: { errorCode: code || undefined },
        message,
      }),
    ],
    [body({ message, extensions: { errorType: type, code: code || undefined } })],
    [body({ message, extensions: { type, errorCode: code || undefined } })],
    [body({ message: `${type} (${code}): ${WORDS}` })],
    [answer(200, { errorType: type, errorCode: code || undefined, message })],
    [answer(400, { errors: [{ errorType: type, errorCode: code || undefined, message }] })],
  ];
}

const [OK, MADE] = [
  [200, '', 1],
  [201, '', 1],
] as const satisfies Result[];
const good = { error: '', quote: OK, read: OK, order: MADE, made: 'yes' } as const;
const after = (tries: number) => ({
  error: '',
  quote: [200, '', tries] as const,
  read: [200, '', tries] as const,
  order: [201, '', tries] as const,
  made: 'yes' as const,
});
const same = (status: number, code: string, tries: number) => ({
  quote: [status, code, tries] as const,
  read: [status, code, tries] as const,
  order: [status, code, tries] as const,
});
const refusal = (quote: string, order: string, orderStatus: number, quoteStatus = 422) => ({
  error: 'AmazonRefusal',
  quote: [quoteStatus, quote, 1] as const,
  read: [502, 'UPSTREAM_REJECTED', 1] as const,
  order: [orderStatus, order, 1] as const,
  made: 'no' as const,
});
const lost = (error: string, status: number, code: string) => ({
  error,
  quote: [status, code, 3] as const,
  read: [status, code, 3] as const,
  order: [504, 'ORDER_UNKNOWN', 1] as const,
  made: 'maybe' as const,
});
const unreadable = lost('UnreadableAnswerError', 502, 'UPSTREAM_UNREADABLE');
const failing = lost('UnavailableError', 503, 'UPSTREAM_UNAVAILABLE');
const credentials = { error: 'CredentialError', ...same(502, 'UPSTREAM_CREDENTIALS', 2), made: 'no' } as const;
const throttled = { error: 'ThrottledError', ...same(503, 'UPSTREAM_THROTTLED', 3), made: 'no' } as const;
const unsent = { error: 'UnavailableError', ...same(503, 'UPSTREAM_UNAVAILABLE', 0), made: 'no' } as const;
const rejected = { error: 'RejectedError', ...same(502, 'UPSTREAM_REJECTED', 1), made: 'no' } as const;

const always = (when: string, behaviour: Behaviour, rest: Omit<Row, 'when' | 'ways' | 'always'>): Row => ({
  when,
  ways: [[behaviour]],
  always: true,
  ...rest,
});
const error = (type: string, code: string, rest: Omit<Row, 'when' | 'ways' | 'always'>): Row => ({
  when: `${type}${code === '' ? '' : ` ${code}`}`,
  ways: places(type, code),
  always: true,
  ...rest,
});
const once = (when: string, ...ways: Behaviour[]): Row => ({ when, ways: ways.map((way) => [way]), ...after(2) });
const validation = (code: string, quote: string, order: string, orderStatus = 422, quoteStatus = 422): Row =>
  error('ValidationError', code, refusal(quote, order, orderStatus, quoteStatus));
const REFUSED = 'BUY_WITH_PRIME_REFUSED';
const LARGE = ' '.repeat(5_000_001);
const PARTIAL = [{ errorType: 'InternalServerError', path: ['x'], message: WORDS }, { message: WORDS }];

/** An error of a part of the result, of which nothing else is left: the operation itself has been done. */
const ofPart = (errorType: string, rest: Omit<Row, 'when' | 'ways' | 'always'>): Row => ({
  when: `${errorType} of a part, and nothing else`,
  // As the part was not to be null, nor what holds it; Amazon's schema decides how far up that goes.
  ways: [
    ...[{ createOrderFromOffer: { order: null } }, { createOrderFromOffer: null }, {}].map((made) => [
      answer(200, {
        data: { offers: null, order: null, ...made },
        errors: [{ errorType, path: ['any', 'order', 'lineItems', 0], message: WORDS }],
      }),
    ]),
    // Without a path, what holds the order tells; an order that is read and is not found says the same.
    ...(errorType === 'ResourceNotFoundError'
      ? []
      : [[answer(200, { data: { createOrderFromOffer: { order: null } }, errors: [{ errorType }] })]]),
  ],
  always: true,
  ...rest,
  order: [504, 'ORDER_UNKNOWN', 1],
  made: 'maybe',
});

const MATRIX: readonly Row[] = [
  { when: 'data', ways: [[]], ...good },
  {
    when: 'data that can be read, and errors beside it',
    ways: [
      [
        answer(200, {
          data: {
            offers: { edges: [{ node: { id: 'o-1' } }, null] },
            order: { id: 'a-1' },
            createOrderFromOffer: { order: { id: 'a-1' } },
          },
          errors: PARTIAL,
        }),
      ],
    ],
    ...good,
  },
  ofPart('ValidationError', refusal(REFUSED, REFUSED, 422)),
  ofPart('ResourceNotFoundError', refusal('UNKNOWN_PRODUCT', 'OFFER_EXPIRED', 409)),
  ofPart('ThrottlingError', throttled),
  ofPart('AccessDeniedError', credentials),
  error('AccessDeniedError', '', credentials),
  once('AccessDeniedError, 401 or 403 once', ...places('AccessDeniedError').flat(), answer(401), answer(403)),
  error('ConflictError', '', refusal(REFUSED, 'ORDER_EXISTS', 409)),
  error('InternalServerError', '', failing),
  {
    when: 'InternalServerError once',
    ways: [places('InternalServerError').flat().slice(0, 1)],
    ...after(2),
    order: failing.order,
    made: 'maybe',
    error: '',
  },
  error('ResourceNotFoundError', '', {
    ...refusal('UNKNOWN_PRODUCT', 'OFFER_EXPIRED', 409),
    read: [404, 'NOT_FOUND', 1],
  }),
  error('ResourceNotFoundError', 'ResourceNotFoundException', {
    ...refusal('UNKNOWN_PRODUCT', 'OFFER_EXPIRED', 409),
    read: [404, 'NOT_FOUND', 1],
  }),
  error('ThrottlingError', '', throttled),
  once('ThrottlingError or 429 once', ...places('ThrottlingError').flat(), answer(429)),
  validation('AddressMismatch', REFUSED, 'ADDRESS_MISMATCH'),
  validation('AliasValueAlreadyExists', REFUSED, 'ORDER_EXISTS', 409),
  validation('ExpiredIdpToken', 'SHOPPER_TOKEN_REFUSED', 'OFFER_EXPIRED', 409, 401),
  validation('InvalidIdpToken', 'SHOPPER_TOKEN_REFUSED', 'OFFER_EXPIRED', 409, 401),
  validation('InvalidAddress', 'INVALID_ADDRESS', 'INVALID_ADDRESS'),
  validation('InvalidDestination', 'INVALID_DESTINATION', 'INVALID_DESTINATION'),
  validation('ItemDoesNotExist', 'UNKNOWN_PRODUCT', 'UNKNOWN_PRODUCT'),
  validation('OfferExpired', REFUSED, 'OFFER_EXPIRED', 409),
  validation('TotalPriceMismatch', REFUSED, 'PRICE_CHANGED', 409),
  {
    ...validation('NewCode', REFUSED, REFUSED),
    ways: [...places('ValidationError', 'NewCode'), ...places('ValidationError')],
    when: 'ValidationError and another code, or none',
  },
  {
    when: 'several errors, each of them a refusal',
    ways: [[body({ errorType: 'ValidationError' }, { errorType: 'ValidationError', errorCode: 'InvalidAddress' })]],
    always: true,
    ...refusal('INVALID_ADDRESS', 'INVALID_ADDRESS', 422),
  },
  {
    when: 'several errors, one of them an InternalServerError',
    ways: [
      [body({ errorType: 'InternalServerError' }, { errorType: 'ValidationError', errorCode: 'InvalidAddress' })],
      [body({ errorType: 'ThrottlingError' }, { errorType: 'InternalServerError' })],
    ],
    always: true,
    ...failing,
  },
  {
    when: 'an error of another type, or of none, alone or among others',
    ways: [
      [body({ errorType: 'NewError', message: 'ValidationError' })],
      [body({ message: WORDS })],
      [body({ message: 'ValidationError or InternalServerError' })],
      [body({ errorType: 'ValidationError', extensions: { errorType: 'ConflictError' } })],
      [body('ValidationError')],
      [body({ errorType: 'ValidationError' }, {})],
      [answer(200, { data: null, errors: { message: WORDS } })],
    ],
    always: true,
    ...unreadable,
  },
  {
    when: 'neither data nor errors',
    ways: [{}, { data: null }, { data: {} }, { data: { offers: null }, errors: [] }, [], 'x', null].map((empty) => [
      answer(200, JSON.stringify(empty)),
    ]),
    always: true,
    ...unreadable,
  },
  {
    when: 'data without an identifier',
    ways: [
      [
        answer(200, {
          data: {
            offers: { edges: [{ node: { lineItems: [] } }] },
            order: { lineItems: [] },
            createOrderFromOffer: { order: { id: '' } },
          },
        }),
      ],
    ],
    always: true,
    ...unreadable,
  },
  {
    when: 'no JSON, HTML, or no body',
    ways: [[answer(200, '{"data":')], [answer(200, '<html>ValidationError</html>')], [answer(200, '')]],
    always: true,
    ...unreadable,
  },
  always('more than 5 MB', answer(200, LARGE), unreadable),
  { when: 'cut off in the middle of the body', ways: [[{ kind: 'cut' }]], always: true, ...failing },
  always('302', answer(302), failing),
  always('400 without a reason', answer(400, { message: WORDS }), rejected),
  always('401 or 403', answer(401), credentials),
  always('403 and HTML', answer(403, '<html>'), credentials),
  always('404', answer(404, { errors: [{ message: WORDS }] }), rejected),
  always('another 4xx', answer(418), { ...rejected, order: [504, 'ORDER_UNKNOWN', 1], made: 'maybe' }),
  always('408', answer(408), failing),
  always('429', answer(429), throttled),
  always('5xx', answer(503, 'Service Unavailable'), failing),
  always('5xx and a reason', answer(500, { errors: [{ errorType: 'ValidationError' }] }), failing),
  {
    when: '5xx once',
    ways: [[answer(500)], [answer(503)]],
    ...after(2),
    order: failing.order,
    made: 'maybe',
  },
  {
    when: 'no answer in time',
    ways: [[{ kind: 'hang' }]],
    always: true,
    settings: () => ({ timeoutMs: 300 }),
    ...lost('UnavailableError', 504, 'UPSTREAM_TIMEOUT'),
  },
  always('connection lost', { kind: 'reset' }, failing),
  {
    when: 'connection refused',
    ways: [[]],
    // Port 1 of this machine: nobody listens there, and nobody may without being root.
    settings: () => ({ graphqlUrl: 'https://127.0.0.1:1/graphql' }),
    ...unsent,
  },
  {
    when: 'connection accepted, and no TLS handshake in time',
    ways: [[]],
    settings: () => ({ graphqlUrl: silent.url, timeoutMs: 300 }),
    ...unsent,
    ...same(504, 'UPSTREAM_TIMEOUT', 0),
  },
  {
    when: 'no access token: 5xx, or no answer',
    ways: [[]],
    tokens: [answer(500), answer(200, 'x'), { kind: 'reset' }],
    ...unsent,
  },
  {
    when: 'no access token: 429',
    ways: [[]],
    tokens: [answer(429), answer(429), answer(429)],
    ...throttled,
    ...same(503, 'UPSTREAM_THROTTLED', 0),
  },
  {
    when: 'no access token: 400, 401',
    ways: [[]],
    tokens: [answer(401, { error: 'invalid_client' })],
    ...credentials,
    ...same(502, 'UPSTREAM_CREDENTIALS', 0),
  },
];

let tables: EngineTables;
let world: ClientWorld;
let silent: Awaited<ReturnType<typeof startSilentServer>>;
beforeAll(async () => {
  tables = await startEngineTables();
  world = await clientWorld();
  silent = await startSilentServer();
});
afterAll(async () => {
  await silent[Symbol.asyncDispose]();
  await world[Symbol.asyncDispose]();
  await tables.stop();
});
beforeEach(() => world.reset());

const NAMES = { offers: 'offers', find: 'order', create: 'createOrderFromOffer' } as const;
const tries = (operation: OperationName): number =>
  world.server.seen.filter(({ body: text }) => String(text).includes(`"operationName":"${NAMES[operation]}"`)).length;

let keys = 0;
async function result(row: Row, way: readonly Behaviour[], operation: OperationName) {
  world.reset();
  const [first] = way;
  world.server.always = row.always === true && first ? first : GOOD[operation];
  if (row.always !== true) world.server.next.push(...way);
  world.tokens.next.push(...(row.tokens ?? []));
  const { client, clock } = world.client(row.settings?.());
  let failure: unknown;
  const noting =
    <Parameters extends unknown[], Given>(ask: (...parameters: Parameters) => Promise<Given>) =>
    (...parameters: Parameters): Promise<Given> =>
      ask(...parameters).catch((reason: unknown) => {
        failure ??= reason;
        throw reason;
      });
  const noted: BuyWithPrimeClient = {
    offers: noting(client.offers),
    findOrder: noting(client.findOrder),
    createOrder: noting(client.createOrder),
  };
  const telemetry = tellInto();
  const shop = shopWorld({ database: tables.database, client: noted, clock, telemetry });
  const id = `matrix-${++keys}`;
  const order = orderBody(id, 'offer-1');
  const given = await {
    offers: () => shop.quote(order.quote, { 'x-amz-access-token': SHOPPER.token }),
    find: () => shop.read(id),
    create: () => shop.order(id, order),
  }[operation]();
  // Whatever happens, neither the partner nor the log gets anything of the shopper or of the credentials.
  const written = JSON.stringify([given, telemetry.lines, failure instanceof Error ? failure.stack : '']);
  const { token, name, email, street } = SHOPPER;
  for (const secret of [token, name, email, street, CREDENTIALS.clientSecret]) expect(written).not.toContain(secret);
  return {
    said: [given.status, given.body.error?.code ?? '', tries(operation)] as Result,
    error: failure instanceof Error ? failure.constructor.name : '',
    made: failure === undefined ? 'yes' : hadNoEffect(failure) ? 'no' : 'maybe',
  };
}

describe('what a partner gets when Amazon', () => {
  it.each(MATRIX)('answers this: $when', async (row) => {
    for (const way of row.ways) {
      const about = JSON.stringify(way).slice(0, 300);
      const [quote, read, order] = [
        await result(row, way, 'offers'),
        await result(row, way, 'find'),
        await result(row, way, 'create'),
      ];
      const { said, made } = order;
      expect({ about, quote: quote.said, read: read.said, order: said, made }).toEqual({
        about,
        quote: row.quote,
        read: row.read,
        order: row.order,
        made: row.made,
      });
      expect({ about, quote: quote.error }).toEqual({ about, quote: row.error });
    }
  });

  it('is what the docs say', () => {
    const cell = ([status, code, asked]: Result) => `${status}${code && ` \`${code}\``} | ${asked}`;
    const lines = MATRIX.map(
      ({ when, error: name, quote, read, order, made }) =>
        `| ${when} | ${name && `\`${name}\``} | ${cell(quote)} | ${cell(read)} | ${cell(order)} | ${made} |`,
    );
    const docs = readFileSync(new URL('../../docs/buy-with-prime-errors.md', import.meta.url), 'utf8')
      .split('\n')
      .filter((line) => line.startsWith('|'))
      .map((line) => line.replaceAll(/ +/g, ' '));
    expect(docs.slice(2)).toEqual(lines.map((line) => line.replaceAll(/ +/g, ' ')));
  });
});
