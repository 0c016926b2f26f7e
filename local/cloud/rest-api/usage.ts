import { readFileSync } from 'node:fs';
import * as z from 'zod';
import { replaceFile } from '../replace-file.ts';
import type {
  MethodDefinition,
  MethodThrottle,
  Quota,
  StageDefinition,
  Throttle,
  UsagePlanDefinition,
} from './definition.ts';
import { GatewayError } from './gateway-error.ts';

/** What an account has where nobody says anything else. https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html */
const ACCOUNT_THROTTLE = { rate: 10_000, burst: 5000 };
const SAVE_AFTER_MS = 500;

const Counts = z.record(z.string(), z.object({ first: z.string(), period: z.string(), used: z.int() }));

/** One request, as far as limits are about it. */
export interface MeteredRequest {
  readonly apiId: string;
  readonly stage: StageDefinition;
  readonly method: MethodDefinition;
  /** Where the method wants an API key. */
  readonly key?: { readonly id: string; readonly plan: UsagePlanDefinition };
}

/**
 * Counts requests against throttles and quotas. Throttles are token buckets in memory; quotas are kept in a file, which a
 * kill may leave half a second behind.
 */
export class Usage {
  readonly #file: string;
  readonly #now: () => number;
  readonly #buckets = new Map<string, TokenBucket>();
  readonly #counts: z.infer<typeof Counts>;
  #saving: NodeJS.Timeout | undefined;

  /** @param now epoch milliseconds */
  constructor(file: string, now: () => number) {
    this.#file = file;
    this.#now = now;
    this.#counts = readCounts(file);
  }

  /**
   * Lets a request pass and counts it.
   *
   * https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-request-throttling.html
   *
   * @throws GatewayError `THROTTLED` or `QUOTA_EXCEEDED`; such a request counts nowhere
   */
  admit(request: MeteredRequest): void {
    const buckets = this.#bucketsFor(request);
    const now = this.#now();
    if (!buckets.every((bucket) => bucket.hasToken(now))) throw new GatewayError('THROTTLED');
    if (request.key) this.#count(request.key.id, request.key.plan);
    for (const bucket of buckets) bucket.take();
  }

  #bucketsFor({ apiId, stage, method, key }: MeteredRequest): TokenBucket[] {
    const name = `${apiId}/${stage.name} ${method.httpMethod} ${method.resource.path}`;
    const found = [
      this.#bucket(`method ${name}`, throttleFor(method, stage.throttles)),
      this.#bucket('account', ACCOUNT_THROTTLE),
    ];
    if (key) {
      const { id, plan } = key;
      const planned = plan.stages.find((one) => one.apiId === apiId && one.stage === stage.name)?.throttles ?? [];
      found.push(
        this.#bucket(`key ${plan.id} ${id} ${name}`, throttleFor(method, planned)),
        this.#bucket(`key ${plan.id} ${id}`, plan.throttle),
      );
    }
    return found.filter((bucket) => bucket !== undefined);
  }

  #bucket(name: string, { rate, burst }: Throttle): TokenBucket | undefined {
    if (rate === undefined) return undefined;
    const bucket = this.#buckets.get(name) ?? new TokenBucket(rate, burst ?? ACCOUNT_THROTTLE.burst, this.#now());
    this.#buckets.set(name, bucket);
    return bucket;
  }

  #count(keyId: string, { id, quota }: UsagePlanDefinition): void {
    if (!quota) return;
    const name = `${id} ${keyId}`;
    const period = periodOf(this.#now(), quota.period);
    const last = this.#counts[name];
    const count = {
      first: last?.first ?? period,
      period,
      used: last?.period === period ? last.used : 0,
    };
    const limit = quota.limit - (count.first === period ? quota.offset : 0);
    if (count.used >= limit) throw new GatewayError('QUOTA_EXCEEDED');
    this.#counts[name] = { ...count, used: count.used + 1 };
    this.#saving ??= setTimeout(() => this.save(), SAVE_AFTER_MS).unref();
  }

  /** Writes down at once what has not been written yet. */
  save(): void {
    if (this.#saving === undefined) return;
    clearTimeout(this.#saving);
    this.#saving = undefined;
    replaceFile(this.#file, JSON.stringify(this.#counts));
  }
}

/** Fills up at its rate to its burst; a request takes one token. */
class TokenBucket {
  readonly #rate: number;
  readonly #burst: number;
  #tokens: number;
  #at: number;

  constructor(rate: number, burst: number, now: number) {
    this.#rate = rate;
    this.#burst = burst;
    this.#tokens = burst;
    this.#at = now;
  }

  hasToken(now: number): boolean {
    const grown = (Math.max(0, now - this.#at) / 1000) * this.#rate;
    this.#tokens = Math.min(this.#burst, this.#tokens + grown);
    this.#at = now;
    // Sums of fractions fall short of a whole by less than this.
    return this.#tokens >= 1 - 1e-9;
  }

  take(): void {
    this.#tokens -= 1;
  }
}

/** The throttle that a method has among those of a stage: what names it most closely wins, for each limit by itself. */
function throttleFor({ resource, httpMethod }: MethodDefinition, throttles: readonly MethodThrottle[]): Throttle {
  const closeness = (one: MethodThrottle): number =>
    (one.resourcePath === undefined ? 0 : 2) + (one.httpMethod === undefined ? 0 : 1);
  return throttles
    .filter((one) => one.resourcePath === undefined || one.resourcePath === resource.path)
    .filter((one) => one.httpMethod === undefined || one.httpMethod === httpMethod)
    .sort((a, b) => closeness(a) - closeness(b))
    .reduce<Throttle>((sum, { rate, burst }) => ({ ...sum, ...limitsOf(rate, burst) }), {});
}

const limitsOf = (rate: number | undefined, burst: number | undefined): Throttle => ({
  ...(rate === undefined ? {} : { rate }),
  ...(burst === undefined ? {} : { burst }),
});

/** First day of the period, in UTC; a week begins on Monday. */
function periodOf(now: number, period: Quota['period']): string {
  const date = new Date(now);
  if (period === 'MONTH') date.setUTCDate(1);
  if (period === 'WEEK') date.setUTCDate(date.getUTCDate() - ((date.getUTCDay() + 6) % 7));
  return date.toISOString().slice(0, 10);
}

/** A file that a crash of the machine has cut says nothing. */
function readCounts(file: string): z.infer<typeof Counts> {
  try {
    return Counts.parse(JSON.parse(readFileSync(file, 'utf8')));
  } catch {
    return {};
  }
}
