import * as fc from 'fast-check';
import type { ContractOperation, ContractParameter, Schema } from './api-contract.ts';
import type { Forgery } from './push-signature.ts';

/** A request as a client would send it, or should not. */
export interface GeneratedRequest {
  readonly operation: ContractOperation;
  readonly method: string;
  /** Path parameters as they stand in the request line: percent-encoded, or broken. */
  readonly pathParameters: Readonly<Record<string, string>>;
  /** Decoded; a name may come several times. */
  readonly query: readonly (readonly [name: string, value: string])[];
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
  /** What the document has against it, in a few words; undefined where it allows it. */
  readonly flaw: string | undefined;
  /** What no answer may repeat. */
  readonly secrets: readonly string[];
  /** How the signature of a call of the push integration is wrong; undefined where it is to be right. */
  readonly forgery?: Forgery;
}

/** The path as it stands in the request line. */
export function pathOf({ operation, pathParameters }: GeneratedRequest): string {
  return operation.path.replaceAll(/\{(\w+)\}/g, (_, name: string) => pathParameters[name] ?? '');
}

/** The query as it stands in the request line, without its question mark. */
export function queryOf({ query }: GeneratedRequest): string {
  return query.map((pair) => pair.map(encodePart).join('=')).join('&');
}

/** RFC 3986; a segment of dots only is encoded as well, so that nobody takes it for a way up. */
export function encodePart(text: string): string {
  const encoded = encodeURIComponent(text.toWellFormed()).replaceAll(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  return /^\.{1,2}$/.test(encoded) ? encoded.replaceAll('.', '%2E') : encoded;
}

/** Texts on which parsers, encoders, signers, databases and logs have stumbled. */
const AWKWARD_TEXTS = [
  ' ',
  'a b',
  ' leading and trailing ',
  '+',
  '%',
  '%2F',
  '%252F',
  '%zz',
  'a/b',
  'a//b',
  '/',
  '../..',
  '...',
  '.a',
  'a.',
  '~',
  'a|b',
  'a#b?c=d&e',
  'a;b,c',
  '"',
  "'",
  '\\',
  '{}',
  '{offerCode}',
  '${jndi:ldap://x}',
  '$context.requestId',
  '<script>alert(1)</script>',
  "' OR 1=1 --",
  '__proto__',
  'constructor',
  'null',
  'undefined',
  'true',
  '0',
  '-1',
  'NaN',
  'é',
  'e\u0301',
  'ß',
  'İ',
  '日本語',
  '🎬',
  '👩‍👩‍👧‍👦',
  '\u00a0',
  '\u200b',
  '\u202e',
  '\u2028',
  '\ufeff',
  '\ufffd',
  '\uffff',
  'md:alid:eidr-s:1234-5678-9ABC-DEF0-1234-X',
  'urn:isan:0000',
  '-',
  '_',
  ':',
  ':::',
  'anna.smith',
  'Anna-Maria_Smith',
  'anna.smith.2',
  'anna@example.com',
  'x'.repeat(128),
  'x'.repeat(129),
];

/** Values of parameters whose rule the document tells in words only. */
const WORDS: Readonly<Record<string, readonly string[]>> = {
  timeZone: ['America/Los_Angeles', 'Asia/Kolkata', 'Europe/Berlin', 'Etc/GMT+5', 'UTC'],
};

const CONTROL_TEXTS = ['\0', 'a\nb', '\r\n', '\t', '\u007f', '\u0085', 'a\u0000'];
/** Percent-encodings that are none. */
const BROKEN_ENCODINGS = ['%', '%2', '%zz', '%E0%A4', '%C0%AF', '%ED%A0%80', 'a%', '%FF'];

const numberOf = (value: unknown, otherwise: number): number => (typeof value === 'number' ? value : otherwise);

/** Texts from the shortest to the longest that the schema lets through, the awkward ones among them. */
function textsOf(schema: Schema): fc.Arbitrary<string> {
  const minLength = numberOf(schema['minLength'], 0);
  const maxLength = numberOf(schema['maxLength'], 300);
  return fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom(...AWKWARD_TEXTS) },
    { weight: 3, arbitrary: fc.string({ minLength, maxLength: Math.min(maxLength, 40), unit: 'grapheme-ascii' }) },
    { weight: 2, arbitrary: fc.string({ minLength, maxLength: Math.min(maxLength, 20), unit: 'binary' }) },
    { weight: 1, arbitrary: fc.constantFrom('x'.repeat(minLength), 'x'.repeat(maxLength), 'é'.repeat(maxLength)) },
  );
}

