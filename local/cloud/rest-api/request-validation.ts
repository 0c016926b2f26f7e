import ajvModule, { type AnySchemaObject, type ErrorObject, type ValidateFunction } from 'ajv';
import formatsModule from 'ajv-formats';
import { TemplateError } from '../template-error.ts';
import type { ApiRequest } from './api-request.ts';
import { headerOf, mediaTypeOf } from './api-request.ts';
import type { MethodDefinition, RequestParameter, RestApiDefinition } from './definition.ts';
import { GatewayError } from './gateway-error.ts';

const { Ajv } = ajvModule;
const addFormats = formatsModule.default;

/** Checks requests as a method's request validator and models say, and the media types of their bodies. */
export class RequestValidation {
  readonly #api: RestApiDefinition;
  readonly #models = new Map<string, ValidateFunction>();

  /** @throws TemplateError for a model that is no schema */
  constructor(api: RestApiDefinition) {
    this.#api = api;
    const ajv = new Ajv({ strict: false, allErrors: true, verbose: true, logger: false });
    addFormats(ajv);
    // Models name one another so. https://docs.aws.amazon.com/apigateway/latest/developerguide/models-mappings-models.html
    const nameOf = (model: string): string => `https://apigateway.amazonaws.com/restapis/${api.id}/models/${model}`;
    for (const model of api.models.values())
      this.#reading(model.logicalId, () => ajv.addSchema(current(model.schema), nameOf(model.name)));
    for (const { logicalId, name } of api.models.values()) {
      this.#reading(logicalId, () => this.#models.set(name, ajv.getSchema(nameOf(name))!));
    }
  }

  #reading(logicalId: string, read: () => void): void {
    try {
      read();
    } catch (error) {
      const location = { logicalId, type: 'AWS::ApiGateway::Model', property: 'Schema' };
      throw new TemplateError(location, `it is no schema: ${(error as Error).message}`);
    }
  }

  /**
   * @param pathParameters of the route
   * @throws GatewayError `UNSUPPORTED_MEDIA_TYPE`, `BAD_REQUEST_PARAMETERS` or `BAD_REQUEST_BODY`
   */
  check(request: ApiRequest, method: MethodDefinition, pathParameters: Readonly<Record<string, string>>): void {
    const validator = this.#api.validators.get(method.validatorId ?? '');
    if (validator?.parameters) checkParameters(request, method.requiredParameters, pathParameters);
    const type = mediaTypeOf(request);
    if (request.body.length > 0 && !takes(method, type)) throw new GatewayError('UNSUPPORTED_MEDIA_TYPE');
    const { requestModels } = method;
    const name = Object.hasOwn(requestModels, type) ? requestModels[type] : requestModels['$default'];
    // A body that no model is about passes unseen.
    const validate = validator?.body && name !== undefined ? this.#models.get(name) : undefined;
    if (validate) checkBody(request.body, validate);
  }
}

function checkParameters(
  request: ApiRequest,
  required: readonly RequestParameter[],
  pathParameters: Readonly<Record<string, string>>,
): void {
  const valueOf = ({ in: place, name }: RequestParameter): string | undefined => {
    if (place === 'header') return headerOf(request, name);
    return place === 'path' ? pathParameters[name] : request.query[name]?.at(-1);
  };
  const missing = required.filter((parameter) => (valueOf(parameter) ?? '').trim() === '').map(({ name }) => name);
  if (missing.length === 0) return;
  const message = `Missing required request parameters: [${missing.join(', ')}]`;
  throw new GatewayError('BAD_REQUEST_PARAMETERS', { message, validationError: message });
}

/** https://docs.aws.amazon.com/apigateway/latest/developerguide/integration-passthrough-behaviors.html */
function takes({ integration, requestModels }: MethodDefinition, type: string): boolean {
  const { passthrough } = integration;
  if (passthrough === 'WHEN_NO_MATCH') return true;
  // A proxy integration has no templates; it knows the media types of its models.
  const known = Object.keys(integration.kind === 'mock' ? integration.statusCodes : requestModels);
  if (known.includes(type) || known.includes('$default')) return true;
  return passthrough === 'WHEN_NO_TEMPLATES' && (integration.kind === 'lambda' || known.length === 0);
}

