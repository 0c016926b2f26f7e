import * as z from 'zod/mini';
import { defineRoute } from '../shared/partner-api/route.ts';

export const Health = z.object({
  status: z
    .enum(['ok', 'degraded'])
    .check(z.describe('degraded: the API works, and polling of at least one upstream does not keep up.')),
  stage: z.string(),
  time: z.string().check(z.describe('ISO instant.')),
  upstreams: z
    .array(
      z.object({
        bucket: z.string().check(z.describe('Token bucket: API, account, region and operation.')),
        status: z.enum(['ok', 'held', 'idle']).check(z.describe('held: the upstream fails, and polling waits for it.')),
      }),
    )
    .check(z.describe('The token buckets out of which upstreams are polled; none for partners that may not read.')),
});
export type Health = z.infer<typeof Health>;

export const serviceRoutes = {
  health: defineRoute({
    operationId: 'readHealth',
    method: 'GET',
    path: '/v1/health',
    capability: 'service',
    summary: 'Whether the stage works.',
    pathParameters: {},
    query: {},
    answers: { 200: { meaning: 'The API works.', body: Health } },
    errors: [],
  }),
  openApi: defineRoute({
    operationId: 'readOpenApiDocument',
    method: 'GET',
    path: '/v1/openapi.json',
    capability: 'service',
    summary: 'This document.',
    pathParameters: {},
    query: {},
    hasETag: true,
    answers: { 200: { meaning: 'OpenAPI 3.1.', body: z.looseObject({ openapi: z.string() }) } },
    errors: [],
  }),
} as const;
