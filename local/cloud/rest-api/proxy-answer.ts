import { validateHeaderName, validateHeaderValue } from 'node:http';
import * as z from 'zod';
import { GatewayError } from './gateway-error.ts';
import type { ApiAnswer } from './gateway-response.ts';

const HeaderValue = z.union([z.string(), z.boolean().transform(String)]);

/** https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html */
const ProxyAnswer = z.strictObject({
  statusCode: z
    .union([z.int(), z.string().regex(/^\d+$/).transform(Number)])
    .refine((code) => code >= 200 && code <= 599)
    .default(200),
  headers: z.record(z.string(), HeaderValue).nullish(),
  multiValueHeaders: z.record(z.string(), z.array(HeaderValue)).nullish(),
  body: z.string().nullish(),
  isBase64Encoded: z.boolean().nullish(),
});

/**
 * Headers that go by another name (`x-amzn-Remapped-…`) or not at all, in lower case.
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-known-issues.html
 */
const REMAPPED: ReadonlySet<string> = new Set([
  'authorization',
  'connection',
  'content-md5',
  'date',
  'max-forwards',
  'server',
  'user-agent',
  'www-authenticate',
]);
const DROPPED: ReadonlySet<string> = new Set([
  'content-length',
  'expect',
  'host',
  'proxy-authenticate',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'via',
]);

/**
 * Reads what a function has answered.
 *
 * @param payload as the function gave it back
 * @param binary whether the client takes bytes: only then is a base64 body decoded
 * @throws GatewayError `INTEGRATION_FAILURE` (502) where it is not of the form that proxy integrations have
 */
export function proxyAnswer(payload: unknown, binary: boolean): ApiAnswer {
  const parsed = ProxyAnswer.safeParse(payload);
  if (!parsed.success) throw malformed();
  const { statusCode, headers, multiValueHeaders, body, isBase64Encoded } = parsed.data;
  const text = body ?? '';
  if (isBase64Encoded && binary && !/^[A-Za-z0-9+/\s]*={0,2}\s*$/.test(text)) {
    throw new GatewayError('API_CONFIGURATION_ERROR', { integrationError: 'Unable to base64 decode the body.' });
  }
  return {
    status: statusCode,
    headers: headersOf(headers ?? {}, multiValueHeaders ?? {}),
    body: Buffer.from(text, isBase64Encoded && binary ? 'base64' : 'utf8'),
  };
}

function headersOf(single: Record<string, string>, multiple: Record<string, string[]>): Record<string, string[]> {
  const merged = new Map(Object.entries(multiple));
  for (const [name, value] of Object.entries(single)) {
    const values = merged.get(name) ?? [];
    if (!values.includes(value)) merged.set(name, [...values, value]);
  }
  const result: Record<string, string[]> = {};
  for (const [name, values] of merged) {
    const lower = name.toLowerCase();
    if (DROPPED.has(lower)) continue;
    try {
      validateHeaderName(name);
      for (const value of values) validateHeaderValue(name, value);
    } catch {
      throw malformed();
    }
    result[REMAPPED.has(lower) ? `x-amzn-Remapped-${name}` : name] = values;
  }
  const typed = Object.keys(result).some((name) => name.toLowerCase() === 'content-type');
  return typed ? result : { 'Content-Type': ['application/json'], ...result };
}

const malformed = (): GatewayError =>
  new GatewayError('INTEGRATION_FAILURE', { status: 502, integrationError: 'Malformed Lambda proxy response' });
