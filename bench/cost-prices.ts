import type { Measured } from './cost-case.ts';
import { PRICES } from './price-list.ts';
import type { Usage } from './usage-meter.ts';

export const SERVICES = ['lambda', 'sqs', 'dynamodb', 'events', 'scheduler', 'secrets', 'logs'] as const;
/** US dollars by service. */
export type PriceTag = Readonly<Record<(typeof SERVICES)[number], number>>;

const MILLION = 1_000_000;
/** How often a function reads a secret anew. */
const SECRET_SECONDS = 300;

/** What a million item polls cost, with the ticks of every schedule in the time that they take. */
export function priceOf({ of, polled, usage, minute }: Measured): PriceTag {
  const times = MILLION / polled;
  const seconds = MILLION / (of.rate * 20);
  const perPoll = tagOf(usage);
  const perMinute = tagOf(minute);
  const secrets = (seconds / SECRET_SECONDS) * PRICES.secretsManager.call;
  const total = SERVICES.map((service) => [service, perPoll[service] * times + (perMinute[service] * seconds) / 60]);
  return { ...(Object.fromEntries(total) as PriceTag), secrets };
}

/**
 * A design with a message, an invocation, a read of the head and a request of its own for each item, from the same
 * measurements; changes cost what they cost here.
 *
 * @param single a case whose slices are one request each: what an invocation for one request takes
 */
export function naivePrice({ of, polled, changed }: Measured, { oneRequest }: Measured): PriceTag {
  const change = tagOf(changed);
  const times = MILLION / polled;
  const headUnits = Math.ceil(of.headBytes / 4_096) / 2;
  return {
    lambda:
      MILLION * (oneRequest.gigabyteSeconds * PRICES.lambda.gigabyteSecond + PRICES.lambda.request) +
      change.lambda * times,
    // Sent, received, deleted.
    sqs: MILLION * 3 * PRICES.sqs.standardRequest,
    dynamodb: MILLION * headUnits * PRICES.dynamodb.readUnit + change.dynamodb * times,
    events: change.events * times,
    scheduler: 0,
    secrets: 0,
    logs: (MILLION * oneRequest.logBytes * PRICES.logs.gigabyte) / 1e9 + change.logs * times,
  };
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
