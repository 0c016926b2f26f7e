/**
 * Each kind of answer that API Gateway makes itself: its status, what it says and the name in `x-amzn-ErrorType`.
 *
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/supported-gateway-response-types.html
 */
const RESPONSES = {
  ACCESS_DENIED: [403, 'Forbidden', 'AccessDeniedException'],
  API_CONFIGURATION_ERROR: [500, 'Internal server error', 'InternalServerErrorException'],
  AUTHORIZER_CONFIGURATION_ERROR: [500, 'Internal server error', 'AuthorizerConfigurationException'],
  AUTHORIZER_FAILURE: [500, 'Internal server error', 'AuthorizerConfigurationException'],
  BAD_REQUEST_BODY: [400, 'Invalid request body', 'BadRequestException'],
  BAD_REQUEST_PARAMETERS: [400, 'Missing required request parameters', 'BadRequestException'],
  DEFAULT_4XX: [400, 'Bad Request', 'BadRequestException'],
  DEFAULT_5XX: [500, 'Internal server error', 'InternalServerErrorException'],
  EXPIRED_TOKEN: [403, 'The security token included in the request is expired', 'ExpiredTokenException'],
  INTEGRATION_FAILURE: [504, 'Internal server error', 'InternalServerErrorException'],
  INTEGRATION_TIMEOUT: [504, 'Endpoint request timed out', 'InternalServerErrorException'],
  INVALID_API_KEY: [403, 'Forbidden', 'ForbiddenException'],
  INVALID_SIGNATURE: [403, 'The request signature is invalid.', 'InvalidSignatureException'],
  MISSING_AUTHENTICATION_TOKEN: [403, 'Missing Authentication Token', 'MissingAuthenticationTokenException'],
  QUOTA_EXCEEDED: [429, 'Limit Exceeded', 'LimitExceededException'],
  REQUEST_TOO_LARGE: [413, 'Request Too Long', 'RequestEntityTooLargeException'],
  RESOURCE_NOT_FOUND: [404, 'Not Found', 'NotFoundException'],
  THROTTLED: [429, 'Too Many Requests', 'TooManyRequestsException'],
  UNAUTHORIZED: [401, 'Unauthorized', 'UnauthorizedException'],
  UNSUPPORTED_MEDIA_TYPE: [415, 'Unsupported Media Type', 'UnsupportedMediaTypeException'],
  WAF_FILTERED: [403, 'Forbidden', 'ForbiddenException'],
} as const;

export type GatewayResponseType = keyof typeof RESPONSES;

export const GATEWAY_RESPONSE_TYPES = Object.keys(RESPONSES) as [GatewayResponseType, ...GatewayResponseType[]];

/** A request that API Gateway answers itself, because it refuses it or because its integration fails. */
export class GatewayError extends Error {
  readonly type: GatewayResponseType;
  readonly status: number;
  /** Its name in `x-amzn-ErrorType`. */
  readonly errorType: string;
  /** What is wrong with the body. */
  readonly validationError?: string;
  /** What is wrong with the integration: for logs only. */
  readonly integrationError?: string;

  constructor(
    type: GatewayResponseType,
    details: {
      message?: string;
      status?: number;
      errorType?: string;
      validationError?: string;
      integrationError?: string;
    } = {},
  ) {
    const [status, message, errorType] = RESPONSES[type];
    super(details.message ?? message);
    this.name = 'GatewayError';
    this.type = type;
    this.status = details.status ?? status;
    this.errorType = details.errorType ?? errorType;
    if (details.validationError !== undefined) this.validationError = details.validationError;
    if (details.integrationError !== undefined) this.integrationError = details.integrationError;
  }
}
