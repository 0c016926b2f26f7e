import { sendAnswer, type Answer } from '../answer.ts';
import { sleep, type Clock } from '../clock.ts';
import type { FaultRules } from '../fault-rules.ts';
import { NO_DELAY, addDelays, sampleLatency, type LogNormalLatency } from '../latency.ts';
import type { MutualTlsRequest } from '../mutual-tls-server.ts';
import type { RequestLog } from '../request-log.ts';
import { createRandom } from '../seeded-random.ts';
import type { Account } from './accounts.ts';
import { DOCUMENT_DIALECT, mixedDialect, type Dialect, type DialectChoice } from './dialect.ts';
import { currentState, type LivingTitle, type LivingTitles } from './living-titles.ts';
import { errorBody, statusBody } from './status-body.ts';
import { readStatusRequest, type StatusRequest } from './status-request.ts';
import type { TitleId } from './title-state.ts';

/** What a fault rule can match. */
export const MATCHABLE_ATTRIBUTES = ['api', 'account', 'licensor', 'alid'] as const;

const DRIFT_DEFAULTS = { enumField: 'ProgressCode', mandatoryField: 'OverallStatus', typedField: 'Transaction' };

export interface OfferStatusApiParts {
  seed: number;
  clock: Clock;
  accounts: ReadonlyMap<string, Account>;
  titles: LivingTitles;
  faults: FaultRules;
  requests: RequestLog;
  dialect: DialectChoice;
  latency: LogNormalLatency | undefined;
}

/** Answers the Offer Status API's requests: gateway first (key, rate), then the operation, then what goes wrong. */
export function createOfferStatusApi(parts: OfferStatusApiParts): (request: MutualTlsRequest) => Promise<void> {
  const { seed, clock, accounts, titles, faults, requests } = parts;
  const latencies = createRandom(seed, 'latency');

  return async function handle({ message, response, clientName, reset }: MutualTlsRequest): Promise<void> {
    message.resume();
    const wanted = readStatusRequest(message.url ?? '');
    const account = authenticate(message.headers['x-api-key'], clientName);
    const title = wanted.kind === 'title' ? wanted : undefined;
    const attributes = { api: 'offer-status', account: account?.name, licensor: title?.licensor, alid: title?.alid };

    const baseline = parts.latency ? sampleLatency(parts.latency, latencies) : NO_DELAY;
    const delay = addDelays(baseline, faults.takeDelay(attributes));
    await sleep(clock, delay.uplinkMs);

    const now = clock.now();
    const arrival = requests.arrive({
      at: now,
      account: account?.name ?? null,
      licensor: title?.licensor ?? null,
      alid: title?.alid ?? null,
    });
    const refusal = admit(account, now);
    const answer = account && !refusal ? operate(message.method, wanted, account) : refusal;
    // A request that the gateway turns away never reaches what can break behind it.
    const fault = refusal ? undefined : faults.takeAnswerFault(attributes);
    const headers = faults.takeHeaders(attributes);

    await sleep(clock, delay.downlinkMs);
    const outcome = sendAnswer({ response, reset }, answer ?? FORBIDDEN, fault, headers, DRIFT_DEFAULTS);
    requests.finish(arrival, outcome);
  };

  function authenticate(apiKey: string | string[] | undefined, clientName: string): Account | undefined {
    const account = typeof apiKey === 'string' ? accounts.get(apiKey) : undefined;
    // One key with another partner's certificate is nobody.
    return account?.name === clientName ? account : undefined;
  }

  function operate(method: string | undefined, wanted: StatusRequest, account: Account): Answer {
    if (wanted.kind === 'unroutable') return { status: 404, body: { message: 'Not Found' } };
    if (method !== 'GET') return { status: 405, headers: { allow: 'GET' }, body: { message: 'Method Not Allowed' } };
    if (wanted.kind === 'undecodable') {
      return { status: 400, body: errorBody('The path is not valid percent-encoding.', DOCUMENT_DIALECT) };
    }
    const refuse = (status: number, reason: string): Answer => ({ status, body: errorBody(reason, dialectOf(wanted)) });
    if (!account.licensors.has(wanted.licensor)) return refuse(403, 'The licensor does not belong to this API key.');
    if (wanted.problem !== undefined) return refuse(400, wanted.problem);
    const title = titles.find(wanted);
    if (title?.marketplace !== wanted.marketplace || !currentState(title).known) {
      return refuse(404, 'No title with this ALID was found.');
    }
    return { status: 200, body: describe(title, wanted.territory) };
  }

  function describe(title: LivingTitle, territory: string | undefined): object {
    title.answers += 1;
    return statusBody(currentState(title), territory, {
      licensor: title.licensor,
      alid: title.alid,
      displayName: displayNameOf(title.licensor),
      platformIds: platformIdsOf(seed, title),
      dialect: dialectOf(title),
      order: createRandom(seed, title.licensor, title.alid, 'order', title.answers),
      stampOf: (key) => title.stamps.get(key) ?? title.states[0]?.at ?? 0,
    });
  }

  function dialectOf(title: TitleId): Dialect {
    return parts.dialect === 'mixed' ? mixedDialect(seed, title) : DOCUMENT_DIALECT;
  }
}

const FORBIDDEN: Answer = { status: 403, body: { message: 'Forbidden' } };
const TOO_MANY_REQUESTS: Answer = { status: 429, body: { message: 'Too Many Requests' } };

/** What the gateway answers before the operation is looked at; undefined lets the request in. */
function admit(account: Account | undefined, now: number): Answer | undefined {
  if (!account) return FORBIDDEN;
  return account.bucket.take(now) ? undefined : TOO_MANY_REQUESTS;
}

/** `example-studios` is displayed as `Example Studios`. */
function displayNameOf(licensor: string): string {
  return licensor.replaceAll(/[-_]+/g, ' ').replaceAll(/\b\w/g, (letter) => letter.toUpperCase());
}

/** A title keeps its global identifiers for life. */
function platformIdsOf(seed: number, { licensor, alid }: TitleId): string[] {
  const random = createRandom(seed, licensor, alid, 'platform-id');
  const hex = (digits: number): string =>
    Array.from({ length: digits }, () => random.integer(0, 15).toString(16)).join('');
  const count = random.chance(0.2) ? 2 : 1;
  return Array.from({ length: count }, () => `amzn1.dv.gti.${hex(8)}-${hex(4)}-${hex(4)}-${hex(4)}-${hex(12)}`);
}
