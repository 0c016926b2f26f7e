import { ResponseType } from 'aws-cdk-lib/aws-apigateway';
import { describe, expect, test } from 'vitest';
import * as z from 'zod';
import { API_ERRORS } from '../../../lambdas/shared/partner-api/api-error.ts';
import { resourcesOf } from '../synthesis.ts';
import { document, EVERYTHING, stageWith } from './partner-stages.ts';

const GatewayResponse = z.object({
  ResponseType: z.string(),
  StatusCode: z.string().optional(),
  ResponseTemplates: z.strictObject({ 'application/json': z.string() }),
  ResponseParameters: z.record(z.string(), z.string()),
});
const Body = z.strictObject({
  error: z.strictObject({ code: z.string(), message: z.string().min(10), requestId: z.literal('request-1') }),
});

const responsesOf = (of: ReturnType<typeof stageWith>) =>
  [...resourcesOf(of, 'AWS::ApiGateway::GatewayResponse').values()].map(({ Properties }) =>
    GatewayResponse.parse(Properties),
  );
const responses = responsesOf(stageWith());

/** The error of a template that has been filled in as API Gateway does it. */
function filled(template: string): z.infer<typeof Body>['error'] {
  const variables: Record<string, string> = {
    '$context.extendedRequestId': 'request-1',
    '$context.error.messageString': '"Missing required request parameters: [alid]"',
  };
  const text = template.replaceAll(/\$context(?:\.\w+)+/g, (name) => variables[name] ?? `unknown ${name}`);
  return Body.parse(JSON.parse(text)).error;
}

const errorOf = (type: string) =>
  filled(responses.find((response) => response.ResponseType === type)?.ResponseTemplates['application/json'] ?? '');

describe('errors that API Gateway makes', () => {
  test('are worded for every kind of them', () => {
    const kinds = Object.getOwnPropertyNames(ResponseType)
      .map((name) => (ResponseType as unknown as Record<string, unknown>)[name])
      .flatMap((value) => (value instanceof ResponseType ? [value.responseType] : []));
    expect(kinds.length).toBeGreaterThan(20);
    expect(responses.map((response) => response.ResponseType).sort()).toEqual(kinds.sort());
  });

  test("have the structure of the functions' own, a known code, and the status of that code", () => {
    for (const { ResponseType: type, ResponseTemplates, StatusCode } of responses) {
      const { code } = filled(ResponseTemplates['application/json']);
      expect(Object.keys(API_ERRORS)).toContain(code);
      // A default stands for errors of several statuses, and must not change them.
      const status = type.startsWith('DEFAULT_')
        ? undefined
        : String(API_ERRORS[code as keyof typeof API_ERRORS].status);
      expect([type, StatusCode]).toEqual([type, status]);
    }
  });

  test('tell apart what a partner can do about them', () => {
    const codes = Object.fromEntries(responses.map(({ ResponseType: type }) => [type, errorOf(type).code]));
    expect(codes).toMatchObject({
      MISSING_AUTHENTICATION_TOKEN: 'MISSING_AUTHENTICATION',
      INVALID_SIGNATURE: 'INVALID_SIGNATURE',
      EXPIRED_TOKEN: 'EXPIRED_CREDENTIALS',
      ACCESS_DENIED: 'ACCESS_DENIED',
      INVALID_API_KEY: 'API_KEY_REFUSED',
      THROTTLED: 'THROTTLED',
      QUOTA_EXCEEDED: 'QUOTA_EXCEEDED',
      BAD_REQUEST_PARAMETERS: 'INVALID_REQUEST',
      BAD_REQUEST_BODY: 'INVALID_REQUEST',
      REQUEST_TOO_LARGE: 'REQUEST_TOO_LARGE',
      UNSUPPORTED_MEDIA_TYPE: 'UNSUPPORTED_MEDIA_TYPE',
      INTEGRATION_FAILURE: 'GATEWAY_FAILURE',
      INTEGRATION_TIMEOUT: 'GATEWAY_TIMEOUT',
    });
  });

  test('name the parameter that is missing, and repeat nothing else of what API Gateway says', () => {
    expect(errorOf('BAD_REQUEST_PARAMETERS').message).toBe('Missing required request parameters: [alid]');
    for (const { ResponseType: type, ResponseTemplates } of responses) {
      // Messages about signatures and permissions hold the path, in which offer codes stand.
      const allowed = type === 'BAD_REQUEST_PARAMETERS' ? ['$context.error.messageString'] : [];
      const used = ResponseTemplates['application/json'].match(/\$\w+(?:\.\w+)*/g);
      expect([type, used?.sort()]).toEqual([type, [...allowed, '$context.extendedRequestId']]);
    }
  });

  test('say when to come back where that is known, and are not cached', () => {
    for (const { ResponseType: type, ResponseParameters } of responses) {
      expect([type, ResponseParameters]).toEqual([
        type,
        {
          'gatewayresponse.header.Cache-Control': "'no-store'",
          'gatewayresponse.header.Content-Type': "'application/json'",
          ...(type === 'THROTTLED' && { 'gatewayresponse.header.Retry-After': "'1'" }),
        },
      ]);
    }
  });

  test('can be read by the pages that may call', () => {
    for (const { ResponseParameters } of responsesOf(stageWith(EVERYTHING))) {
      expect(ResponseParameters['gatewayresponse.header.Access-Control-Allow-Origin']).toBe("'https://shop.example'");
      expect(ResponseParameters['gatewayresponse.header.Access-Control-Expose-Headers']).toContain('Retry-After');
    }
  });

  test('mean what the document says, which is what the functions say', () => {
    expect(document.errors).toEqual(API_ERRORS);
    expect(errorOf('THROTTLED').message).toBe(API_ERRORS.THROTTLED.meaning);
  });
});
