import * as z from 'zod';
import { FixedLatency, LogNormalLatency, addDelays, NO_DELAY, sampleLatency, type Delay } from './latency.ts';
import type { Random } from './seeded-random.ts';

const Headers = z.record(z.string().regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/), z.string().regex(/^[\t\x20-\x7e]*$/));
const latency = { kind: z.literal('latency') };

/** Ways in which an answer goes wrong behind the token bucket. At most one applies to a request. */
const AnswerFault = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('status'),
    code: z.int().min(200).max(599),
    body: z.unknown().optional(),
    headers: Headers.optional(),
  }),
  z.strictObject({
    kind: z.literal('malformed'),
    /** JSON that breaks off, or text that never was JSON. */
    how: z.enum(['truncated', 'invalid']).default('truncated'),
  }),
  z.strictObject({
    kind: z.literal('drop'),
    when: z.enum(['before-answer', 'mid-answer']).default('before-answer'),
  }),
  z.strictObject({ kind: z.literal('hang') }),
  z.strictObject({
    kind: z.literal('drift'),
    how: z.enum(['unknown-enum-value', 'unknown-field', 'missing-field', 'wrong-type']),
    /** The field that drifts, wherever in the answer it occurs. Each API has a default. */
    field: z.string().min(1).optional(),
    /** What to put there instead of the default. */
    value: z.unknown().optional(),
  }),
]);
export type AnswerFault = z.infer<typeof AnswerFault>;

/** Adds headers to an answer of any status, for example a rate header. */
const HeadersFault = z.strictObject({ kind: z.literal('headers'), headers: Headers });
const FixedLatencyFault = FixedLatency.extend(latency);
const Fault = z.discriminatedUnion('kind', [AnswerFault, HeadersFault, LogNormalLatency.extend(latency)]);
type Fault = z.infer<typeof Fault> | z.infer<typeof FixedLatencyFault>;

interface FaultRule {
  id: string;
  match: { probability?: number | undefined } & Record<string, unknown>;
  /** Matches left; null is without end. */
  timesLeft: number | null;
  /** How often it has been applied. */
  applied: number;
  fault: Fault;
}

/** What a rule can match of a request: for example its account and title. Unknown ones are undefined. */
export type RequestAttributes = Readonly<Record<string, string | undefined>>;

/**
 * Faults on demand. A rule matches by a request's attributes and a probability, and ends after `times` matches.
 * All matching delays add up and all matching headers are added; of the other kinds the oldest matching rule decides.
 */
export class FaultRules {
  readonly #rules = new Map<string, FaultRule>();
  readonly #attributes: readonly string[];
  readonly #random: Random;
  readonly #envelope;
  #lastId = 0;

  /** @param attributes the names that a rule may match; a rule with any other name is refused. */
  constructor(attributes: readonly string[], random: Random) {
    this.#attributes = attributes;
    this.#random = random;
    const match = z.strictObject({
      probability: z.number().min(0).max(1).optional(),
      ...Object.fromEntries(attributes.map((name) => [name, z.string().optional()])),
    });
    this.#envelope = z.looseObject({ match: match.default({}), times: z.int().min(1).optional() });
  }

  /** Checks and adds a rule. Throws a `ZodError` for one that could never do what it says. */
  add(input: unknown): string {
    const { match, times, ...rest } = this.#envelope.parse(input);
    const fault = 'ms' in rest ? FixedLatencyFault.parse(rest) : Fault.parse(rest);
    this.#lastId += 1;
    const id = `fault-${this.#lastId}`;
    this.#rules.set(id, { id, match, timesLeft: times ?? null, applied: 0, fault });
    return id;
  }

  list(): object[] {
    return [...this.#rules.values()].map(({ fault, ...rule }) => ({ ...rule, ...fault }));
  }

  remove(id: string): boolean {
    return this.#rules.delete(id);
  }

  clear(): number {
    const removed = this.#rules.size;
    this.#rules.clear();
    return removed;
  }

  takeDelay(request: RequestAttributes): Delay {
    let delay = NO_DELAY;
    for (const rule of this.#rules.values()) {
      if (rule.fault.kind === 'latency' && this.#use(rule, request)) {
        delay = addDelays(delay, sampleLatency(rule.fault, this.#random));
      }
    }
    return delay;
  }

  takeHeaders(request: RequestAttributes): Record<string, string> {
    const headers: Record<string, string> = {};
    for (const rule of this.#rules.values()) {
      if (rule.fault.kind === 'headers' && this.#use(rule, request)) Object.assign(headers, rule.fault.headers);
    }
    return headers;
  }

  takeAnswerFault(request: RequestAttributes): AnswerFault | undefined {
    for (const rule of this.#rules.values()) {
      const { fault } = rule;
      if (fault.kind === 'latency' || fault.kind === 'headers') continue;
      if (this.#use(rule, request)) return fault;
    }
    return undefined;
  }

  #use(rule: FaultRule, request: RequestAttributes): boolean {
    for (const name of this.#attributes) {
      const wanted = rule.match[name];
      if (wanted !== undefined && wanted !== request[name]) return false;
    }
    const { probability } = rule.match;
    if (probability !== undefined && !this.#random.chance(probability)) return false;
    rule.applied += 1;
    if (rule.timesLeft !== null) {
      rule.timesLeft -= 1;
      // Spent rules go, so that a request never has to look through old ones.
      if (rule.timesLeft === 0) this.#rules.delete(rule.id);
    }
    return true;
  }
}