/** Values that a schema of a parameter or a body takes. It knows what the document of this API uses, and throws at more. */
export function valuesOf(schema: Schema): fc.Arbitrary<unknown> {
  if (Array.isArray(schema['enum'])) return fc.constantFrom(...(schema['enum'] as unknown[]));
  if (Array.isArray(schema['anyOf'])) return fc.oneof(...(schema['anyOf'] as Schema[]).map(valuesOf));
  switch (schema['type']) {
    case 'integer': {
      const range = { min: numberOf(schema['minimum'], -1_000), max: numberOf(schema['maximum'], 1_000_000) };
      return fc.oneof(fc.constantFrom(range.min, range.max), fc.integer(range));
    }
    case 'number': {
      const max = numberOf(schema['maximum'], 1e9);
      const min = numberOf(schema['exclusiveMinimum'], numberOf(schema['minimum'], -1e9));
      const minExcluded = 'exclusiveMinimum' in schema;
      return fc.oneof(fc.constant(max), fc.double({ min, max, minExcluded, noNaN: true }));
    }
    case 'boolean':
      return fc.boolean();
    case 'string':
      return stringsOf(schema);
    case 'array': {
      const minLength = numberOf(schema['minItems'], 0);
      // Lists that are as long as they may be are for those who know what adds up with what.
      const maxLength = Math.min(numberOf(schema['maxItems'], Infinity), minLength + 2);
      return fc.array(valuesOf(schema['items'] as Schema), { minLength, maxLength });
    }
    case 'object': {
      const { oneOf: branches, ...plain } = schema;
      if (Array.isArray(branches)) return fc.oneof(...branchesOf(plain, branches as Schema[]).map(valuesOf));
      const properties = (schema['properties'] ?? {}) as Record<string, Schema>;
      const requiredKeys = (schema['required'] ?? []) as string[];
      const arbitraries = Object.entries(properties).map(([name, property]) => [name, valuesOf(property)] as const);
      const values = fc.record(Object.fromEntries(arbitraries), { requiredKeys, noNullPrototype: true });
      if (typeof schema['additionalProperties'] !== 'object') return values;
      const later = fc.option(fc.jsonValue(), { nil: undefined });
      return fc
        .tuple(values, later)
        .map(([value, field]) => (field === undefined ? value : { ...value, FieldThatComesLater: field }));
    }
    default:
      throw new Error(`no values are known for a schema of type ${String(schema['type'])}`);
  }
}

/** An object of which exactly one of several fields has to be there, as one schema for each of them. */
function branchesOf(schema: Schema, branches: readonly Schema[]): Schema[] {
  const names = branches.flatMap(({ required }) => required as string[]);
  const properties = Object.entries((schema['properties'] ?? {}) as Record<string, Schema>);
  const required = (schema['required'] ?? []) as string[];
  return branches.map((branch) => {
    const own = branch['required'] as string[];
    const others = properties.filter(([name]) => own.includes(name) || !names.includes(name));
    return { ...schema, properties: Object.fromEntries(others), required: [...required, ...own] };
  });
}

