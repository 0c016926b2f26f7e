import * as z from 'zod';
import { FixedLatency, LogNormalLatency, addDelays, NO_DELAY, sampleLatency, type Delay } from './latency.ts';
import type { Random } from './seeded-random.ts';

const Headers = z.record(z.string().regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/), z.string().regex(/^[\t\x20-\x7e]*$/));
const latency = { kind: z.literal('latency') };

/**
 * Whether a request that was to change something has done so although its answer goes wrong; `later` is once the control
 * endpoint lets it.
 */
const effect = z.enum(['applied', 'none', 'later']).optional();

/** Ways in which an answer goes wrong behind the token bucket. At most one applies to a request. */
const AnswerFault = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('status'),
    code: z.int().min(200).max(599),
    body: z.unknown().optional(),
    headers: Headers.optional(),
    /** @default 'none': who refuses has done nothing */
    effect,
  }),
  z.strictObject({
    kind: z.literal('malformed'),
    /** JSON that breaks off, or text that never was JSON. */
    how: z.enum(['truncated', 'invalid']).default('truncated'),
    /** @default 'applied' */
    effect,
  }),
  z.strictObject({
    kind: z.literal('drop'),
    when: z.enum(['before-answer', 'mid-answer']).default('before-answer'),
    /** @default 'applied' */
    effect,
  }),
  z.strictObject({
    kind: z.literal('hang'),
    /** @default 'applied' */
    effect,
  }),
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

/** Whether what was asked for happens although the answer, or an item of it, is to go wrong so. */
export function takesEffect(fault: AnswerFault | InnerFault | GraphqlFault | undefined): boolean {
  if (fault === undefined || fault.kind === 'drift' || fault.kind === 'inner-status') return true;
  const isRefusal =
    fault.kind === 'status' ||
    fault.kind === 'inner-result' ||
    (fault.kind === 'graphql-error' && fault.field === undefined);
  return (fault.effect ?? (isRefusal ? 'none' : 'applied')) === 'applied';
}

/** Whether what was asked for happens later, when nobody waits for the answer any more. */
export function isLate(fault: AnswerFault | GraphqlFault | undefined): boolean {
  return fault !== undefined && 'effect' in fault && fault.effect === 'later';
}

const firstTries = z.int().min(1).optional();

/** Faults that only some APIs can play: each names those that it can. */
const SpecialFault = z.discriminatedUnion('kind', [
  /** One item of a batch fails while the others are answered. */
  z.strictObject({
    kind: z.literal('inner-status'),
    code: z.int().min(400).max(599),
    body: z.unknown().optional(),
    /** Only the first so many times that an item is asked for. @default always */
    firstTries,
  }),
  /** One item of a batch or list is left out of the answer. */
  z.strictObject({
    kind: z.literal('inner-missing'),
    firstTries,
    /** @default 'applied' */
    effect,
  }),
  /** One item of a report is answered with this result, whatever became of it. */
  z.strictObject({
    kind: z.literal('inner-result'),
    result: z.string().min(1).default('ERROR'),
    firstTries,
    /** @default 'none' */
    effect,
  }),
  /** The access token that a request carries expires just before it is looked at. */
  z.strictObject({ kind: z.literal('expire-token') }),
  /** An answer of GraphQL tells an error, with the status 200. */
  z.strictObject({
    kind: z.literal('graphql-error'),
    errorType: z.string().min(1),
    errorCode: z.string().min(1).optional(),
    /** @default made up */
    message: z.string().min(1).optional(),
    /** Every field of this name is null, and the error is told of each; the others are there. @default there is no data */
    field: z.string().min(1).optional(),
    /** @default 'none'; 'applied' with a field */
    effect,
  }),
]);
type SpecialFault = z.infer<typeof SpecialFault>;
export type SpecialKind = SpecialFault['kind'];
/** What only some APIs can play: special faults, and to choose whether, or when, a request that fails has its effect. */
export type Speciality = SpecialKind | 'effect' | 'late-effect';
const SPECIAL_KINDS: ReadonlySet<string> = new Set<SpecialKind>([
  'inner-status',
  'inner-missing',
  'inner-result',
  'expire-token',
  'graphql-error',
]);
export type GraphqlFault = Extract<SpecialFault, { kind: 'graphql-error' }>;
export type InnerFault = Exclude<SpecialFault, { kind: 'expire-token' | 'graphql-error' }>;

/** Adds headers to an answer of any status, for example a rate header. */
const HeadersFault = z.strictObject({ kind: z.literal('headers'), headers: Headers });
const FixedLatencyFault = FixedLatency.extend(latency);
const Fault = z.discriminatedUnion('kind', [AnswerFault, SpecialFault, HeadersFault, LogNormalLatency.extend(latency)]);
type Fault = z.infer<typeof Fault> | z.infer<typeof FixedLatencyFault>;

interface FaultRule {
  id: string;
  match: { probability?: number | undefined } & Record<string, unknown>;
  /** Matches left; null is without end. */
  timesLeft: number | null;
  /** Applied to each so-manieth request that matches. */
  every: number;
  /** Requests that matched, whether it was their turn or not. */
  matched: number;
  /** How often it has been applied. */
  applied: number;
  fault: Fault;
  /** How often each item has been met, for faults of first tries. */
  tries: Map<string, number>;
}