function checkBody(body: Buffer, validate: ValidateFunction): void {
  let value: unknown;
  try {
    value = body.length === 0 ? {} : JSON.parse(body.toString('utf8'));
  } catch {
    throw new GatewayError('BAD_REQUEST_BODY', { validationError: '[the body is not JSON]' });
  }
  if (validate(value)) return;
  const faults = inWords(validate.errors ?? []);
  throw new GatewayError('BAD_REQUEST_BODY', { validationError: `[${faults.join(', ')}]` });
}

/** In the words of API Gateway's validator, where they are known. */
function inWords(errors: readonly ErrorObject[]): string[] {
  const missing = Map.groupBy(
    errors.filter(({ keyword }) => keyword === 'required'),
    ({ instancePath }) => instancePath,
  );
  return [
    ...[...missing.values()].map((group) => {
      const names = group.map(({ params }) => JSON.stringify(params['missingProperty'])).sort();
      return `object has missing required properties ([${names.join(',')}])`;
    }),
    ...errors.filter(({ keyword }) => keyword !== 'required').map(inWord),
  ];
}

function inWord({ keyword, params, data, schema, message }: ErrorObject): string {
  const list = (values: unknown): string => JSON.stringify([values].flat());
  switch (keyword) {
    case 'type':
      return `instance type (${typeOf(data)}) does not match any allowed primitive type (allowed: ${list(params['type'])})`;
    case 'enum':
      return `instance value (${JSON.stringify(data)}) not found in enum (possible values: ${JSON.stringify(schema)})`;
    case 'additionalProperties':
      return `object instance has properties which are not allowed by the schema: ${list(params['additionalProperty'])}`;
    case 'minLength':
      return `string ${JSON.stringify(data)} is too short (length: ${Array.from(data as string).length}, required minimum: ${params['limit']})`;
    case 'maxLength':
      return `string ${JSON.stringify(data)} is too long (length: ${Array.from(data as string).length}, maximum allowed: ${params['limit']})`;
    case 'pattern':
      return `ECMA 262 regex ${JSON.stringify(params['pattern'])} does not match input string ${JSON.stringify(data)}`;
    case 'minimum':
      return `numeric instance is lower than the required minimum (minimum: ${params['limit']}, found: ${String(data)})`;
    case 'maximum':
      return `numeric instance is greater than the required maximum (maximum: ${params['limit']}, found: ${String(data)})`;
    default:
      return message ?? keyword;
  }
}

function typeOf(data: unknown): string {
  if (data === null) return 'null';
  if (Array.isArray(data)) return 'array';
  return Number.isInteger(data) ? 'integer' : typeof data;
}

const SCHEMAS_BY_NAME = new Set(['properties', 'patternProperties', 'definitions', 'dependencies']);
const VALUES = new Set(['enum', 'default', 'required']);

/** A draft 4 schema as today's drafts have it: exclusive bounds were flags, and a schema's own name does not matter here. */
function current(schema: unknown): AnySchemaObject {
  if (Array.isArray(schema)) return schema.map(current);
  if (schema === null || typeof schema !== 'object') return schema as AnySchemaObject;
  const { $schema: _, id: __, ...rest } = schema as Record<string, unknown>;
  const result: Record<string, unknown> = {};
  for (const [keyword, value] of Object.entries(rest)) {
    if (VALUES.has(keyword)) result[keyword] = value;
    else if (SCHEMAS_BY_NAME.has(keyword)) {
      result[keyword] = Object.fromEntries(
        Object.entries(value as object).map(([name, one]) => [name, current(one)] as const),
      );
    } else result[keyword] = current(value);
  }
  for (const [bound, exclusive] of [
    ['minimum', 'exclusiveMinimum'],
    ['maximum', 'exclusiveMaximum'],
  ] as const) {
    if (result[exclusive] === true) {
      result[exclusive] = result[bound];
      delete result[bound];
    } else if (result[exclusive] === false) delete result[exclusive];
  }
  return result;
}
