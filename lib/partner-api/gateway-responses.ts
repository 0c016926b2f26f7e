import { ResponseType, type RestApi } from 'aws-cdk-lib/aws-apigateway';
import type { ApiErrorCode } from '../../lambdas/shared/partner-api/api-error.ts';
import type { ApiDocument } from './api-document.ts';

interface Wording {
  readonly type: ResponseType;
  readonly code: ApiErrorCode;
  /**
   * In JSON.
   *
   * @default - the code's meaning
   */
  readonly message?: string;
  /** Whether the status is API Gateway's own and not that of the code. @default false */
  readonly keepsStatus?: boolean;
  /** Seconds after which a repeat may succeed. */
  readonly retryAfterSeconds?: number;
}

/**
 * How API Gateway words each of its own refusals. Its own words are used in one case only: those about signatures and
 * permissions repeat the path, in which offer codes stand, and those about bodies repeat what stood in them.
 */
const WORDINGS: readonly Wording[] = [
  { type: ResponseType.MISSING_AUTHENTICATION_TOKEN, code: 'MISSING_AUTHENTICATION' },
  { type: ResponseType.INVALID_SIGNATURE, code: 'INVALID_SIGNATURE' },
  { type: ResponseType.EXPIRED_TOKEN, code: 'EXPIRED_CREDENTIALS' },
  { type: ResponseType.ACCESS_DENIED, code: 'ACCESS_DENIED' },
  {
    type: ResponseType.WAF_FILTERED,
    code: 'ACCESS_DENIED',
    message: quoted('A rule of the firewall before the API refused the request.'),
  },
  { type: ResponseType.INVALID_API_KEY, code: 'API_KEY_REFUSED' },
  { type: ResponseType.THROTTLED, code: 'THROTTLED', retryAfterSeconds: 1 },
  { type: ResponseType.QUOTA_EXCEEDED, code: 'QUOTA_EXCEEDED' },
  // Quoted by API Gateway; it names parameters of the route, and nothing that was sent.
  { type: ResponseType.BAD_REQUEST_PARAMETERS, code: 'INVALID_REQUEST', message: '$context.error.messageString' },
  {
    type: ResponseType.BAD_REQUEST_BODY,
    code: 'INVALID_REQUEST',
    message: quoted(
      'the body must be JSON of the shape that /v1/openapi.json tells of: each field is known and has its type',
    ),
  },
  { type: ResponseType.REQUEST_TOO_LARGE, code: 'REQUEST_TOO_LARGE' },
  { type: ResponseType.UNSUPPORTED_MEDIA_TYPE, code: 'UNSUPPORTED_MEDIA_TYPE' },
  { type: ResponseType.RESOURCE_NOT_FOUND, code: 'NOT_FOUND' },
  { type: ResponseType.INTEGRATION_FAILURE, code: 'GATEWAY_FAILURE' },
  { type: ResponseType.INTEGRATION_TIMEOUT, code: 'GATEWAY_TIMEOUT' },
  { type: ResponseType.API_CONFIGURATION_ERROR, code: 'GATEWAY_FAILURE' },
  // There are no authorizers of our own; were there one, these would be its failures.
  { type: ResponseType.UNAUTHORIZED, code: 'MISSING_AUTHENTICATION' },
  { type: ResponseType.AUTHORIZER_FAILURE, code: 'GATEWAY_FAILURE' },
  { type: ResponseType.AUTHORIZER_CONFIGURATION_ERROR, code: 'GATEWAY_FAILURE' },
  // What has no type of its own keeps the status that API Gateway gives it.
  { type: ResponseType.DEFAULT_4XX, code: 'REQUEST_REFUSED', keepsStatus: true },
  { type: ResponseType.DEFAULT_5XX, code: 'GATEWAY_FAILURE', keepsStatus: true },
];

/**
 * Gives every error that API Gateway makes the structure and the codes of the functions' own.
 *
 * @param corsOrigin whose pages may read them
 */
export function defineGatewayResponses(api: RestApi, { errors }: ApiDocument, corsOrigin: string | undefined): void {
  for (const { type, code, message, keepsStatus, retryAfterSeconds } of WORDINGS) {
    const { status, meaning } = errors[code];
    api.addGatewayResponse(type.responseType, {
      type,
      ...(keepsStatus !== true && { statusCode: String(status) }),
      responseHeaders: {
        'Cache-Control': "'no-store'",
        'Content-Type': "'application/json'",
        ...(retryAfterSeconds !== undefined && { 'Retry-After': `'${retryAfterSeconds}'` }),
        ...(corsOrigin !== undefined && {
          'Access-Control-Allow-Origin': `'${corsOrigin}'`,
          'Access-Control-Expose-Headers': "'Retry-After, x-amz-apigw-id'",
        }),
      },
      templates: {
        'application/json': `{"error":{"code":"${code}","message":${message ?? quoted(meaning)},"requestId":"$context.extendedRequestId"}}`,
      },
    });
  }
}

/** As a JSON text, for a template that API Gateway fills in. */
function quoted(message: string): string {
  return JSON.stringify(message);
}