function stringsOf(schema: Schema): fc.Arbitrary<string> {
  if (schema['format'] === 'ipv4') return fc.ipV4();
  if (schema['format'] === 'ipv6') return fc.constantFrom('2001:db8::1', '::1', '2001:DB8:0:0:8:800:200C:417A');
  if (schema['format'] === 'uri') return fc.webUrl({ validSchemes: ['https'], withQueryParameters: true });
  if (schema['format'] === 'date-time') {
    const at = fc.date({
      min: new Date('0001-01-01T00:00:00Z'),
      max: new Date('9999-12-31T23:59:59Z'),
      noInvalidDate: true,
    });
    const offsets = fc.constantFrom('Z', '+00:00', '-11:30', '+14:00');
    return fc.tuple(at, offsets).map(([date, offset]) => date.toISOString().replace('Z', offset));
  }
  const all = [schema, ...((schema['allOf'] ?? []) as Schema[])];
  const patterns = all.flatMap(({ pattern }) => (typeof pattern === 'string' ? [new RegExp(pattern, 'u')] : []));
  const [first] = patterns;
  // What a pattern forbids is rare among texts; what it prescribes has to be made after it.
  const prescribes = first !== undefined && !first.source.includes('[^');
  const { minLength, maxLength } = { minLength: 0, maxLength: Infinity, ...schema } as Record<string, number>;
  const fits = (text: string): boolean =>
    text.isWellFormed() &&
    text.length >= minLength! &&
    text.length <= maxLength! &&
    patterns.every((pattern) => pattern.test(text));
  if (!prescribes) return textsOf(schema).filter(fits);
  const made = fc.stringMatching(first).filter(fits);
  const awkward = AWKWARD_TEXTS.filter(fits);
  return awkward.length === 0
    ? made
    : fc.oneof({ weight: 3, arbitrary: made }, { weight: 1, arbitrary: fc.constantFrom(...awkward) });
}

/** Texts that a parameter must not have: each breaks the schema, or what makes a text a text. */
function brokenTextsOf(parameter: ContractParameter): fc.Arbitrary<string> {
  const { schema } = parameter;
  const tooLong = 'x'.repeat(numberOf(schema['maxLength'], 4_000) + 1);
  return fc
    .oneof(fc.constantFrom('', tooLong, '.', '..', ...CONTROL_TEXTS, ...AWKWARD_TEXTS), fc.string({ unit: 'binary' }))
    .filter((text) => !parameter.accepts(text.toWellFormed()));
}

type Body = NonNullable<ContractOperation['body']>;
/** Made once for each body: every request with a flaw asks for them, and the schema of an order is large. */
const brokenBodies = new WeakMap<Body, fc.Arbitrary<string>>();

/** Bodies that the schema does not take, and texts that are no JSON. */
function brokenBodiesOf(body: Body): fc.Arbitrary<string> {
  const known = brokenBodies.get(body) ?? makeBrokenBodies(body);
  brokenBodies.set(body, known);
  return known;
}

function makeBrokenBodies({ schema, accepts }: Body): fc.Arbitrary<string> {
  const unknownField = valuesOf(schema).map((value) => ({ ...(value as object), unknown: 1 }));
  const wrongType = valuesOf(schema).chain((value) => {
    const names = Object.keys(schema['properties'] ?? {});
    return fc.constantFrom(...names).map((name) => ({ ...(value as object), [name]: ['wrong'] }));
  });
  const lists = Object.entries((schema['properties'] ?? {}) as Record<string, Schema>).flatMap(
    ([name, { maxItems }]) => (typeof maxItems === 'number' ? [{ name, length: maxItems + 1 }] : []),
  );
  const tooMany = lists.map(({ name, length }) =>
    valuesOf(schema).map((value) => {
      const [one] = ((value as Record<string, unknown>)[name] ?? []) as unknown[];
      return { ...(value as object), [name]: Array.from({ length }, () => one ?? null) };
    }),
  );
  const json = fc.oneof(unknownField, wrongType, ...tooMany, fc.jsonValue()).filter((value) => !accepts(value));
  return fc.oneof(
    { weight: 3, arbitrary: json.map((value) => JSON.stringify(value)) },
    {
      weight: 1,
      arbitrary: fc.constantFrom('{', '{"a":}', 'redeemedAt=1', '\u0000', '[', '{"a":1}x', `"${'x'.repeat(70_000)}`),
    },
  );
}

export interface GeneratorOptions {
  /**
   * Values of parameters, which are there: so that not every request asks for what does not exist. By name, or by capability
   * and name, such as `buy-with-prime x-amz-access-token`.
   */
  readonly known?: Readonly<Record<string, readonly string[]>>;
  /** Bytes that path and query may have together: API Gateway takes 10,240 with all headers. @default no limit */
  readonly longestUrl?: number;
  /** Headers of every request that no answer may repeat, such as keys. */
  readonly secretHeaders?: Readonly<Record<string, string>>;
  /** Bodies that mean something to the stack, by operation id: most of those that are allowed. @default none */
  readonly bodies?: Readonly<Record<string, fc.Arbitrary<unknown>>>;
  /** Texts of these bodies that no answer may repeat. @default none */
  readonly privateTexts?: readonly string[];
}

