import type { Measured } from './cost-case.ts';
import { PRICES } from './price-list.ts';
import { LATENCY } from './pacing/scenarios.ts';
import { addUsage, NO_USAGE, scaleUsage, type Usage } from './usage-meter.ts';

export const SERVICES = ['lambda', 'sqs', 'dynamodb', 'events', 'scheduler', 'secrets', 'logs'] as const;
/** US dollars by service. */
export type PriceTag = Readonly<Record<(typeof SERVICES)[number], number>>;

const MILLION = 1_000_000;
const CHANGED_SHARE = 0.01;
/** How often a function reads a secret anew. */
const SECRET_SECONDS = 300;

/** What a million item polls cost of which one in a hundred finds a change, with the ticks of every schedule meanwhile. */
export function priceOf({ of, polled, usage, changed, changes, minute }: Measured): PriceTag {
  const seconds = MILLION / (of.rate * 20);
  const unchanged = addUsage(usage, scaleUsage(changed, -1));
  const total = tagOf(
    addUsage(
      addUsage(scaleUsage(unchanged, MILLION / polled), scaleUsage(changed, (MILLION * CHANGED_SHARE) / changes)),
      scaleUsage(minute, seconds / 60),
    ),
  );
  return { ...total, secrets: (seconds / SECRET_SECONDS) * PRICES.secretsManager.call };
}

/**
 * A design with a message, an invocation, a read of the head and a request of its own for each item, from the same
 * measurements; changes cost what they cost here.
 *
 * @param paced a case that has put slices off: what an invocation takes besides the request
 */
export function naivePrice({ of, changed, changes }: Measured, { oneInvocation }: Measured): PriceTag {
  const { idleSeconds, gigabytes, logBytes } = oneInvocation;
  const change = tagOf(scaleUsage(changed, (MILLION * CHANGED_SHARE) / changes));
  const one = tagOf({
    ...NO_USAGE,
    invocations: 1,
    gigabyteSeconds: (idleSeconds + LATENCY.medianMs / 1000) * gigabytes,
    readUnits: Math.ceil(of.headBytes / 4_096) / 2,
    logBytes,
  });
  // Sent, received, deleted; a queue without order is enough.
  const sqs = 3 * PRICES.sqs.standardRequest;
  const total = SERVICES.map((service) => [service, one[service] * MILLION + change[service]]);
  return { ...(Object.fromEntries(total) as PriceTag), sqs: sqs * MILLION };
}

export function totalOf(tag: PriceTag): number {
  return SERVICES.reduce((sum, service) => sum + tag[service], 0);
}

function tagOf(usage: Usage): PriceTag {
  return {
    lambda: usage.gigabyteSeconds * PRICES.lambda.gigabyteSecond + usage.invocations * PRICES.lambda.request,
    sqs: usage.queueRequests * PRICES.sqs.fifoRequest,
    dynamodb: usage.readUnits * PRICES.dynamodb.readUnit + usage.writeUnits * PRICES.dynamodb.writeUnit,
    events: usage.events * PRICES.eventBridge.event,
    scheduler: usage.schedulerInvocations * PRICES.scheduler.invocation,
    secrets: usage.secretCalls * PRICES.secretsManager.call,
    logs: (usage.logBytes * PRICES.logs.gigabyte) / 1e9,
  };
}
