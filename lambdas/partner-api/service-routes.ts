import { defineRoute } from '../shared/partner-api/route.ts';

export const serviceRoutes = {
  health: defineRoute({
    operationId: 'readHealth',
    method: 'GET',
    path: '/v1/health',
    capability: 'service',
    summary: 'Whether the stage works.',
    pathParameters: {},
    query: {},
    answers: { 200: 'The API works.' },
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
    answers: { 200: 'OpenAPI 3.1.' },
    errors: [],
  }),
} as const;
