import * as z from 'zod/mini';
import type { AnswerBodies } from '../shared/partner-api/answer-fields.ts';

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

export const serviceAnswers = {
  readHealth: { 200: Health },
  readOpenApiDocument: { 200: z.looseObject({ openapi: z.string() }) },
} as const satisfies AnswerBodies;
