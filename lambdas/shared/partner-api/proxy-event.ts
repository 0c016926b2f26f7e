import type { APIGatewayProxyEvent } from 'aws-lambda';
import { ApiError } from './api-error.ts';
import { nameOf } from './describe-issues.ts';

/** A client may choose `requestId` by a header, and put there what it likes; API Gateway's own is the extended one. */
export function requestIdOf({
  requestContext: { requestId, extendedRequestId = requestId },
}: APIGatewayProxyEvent): string {
  return extendedRequestId;
}

/** The last value of a header, under whatever spelling of its name. @param name in lower case */
export function headerOf({ headers }: APIGatewayProxyEvent, name: string): string | undefined {
  return Object.entries(headers).find(([given]) => given.toLowerCase() === name)?.[1];
}

/**
 * Path parameters arrive as they stand in the request line: here is the one place that decodes them.
 *
 * @throws ApiError INVALID_REQUEST
 */
export function decodedPath({ pathParameters }: APIGatewayProxyEvent): Record<string, string> {
  return Object.fromEntries(
    Object.entries(pathParameters ?? {}).map(([name, text = '']) => {
      try {
        return [name, decodeURIComponent(text)];
      } catch {
        throw new ApiError('INVALID_REQUEST', `path parameter ${name} is not well-formed percent-encoded UTF-8`);
      }
    }),
  );
}

/** @throws ApiError INVALID_REQUEST for one that is given more than once */
export function queryOf({ multiValueQueryStringParameters: all }: APIGatewayProxyEvent): Record<string, string> {
  return Object.fromEntries(
    Object.entries(all ?? {}).map(([name, values = []]) => {
      if (values.length > 1) {
        throw new ApiError('INVALID_REQUEST', `query parameter ${nameOf(name)} is given more than once`);
      }
      return [name, values[0] ?? ''];
    }),
  );
}

/** The body as it was sent, byte for byte; empty where there was none. */
export function bodyOf({ body, isBase64Encoded }: APIGatewayProxyEvent): Buffer {
  return Buffer.from(body ?? '', isBase64Encoded ? 'base64' : 'utf8');
}
