import { headerOf, mediaTypeOf, type ApiRequest } from './api-request.ts';
import type { MockIntegration } from './definition.ts';
import { GatewayError } from './gateway-error.ts';
import type { ApiAnswer } from './gateway-response.ts';
import { firstAccepted } from './media-types.ts';

/**
 * Answers for a mock integration: the request's template chooses a status, and the status a response.
 *
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/how-to-mock-integration.html
 *
 * @throws GatewayError `API_CONFIGURATION_ERROR` where there is no template or no response for it
 */
export function mockAnswer(integration: MockIntegration, request: ApiRequest): ApiAnswer {
  const { statusCodes, responses } = integration;
  const type = mediaTypeOf(request);
  const code = Object.hasOwn(statusCodes, type) ? statusCodes[type] : undefined;
  const response =
    responses.find(({ selection }) => selection?.test(String(code))) ??
    responses.find(({ selection }) => selection === undefined);
  if (code === undefined || !response) {
    throw new GatewayError('API_CONFIGURATION_ERROR', { integrationError: 'Unable to parse statusCode' });
  }
  const accepted = firstAccepted(headerOf(request, 'accept'));
  const bodyType = [accepted, 'application/json'].find((one) => Object.hasOwn(response.bodies, one));
  return {
    status: response.statusCode,
    headers: { 'Content-Type': bodyType ?? 'application/json', ...response.headers },
    body: Buffer.from(bodyType === undefined ? '' : response.bodies[bodyType]!),
  };
}