/** Requests of all operations: half of them such as the document allows, half with one to three flaws. */
export function requestsOf(
  operations: readonly ContractOperation[],
  options: GeneratorOptions = {},
): fc.Arbitrary<GeneratedRequest> {
  return fc
    .oneof(...operations.map((operation) => allowedRequests(operation, options)))
    .chain((request) => fc.oneof(fc.constant(request), flawedRequests(request)))
    .filter((request) => pathOf(request).length + queryOf(request).length <= (options.longestUrl ?? Infinity));
}

function allowedRequests(operation: ContractOperation, options: GeneratorOptions): fc.Arbitrary<GeneratedRequest> {
  const { known = {}, secretHeaders = {}, privateTexts = [] } = options;
  const texts = (parameter: ContractParameter): fc.Arbitrary<string> => {
    const given = known[`${operation.capability} ${parameter.name}`] ?? known[parameter.name] ?? [];
    const there = given.filter((text) => parameter.accepts(text));
    const words = WORDS[parameter.name];
    const any = words === undefined ? valuesOf(parameter.schema).map(String) : fc.constantFrom(...words);
    return there.length === 0 ? any : fc.oneof({ weight: 6, arbitrary: fc.constantFrom(...there) }, any);
  };
  const valuesIn = (place: ContractParameter['in']) => {
    const parameters = operation.parameters.filter((parameter) => parameter.in === place);
    return fc.record(Object.fromEntries(parameters.map((parameter) => [parameter.name, texts(parameter)])), {
      requiredKeys: parameters.filter(({ required }) => required).map(({ name }) => name),
      noNullPrototype: true,
    }) as fc.Arbitrary<Record<string, string>>;
  };
  // A header's value is what is between the spaces around it.
  const headers = valuesIn('header').map((all) =>
    Object.fromEntries(Object.entries(all).map(([name, value]) => [name, value.replaceAll(/[^\x21-\x7e]/g, '-')])),
  );
  const bodies = ((): fc.Arbitrary<string | undefined> => {
    if (operation.body === undefined) return fc.constant(undefined);
    const any = valuesOf(operation.body.schema);
    const there = options.bodies?.[operation.operationId];
    const values = there === undefined ? any : fc.oneof({ weight: 4, arbitrary: there }, any);
    const texts = values.map((value) => JSON.stringify(value));
    return operation.body.required ? texts : fc.option(texts, { nil: undefined });
  })();
  // Who calls with neither role nor API key has no secrets of a partner.
  const ownSecrets = operation.capability === 'push' ? {} : secretHeaders;
  return fc.record({ path: valuesIn('path'), query: valuesIn('query'), headers, body: bodies }).map((parts) => ({
    operation,
    method: operation.method,
    pathParameters: Object.fromEntries(Object.entries(parts.path).map(([name, text]) => [name, encodePart(text)])),
    query: Object.entries(parts.query),
    headers: {
      ...ownSecrets,
      ...parts.headers,
      ...(parts.body !== undefined && { 'Content-Type': 'application/json' }),
    },
    body: parts.body,
    flaw: undefined,
    secrets: [
      ...Object.values(ownSecrets),
      parts.path['offerCode'],
      parts.headers['Idempotency-Key'],
      parts.headers['x-amz-access-token'],
      amazonAccountOf(parts.body),
      ...privateTexts.filter((text) => parts.body?.includes(JSON.stringify(text)) === true),
    ].filter(isTelling),
  }));
}

/** An Amazon account, of which not even its game may be told. */
function amazonAccountOf(body: string | undefined): string | undefined {
  const value: unknown = body === undefined ? undefined : JSON.parse(body);
  const { UserId } = (value ?? {}) as { readonly UserId?: unknown };
  return typeof UserId === 'string' ? UserId : undefined;
}

/** Whether a text that stands in an answer can only come from the request. */
const isTelling = (text: string | undefined): text is string => text !== undefined && text.length >= 12;

