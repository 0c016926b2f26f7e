import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { checkSignature } from '../../signature-v4.ts';
import { sendAnswer, type Answer, type FaultDefaults } from '../answer.ts';
import { sleep, type Clock } from '../clock.ts';
import { takesEffect, type FaultRules } from '../fault-rules.ts';
import { NO_DELAY, addDelays, sampleLatency, type LogNormalLatency } from '../latency.ts';
import { readBody } from '../request-body.ts';
import type { OfferCodeArrival, RequestLog } from '../request-log.ts';
import { createRandom } from '../seeded-random.ts';
import type { TlsRequest } from '../tls-server.ts';
import { MISSING_AUTHENTICATION, NO_SUCH_ROUTE, badRequest, errorBody, invalidSignature } from './offer-code-errors.ts';
import type { OfferCodeLedger } from './offer-code-ledger.ts';
import { readParticulars, readTarget, single, type Target } from './offer-code-request.ts';
import type { SigningKeys } from './signing-keys.ts';

/** What a fault rule can match of a request about an offer code. */
export const OFFER_CODE_ATTRIBUTES = ['api', 'operation', 'benefit', 'code', 'requestId'] as const;
/** What this API can play besides the faults that all can. */
export const OFFER_CODE_FAULTS = ['effect'] as const;

export interface OfferCodesApiParts {
  seed: number;
  clock: Clock;
  keys: SigningKeys;
  /** The region that requests of a marketplace are signed for. */
  regions: ReadonlyMap<string, string>;
  ledger: OfferCodeLedger;
  faults: FaultRules;
  requests: RequestLog;
  latency: LogNormalLatency | undefined;
}

const SERVICE = 'execute-api';
/** The document's own sample does not sign it. */
const UNSIGNED = ['x-amz-request-id'];

const FAULT_DEFAULTS: FaultDefaults = {
  enumField: 'message',
  mandatoryField: 'message',
  typedField: 'message',
  errorBody: (status) => errorBody(status, `Simulated ${status}`),
};

/** Answers requests about offer codes: route and signature first, then the operation, then what goes wrong. */
export function createOfferCodesApi(parts: OfferCodesApiParts): (request: TlsRequest) => Promise<void> {
  const { seed, clock, keys, regions, ledger, faults, requests } = parts;
  const latencies = createRandom(seed, 'offer-code-latency');

  return async function handle({ message, response, reset }: TlsRequest): Promise<void> {
    const body = await readBody(message);
    const target = readTarget(message.method, message.url ?? '');
    const carried = carriedBy(message, target);
    const { benefit, code, operation } = target ?? {};
    const attributes = { api: 'offer-codes', operation, benefit, code, requestId: carried.requestId ?? undefined };
    const baseline = parts.latency ? sampleLatency(parts.latency, latencies) : NO_DELAY;
    const delay = addDelays(baseline, faults.takeDelay(attributes));
    await sleep(clock, delay.uplinkMs);

    const arrival = requests.arrive({
      at: clock.now(),
      account: null,
      licensor: null,
      alid: null,
      operation: operation ?? '(none)',
      offerCode: carried,
    });
    const refusal = target ? refuse(message, body) : NO_SUCH_ROUTE;
    // A request that the gateway turns away never reaches what can break behind it.
    const fault = refusal ? undefined : faults.takeAnswerFault(attributes);
    const answer = refusal ?? (target ? operate(message, target, takesEffect(fault)) : NO_SUCH_ROUTE);
    const extra = faults.takeHeaders(attributes);

    await sleep(clock, delay.downlinkMs);
    const headers = { 'x-amzn-RequestId': randomUUID() };
    requests.finish(arrival, sendAnswer({ response, reset }, { ...answer, headers }, fault, extra, FAULT_DEFAULTS));
  };

  /** What the gateway answers before the operation is looked at; undefined lets the request in. */
  function refuse({ method = '', url = '', headers }: IncomingMessage, body: Buffer): Answer | undefined {
    if (headers.authorization === undefined) return MISSING_AUTHENTICATION;
    const marketplace = single(headers, 'x-amz-marketplace');
    if (marketplace === undefined) return badRequest('The header x-amz-marketplace is missing.');
    const region = regions.get(marketplace);
    if (region === undefined) return badRequest(`"${marketplace}" in x-amz-marketplace is no marketplace.`);
    const check = checkSignature(
      { method, url, headers, body },
      { region, service: SERVICE, free: UNSIGNED },
      (accessKeyId) => keys.find(accessKeyId),
      clock.now(),
    );
    return 'problem' in check ? invalidSignature(check.problem.message) : undefined;
  }

  function operate({ headers }: IncomingMessage, target: Target, takesPlace: boolean): Answer {
    const { operation, benefit, code } = target;
    if (benefit === undefined || code === undefined) return badRequest('The path is not valid percent-encoding.');
    if (ledger.benefit(benefit)?.marketplace !== single(headers, 'x-amz-marketplace')) {
      return badRequest('The benefit is not one of the caller in this marketplace.');
    }
    const particulars = readParticulars(operation, headers);
    if ('problem' in particulars) return badRequest(particulars.problem);
    const { timeZone, redemption } = particulars;
    const use = { benefit, code, timeZone };
    const perform = (): string => (operation === 'verify' ? ledger.verify(use) : ledger.redeem(use, redemption));
    return { status: 200, body: { message: takesPlace ? perform() : ledger.judge(use, redemption?.at) } };
  }

  function carriedBy({ headers }: IncomingMessage, target: Target | undefined): OfferCodeArrival {
    const { benefit } = target ?? {};
    return {
      benefit: benefit !== undefined && ledger.benefit(benefit) ? benefit : null,
      codeSegment: target?.codeSegment ?? null,
      requestId: single(headers, 'x-amz-request-id') ?? null,
      date: single(headers, 'x-amz-date') ?? null,
      timeZone: single(headers, 'x-amz-time-zone') ?? null,
      redemptionTime: single(headers, 'x-amz-offer-code-redemption-time') ?? null,
    };
  }
}