/** What a rule can match of a request: for example its account and title, or one of its items. Unknown ones are undefined. */
export type RequestAttributes = Readonly<Record<string, string | readonly string[] | undefined>>;

/**
 * Faults on demand. A rule matches by a request's attributes and a probability, each request or `every` so-manieth, and
 * ends after it has been applied `times` times.
 * All matching delays add up and all matching headers are added; of the other kinds the oldest matching rule decides.
 */
export class FaultRules {
  readonly #rules = new Map<string, FaultRule>();
  readonly #attributes: readonly string[];
  readonly #random: Random;
  readonly #specials: readonly Speciality[];
  readonly #envelope;
  #lastId = 0;

  /**
   * @param attributes the names that a rule may match; a rule with any other name is refused.
   * @param specials what some API can play besides; a rule that needs anything else is refused.
   */
  constructor(attributes: readonly string[], random: Random, specials: readonly Speciality[] = []) {
    this.#attributes = attributes;
    this.#random = random;
    this.#specials = specials;
    const count = z.int().min(1);
    const match = z.strictObject({
      probability: z.number().min(0).max(1).optional(),
      ...Object.fromEntries(attributes.map((name) => [name, z.string().optional()])),
    });
    this.#envelope = z.looseObject({ match: match.default({}), times: count.optional(), every: count.default(1) });
  }

  /** Checks and adds a rule. Throws a `ZodError` for one that could never do what it says. */
  add(input: unknown): string {
    const { match, times, every, ...rest } = this.#envelope.parse(input);
    const fault = 'ms' in rest ? FixedLatencyFault.parse(rest) : Fault.parse(rest);
    const needed: [path: string, special: Speciality][] = [
      ...(isSpecial(fault) ? [['kind', fault.kind] as [string, Speciality]] : []),
      ...('effect' in fault ? [['effect', 'effect'] as [string, Speciality]] : []),
      ...('effect' in fault && fault.effect === 'later' ? [['effect', 'late-effect'] as [string, Speciality]] : []),
    ];
    for (const [path, special] of needed) {
      if (this.#specials.includes(special)) continue;
      const message = 'No API that is simulated here can do this.';
      throw new z.ZodError([{ code: 'custom', path: [path], message, input }]);
    }
    this.#lastId += 1;
    const id = `fault-${this.#lastId}`;
    const counts = { timesLeft: times ?? null, every, matched: 0, applied: 0 };
    this.#rules.set(id, { id, match, ...counts, fault, tries: new Map() });
    return id;
  }

  list(): object[] {
    return [...this.#rules.values()].map(({ fault, tries: _tries, ...rule }) => ({ ...rule, ...fault }));
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
      if (fault.kind === 'latency' || fault.kind === 'headers' || isSpecial(fault)) continue;
      if (this.#use(rule, request)) return fault;
    }
    return undefined;
  }

  /** The error that an answer of GraphQL tells. */
  takeGraphqlFault(request: RequestAttributes): GraphqlFault | undefined {
    for (const rule of this.#rules.values()) {
      if (rule.fault.kind === 'graphql-error' && this.#use(rule, request)) return rule.fault;
    }
    return undefined;
  }

  /** Whether the token of a request expires now. */
  takeTokenExpiry(request: RequestAttributes): boolean {
    for (const rule of this.#rules.values()) {
      if (rule.fault.kind === 'expire-token' && this.#use(rule, request)) return true;
    }
    return false;
  }

  /**
   * What becomes of one item of a batch or list.
   *
   * @param item names the item among all that are asked for, so that its tries can be counted
   * @param kinds what can become of an item of such a request
   */
  takeInnerFault<Kind extends InnerFault['kind']>(
    request: RequestAttributes,
    item: string,
    kinds: readonly Kind[],
  ): Extract<InnerFault, { kind: Kind }> | undefined {
    const isPossible = (fault: Fault): fault is Extract<InnerFault, { kind: Kind }> =>
      (kinds as readonly string[]).includes(fault.kind);
    for (const rule of this.#rules.values()) {
      const { fault, tries } = rule;
      if (!isPossible(fault)) continue;
      if (fault.firstTries !== undefined && (tries.get(item) ?? 0) >= fault.firstTries) continue;
      if (!this.#use(rule, request)) continue;
      if (fault.firstTries !== undefined) tries.set(item, (tries.get(item) ?? 0) + 1);
      return fault;
    }
    return undefined;
  }

  #use(rule: FaultRule, request: RequestAttributes): boolean {
    for (const name of this.#attributes) {
      const wanted = rule.match[name];
      if (typeof wanted === 'string' && !includes(request[name], wanted)) return false;
    }
    const { probability } = rule.match;
    if (probability !== undefined && !this.#random.chance(probability)) return false;
    rule.matched += 1;
    if (rule.matched % rule.every !== 0) return false;
    rule.applied += 1;
    if (rule.timesLeft !== null) {
      rule.timesLeft -= 1;
      // Spent rules go, so that a request never has to look through old ones.
      if (rule.timesLeft === 0) this.#rules.delete(rule.id);
    }
    return true;
  }
}

function isSpecial(fault: Fault): fault is SpecialFault {
  return SPECIAL_KINDS.has(fault.kind);
}

function includes(given: string | readonly string[] | undefined, wanted: string): boolean {
  return typeof given === 'string' ? given === wanted : (given?.includes(wanted) ?? false);
}
