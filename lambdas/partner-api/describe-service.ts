import type { APIGatewayProxyEvent } from 'aws-lambda';
import type { Clock } from '../shared/clock.ts';
import type { BucketStore, BucketSummary } from '../shared/pacer/buckets.store.ts';
import type { ServedRoute } from '../shared/partner-api/serve.ts';
import { serve } from '../shared/partner-api/serve.ts';
import type { Health } from './service-answers.ts';
import { serviceRoutes } from './service-routes.ts';

export interface DescribeServiceParts {
  readonly stage: string;
  readonly buckets: Pick<BucketStore, 'summaries'>;
  /** The OpenAPI document as it was generated. */
  readonly document: Readonly<Record<string, unknown>>;
  readonly clock: Clock;
}

/** The routes about the service itself, with their work. */
export function describeService({ stage, buckets, document, clock }: DescribeServiceParts): ServedRoute[] {
  return [
    serve(serviceRoutes.health, async ({ partner }) => {
      const now = clock.now();
      const upstreams = (await buckets.summaries()).map((summary) => ({
        bucket: summary.bucketId,
        status: statusOf(summary, now),
      }));
      const status = upstreams.some((upstream) => upstream.status === 'held') ? 'degraded' : 'ok';
      return {
        status: 200,
        body: {
          status,
          stage,
          time: new Date(now).toISOString(),
          upstreams: partner.capabilities.includes('reading') ? upstreams : [],
        } satisfies Health,
      };
    }),
    {
      route: serviceRoutes.openApi,
      // The document names the address under which it was asked for, which is not known before.
      answer: (event, partner, deadline) =>
        serve(serviceRoutes.openApi, () =>
          Promise.resolve({ status: 200, body: { ...document, servers: [{ url: calledUrl(event) }] } }),
        ).answer(event, partner, deadline),
    },
  ];
}

/** Held while its worker has asked the planner to wait; idle while nothing that was planned is left to be done. */
function statusOf(
  { heldUntil = 0, planned = 0, started = 0 }: BucketSummary,
  now: number,
): Health['upstreams'][number]['status'] {
  if (heldUntil > now) return 'held';
  return planned > started ? 'ok' : 'idle';
}

/** The API's URL as it was called: with the stage, or with the base path of a custom domain. */
function calledUrl({ requestContext, headers }: APIGatewayProxyEvent): string {
  const { domainName = '', path } = requestContext;
  // API Gateway itself is reached by HTTPS at the usual port; one that is played on a machine may not be.
  const protocol = headers['X-Forwarded-Proto'] === 'http' ? 'http' : 'https';
  const domain = `${protocol}://${domainName}`;
  const origin = URL.parse(`${domain}:${headers['X-Forwarded-Port'] ?? ''}`)?.origin ?? domain;
  return `${origin}${path.slice(0, path.length - serviceRoutes.openApi.path.length)}`;
}