const FORGERIES = [
  'another key',
  'another body',
  'another id',
  'another version',
  'too old',
  'too early',
] as const satisfies readonly Forgery[];

type Flaw = (request: GeneratedRequest) => GeneratedRequest;

function flawedRequests(request: GeneratedRequest): fc.Arbitrary<GeneratedRequest> {
  const { operation } = request;
  const inPath = operation.parameters.filter((parameter) => parameter.in === 'path');
  const inQuery = operation.parameters.filter((parameter) => parameter.in === 'query');
  const without = (name: string, query: GeneratedRequest['query']) => query.filter(([given]) => given !== name);
  const flaws: fc.Arbitrary<Flaw>[] = [
    fc.tuple(fc.stringMatching(/^[a-zA-Z_]{1,12}X$/), fc.string()).map(
      ([name, value]) =>
        (before) =>
          flawed(before, `unknown query parameter`, { query: [...before.query, [name, value]] }),
    ),
    ...inPath.flatMap((parameter) => [
      brokenTextsOf(parameter).map((text): Flaw => (before) => {
        const pathParameters = { ...before.pathParameters, [parameter.name]: encodePart(text) };
        const secrets = parameter.name === 'offerCode' && isTelling(text) ? [...before.secrets, text] : before.secrets;
        return flawed(before, `path parameter ${parameter.name}`, { pathParameters, secrets });
      }),
      fc.constantFrom(...BROKEN_ENCODINGS).map((text): Flaw => (before) => {
        const pathParameters = { ...before.pathParameters, [parameter.name]: text };
        return flawed(before, `encoding of ${parameter.name}`, { pathParameters });
      }),
    ]),
    ...inQuery.flatMap((parameter) => [
      brokenTextsOf(parameter).map((text): Flaw => (before) => {
        // Over the wire there is no ill-formed text to send.
        const pair = [parameter.name, text.toWellFormed()] as const;
        return flawed(before, `query parameter ${parameter.name}`, {
          query: [...without(parameter.name, before.query), pair],
        });
      }),
      valuesOf(parameter.schema).map((value): Flaw => (before) => {
        const pair = [parameter.name, String(value)] as const;
        return flawed(before, `${parameter.name} twice`, {
          query: [...without(parameter.name, before.query), pair, pair],
        });
      }),
    ]),
    ...operation.parameters.flatMap(({ name, in: place, required, schema, accepts }) => {
      if (place !== 'header' || !required) return [];
      const tooLong = 'x'.repeat(numberOf(schema['maxLength'], 4_000) + 1);
      return [undefined, '', tooLong, 'a b'].flatMap((value) => {
        if (value !== undefined && accepts(value)) return [];
        return fc.constant<Flaw>((before) => {
          const flaw = `header ${name}`;
          // What is signed comes last, so what is wrong with it has to wait.
          if (operation.capability === 'push') return flawed(before, flaw, { forgery: { header: name, value } });
          const { [name]: _, ...others } = before.headers;
          return flawed(before, flaw, { headers: { ...others, ...(value !== undefined && { [name]: value }) } });
        });
      });
    }),
    ...(operation.capability === 'push'
      ? FORGERIES.map((forgery) => fc.constant<Flaw>((before) => flawed(before, 'signature', { forgery })))
      : []),
    ...(operation.body?.required === true
      ? [fc.constant<Flaw>((before) => flawed(before, 'no body', { body: undefined }))]
      : []),
    ...(operation.body === undefined
      ? []
      : [
          brokenBodiesOf(operation.body).map((body): Flaw => (before) => {
            const headers = { ...before.headers, 'Content-Type': 'application/json' };
            return flawed(before, 'body', { body, headers });
          }),
        ]),
  ];
  return fc
    .array(fc.oneof(...flaws), { minLength: 1, maxLength: 3 })
    .map((chosen) => chosen.reduce((before, flaw) => flaw(before), request));
}

function flawed(request: GeneratedRequest, flaw: string, change: Partial<GeneratedRequest>): GeneratedRequest {
  return { ...request, ...change, flaw: request.flaw === undefined ? flaw : `${request.flaw}, ${flaw}` };
}
