import { close, listen, LOOPBACK } from './listening.ts';
import { systemClock, type Clock } from './clock.ts';
import { createControlServer } from './control-server.ts';
import { FaultRules } from './fault-rules.ts';
import { LogNormalLatency } from './latency.ts';
import { createMutualTlsServer } from './mutual-tls-server.ts';
import { openAccounts, type AccountOptions } from './offer-status/accounts.ts';
import type { DialectChoice } from './offer-status/dialect.ts';
import { LivingTitles } from './offer-status/living-titles.ts';
import { MATCHABLE_ATTRIBUTES, createOfferStatusApi } from './offer-status/offer-status-api.ts';
import { offerStatusControl } from './offer-status/offer-status-control.ts';
import { loadTitles, saveTitles } from './offer-status/saved-titles.ts';
import type { TitleState } from './offer-status/title-state.ts';
import { loadOrCreatePki } from './pki.ts';
import { RequestLog, type RequestReport } from './request-log.ts';
import { createRandom } from './seeded-random.ts';
import { sharedControl } from './shared-control.ts';

export type { AccountOptions } from './offer-status/accounts.ts';
export type { OfferState, TitleState, WindowState } from './offer-status/title-state.ts';
export type { RequestReport } from './request-log.ts';

export interface SimulatorOptions {
  /** Where certificates are kept and re-used; made when missing. */
  pkiDir: string;
  /** The same seed gives the same lives, dialects and orders. @default 1 */
  seed?: number;
  /** Port of the HTTPS API. @default a free one */
  port?: number;
  /** Port of the plain-HTTP control endpoint. @default a free one */
  controlPort?: number;
  /** Where the titles' lives are kept, so that the next run with this seed goes on with them. @default nowhere */
  stateFile?: string;
  /** Requests that are remembered one by one. @default 50000 */
  requestsKept?: number;
  /** @default the system's clock and timers */
  clock?: Clock;
  offerStatus: OfferStatusOptions;
  /** Receives one line per event worth knowing; never a key. @default silence */
  log?: (line: string) => void;
}

export interface OfferStatusOptions {
  accounts: readonly AccountOptions[];
  titles: readonly { licensor: string; alid: string; marketplace?: string }[];
  /** Mean number of changes per minute over the whole catalogue; 0 freezes it. @default 0.15 per title */
  tempo?: number;
  /** @default 'document' */
  dialect?: DialectChoice;
  /** Latency of every request. @default none */
  latency?: LogNormalLatency;
}

export interface Credentials {
  cert: string;
  key: string;
  ca: string;
  apiKey: string;
}

export interface Simulator {
  readonly offerStatusUrl: string;
  readonly controlUrl: string;
  /** What a client needs to be let in: PEM texts and the API key. Throws for an unknown account. */
  credentials(account: string): Credentials;
  /** Every state the title has had, oldest first. Throws for a title that never was. */
  truth(licensor: string, alid: string): readonly TitleState[];
  /** @param after leaves out arrivals up to this number, so that a reader can follow them. @default 0 */
  requests(after?: number): RequestReport;
  /** Stops at once: requests under way are cut off. */
  stop(): Promise<void>;
}

/** A process that is killed loses at most this much of its titles' lives. */
const SAVE_EVERY_MS = 2_000;

/** Starts the simulated upstream on the loopback interface. */
export async function startSimulator(options: SimulatorOptions): Promise<Simulator> {
  const {
    pkiDir,
    stateFile,
    seed = 1,
    port = 0,
    controlPort = 0,
    clock = systemClock,
    offerStatus,
    log = silence,
  } = options;
  const { tempo, dialect = 'document' } = offerStatus;
  if (tempo !== undefined && !(tempo >= 0 && Number.isFinite(tempo))) {
    throw new Error(`The tempo must be zero or a positive number, not ${tempo}.`);
  }
  const latency = offerStatus.latency && LogNormalLatency.parse(offerStatus.latency);
  const accounts = openAccounts(offerStatus.accounts);
  const saved = stateFile === undefined ? {} : loadTitles(stateFile, seed);
  const titles = new LivingTitles({ seed, clock, tempo, saved, rules: { openWindows: dialect === 'mixed' } });
  for (const title of offerStatus.titles) {
    if (!titles.add(title)) throw new Error(`The title ${title.licensor} ${title.alid} is listed twice.`);
  }
  const pki = await loadOrCreatePki(
    pkiDir,
    offerStatus.accounts.map((account) => account.name),
  );

  const faults = new FaultRules(MATCHABLE_ATTRIBUTES, createRandom(seed, 'faults'));
  const requests = new RequestLog(options.requestsKept);
  const handle = createOfferStatusApi({ seed, clock, accounts, titles, faults, requests, dialect, latency });
  const api = createMutualTlsServer(
    pki,
    (request) => {
      handle(request).catch((error: unknown) => {
        log(`A request failed inside the simulator: ${String(error)}`);
        request.reset();
      });
    },
    (reason) => {
      requests.rejectTls();
      log(`Refused a TLS connection: ${reason}`);
    },
  );
  const control = createControlServer([...sharedControl(faults, requests, log), ...offerStatusControl(titles)]);

  const save = async (): Promise<void> => {
    if (stateFile !== undefined) await saveTitles(stateFile, { seed, titles: titles.save() });
  };
  const saving = setInterval(() => {
    save().catch((error: unknown) => log(`The titles' lives could not be saved: ${String(error)}`));
  }, SAVE_EVERY_MS).unref();
  const stop = async (): Promise<void> => {
    clearInterval(saving);
    await Promise.all([api.stop(), close(control)]);
    await save();
  };
  try {
    const offerStatusUrl = `https://${LOOPBACK}:${await listen(api.server, port, 'the Offer Status API')}`;
    const controlUrl = `http://${LOOPBACK}:${await listen(control, controlPort, 'the control endpoint')}`;
    log(`Offer Status API on ${offerStatusUrl}, control on ${controlUrl}.`);
    return {
      offerStatusUrl,
      controlUrl,
      credentials: (name) => {
        const account = offerStatus.accounts.find((candidate) => candidate.name === name);
        const pair = pki.clients.get(name);
        if (!account || !pair) throw new Error(`There is no account "${name}".`);
        return { cert: pair.cert, key: pair.key, ca: pki.ca, apiKey: account.apiKey };
      },
      truth: (licensor, alid) => {
        const title = titles.find({ licensor, alid });
        if (!title) throw new Error(`There never was a title ${licensor} ${alid}.`);
        return [...title.states];
      },
      requests: (after) => requests.report(after),
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

function silence(): void {}
