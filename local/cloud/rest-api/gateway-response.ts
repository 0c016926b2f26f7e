import { contextVariable, fillVariables, type ContextVariables } from './context-variables.ts';
import type { GatewayResponseDefinition, RestApiDefinition, StageDefinition } from './definition.ts';
import type { GatewayError } from './gateway-error.ts';
import { firstAccepted } from './media-types.ts';
import { headerOf, type ApiRequest } from './api-request.ts';

/** What goes back to the client. */
export interface ApiAnswer {
  readonly status: number;
  /** Values by name; a name has more than one where it was given so. */
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
  readonly body: Buffer;
}

/** Largest body of a request, in bytes. */
export const LARGEST_BODY_BYTES = 10 * 1024 * 1024;
export const BODY_TOO_LONG = `HTTP content length exceeded ${LARGEST_BODY_BYTES} bytes.`;

const DEFAULT_TEMPLATES = { 'application/json': '{"message":$context.error.messageString}' };

/**
 * Words an error as the API wants it: by the gateway response of its type, or else by that for all of its class, or else as
 * API Gateway itself does.
 *
 * @param context variables of the request, those of the error among them
 */
export function gatewayAnswer(
  error: GatewayError,
  api: RestApiDefinition,
  stage: StageDefinition,
  request: ApiRequest,
  context: ContextVariables,
): ApiAnswer {
  const definition = definitionFor(error, api);
  const templates = definition?.templates ?? {};
  const known = Object.keys(templates).length === 0 ? DEFAULT_TEMPLATES : templates;
  const [type, template] = chooseTemplate(known, firstAccepted(headerOf(request, 'accept')));
  const headers = Object.entries(definition?.headers ?? {}).flatMap(([name, source]) => {
    const value = valueOf(source, request, stage, context);
    return value === undefined ? [] : [[name, value] as const];
  });
  const own = definition === undefined ? ownWords(error) : undefined;
  return {
    status: definition?.statusCode ?? error.status,
    headers: {
      'Content-Type': own?.type ?? type,
      'x-amzn-ErrorType': error.errorType,
      ...Object.fromEntries(headers),
    },
    body: Buffer.from(own?.text ?? fillVariables(template, context, stage.variables, '')),
  };
}

function definitionFor(error: GatewayError, api: RestApiDefinition): GatewayResponseDefinition | undefined {
  const { gatewayResponses } = api;
  const own = gatewayResponses.get(error.type);
  // Requests that are too large are refused before anybody looks at the API's defaults.
  if (own || error.type === 'REQUEST_TOO_LARGE') return own;
  return gatewayResponses.get(error.status < 500 ? 'DEFAULT_4XX' : 'DEFAULT_5XX');
}

/** The two answers that API Gateway words in a way of its own. */
function ownWords(error: GatewayError): { type: string; text: string } | undefined {
  if (error.type === 'ACCESS_DENIED') {
    return { type: 'application/json', text: JSON.stringify({ Message: error.message }) };
  }
  if (error.message === BODY_TOO_LONG) return { type: 'text/plain', text: error.message };
  return undefined;
}

function chooseTemplate(templates: Readonly<Record<string, string>>, accepted: string): readonly [string, string] {
  const type = [accepted, 'application/json'].find((one) => Object.hasOwn(templates, one));
  return type === undefined ? Object.entries(templates)[0]! : [type, templates[type]!];
}

function valueOf(
  source: string,
  request: ApiRequest,
  stage: StageDefinition,
  context: ContextVariables,
): string | undefined {
  const text = /^'(.*)'$/s.exec(source)?.[1];
  if (text !== undefined) return text;
  const [, root, name = ''] =
    /^(method\.request\.header|method\.request\.querystring|context|stageVariables)\.(.+)$/.exec(source) ?? [];
  if (root === 'context') return contextVariable(context, name);
  if (root === 'stageVariables') return contextVariable(stage.variables, name);
  if (root === 'method.request.header') return headerOf(request, name);
  if (root === 'method.request.querystring') return request.query[name]?.[0];
  return undefined;
}
