import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { titleWatchId } from '../../../lambdas/shared/watches.ts';
import { startSimulator } from '../../../local/upstreams/simulator.ts';
import type { Stored } from '../../pipeline/stored.ts';
import { storedIn } from '../../pipeline/stored.ts';
import type { Capability } from '../capability.ts';
import { sentSlices, versionsOf, workedSlices } from '../checks/evidence.ts';
import { attempt } from '../crash-report.ts';
import type { Fact } from '../facts.ts';
import type { MomentKind } from '../kill-moments.ts';
import type { StackAddress } from '../stack-messages.ts';
import { resourceAt } from '../stack-messages.ts';
import { CHECKS } from './checks.ts';
import type { Evidence, OfferHead, OfferVersion } from './evidence.ts';
import { toldEvents, WATCH_PREFIX } from './evidence.ts';

const PLANNER = 'TitleChecks/Planner/Function';
const WORKER = 'TitleChecks/Worker/Function';
const PUBLISHER = 'ChangePublishing/PublishChanges/Function';
const SCHEDULE = 'TitleChecks/PlanSchedule/Schedule';
const SLICES = 'TitleChecks/Queues/Slices';

/**
 * Three buckets whose laps take about as long: each lap is a few slices of five seconds or less. The next one begins some
 * seconds after it has ended, so that there are moments of rest as well.
 */
const ACCOUNTS = [
  { name: 'fast', licensor: 'fast-studios', perSecond: 5, burst: 5, titles: 55 },
  { name: 'deep', licensor: 'deep-studios', perSecond: 4, burst: 10, titles: 44 },
  { name: 'slow', licensor: 'slow-studios', perSecond: 2, burst: 1, titles: 20 },
];
const LAP_SECONDS = 16;
/** In seconds, in place of 90 and 60: a slice that a kill has cut off stays hidden for as long. */
const VISIBILITY_SECONDS = 15;
const WORKER_SECONDS = 14;
/** Changes a minute over all titles: about one of three titles changes in the course of a lap. */
const TEMPO = 200;
/** Looks at each title after the last change: one sees it, and with two there is a whole lap after the last kill. */
const LAPS_BEHIND = 2;
/** Counts alone: to copy every arrival time and again would slow the simulator down. */
const NO_ARRIVALS = Number.MAX_SAFE_INTEGER;
/** More than a run of a day has. */
const MOST_REQUESTS = 1_000_000;
const SIDE_BY_SIDE = 25;

const titles = ACCOUNTS.flatMap(({ licensor, titles: count }) =>
  Array.from({ length: count }, (_, index) => ({
    licensor,
    marketplace: 'GLOBAL',
    alid: `md:alid:eidr-s:${licensor}/${String(index).padStart(4, '0')}`,
  })),
);
const bucketOf = (account: string): string => `offer-status|${account}|global|status`;

const calls =
  (path: string, ...operations: string[]): MomentKind['sight'] =>
  (fact, functionId) =>
    fact.kind === 'call' && operations.includes(fact.operation) && fact.functionId === functionId(path);
const begins =
  (path: string): MomentKind['sight'] =>
  (fact, functionId) =>
    fact.kind === 'began' && fact.functionId === functionId(path);

const MOMENTS: Record<string, MomentKind> = {
  any: { about: 'any time', sight: 'nothing', count: [1, 1], delayMs: [100, 12_000] },
  begin: { about: 'as a worker begins', sight: begins(WORKER), count: [1, 3], delayMs: [0, 150] },
  slice: { about: 'in the middle of a slice', sight: 'request', count: [1, 80], delayMs: [0, 20] },
  record: { about: 'as a change is recorded', sight: calls(WORKER, 'TransactWriteItems'), count: [1, 20], delayMs: [0, 15] },
  plan: { about: 'as the planner notes its plan', sight: calls(PLANNER, 'UpdateItem'), count: [1, 1], delayMs: [0, 8] },
  send: { about: 'between planning, sending and noting it', sight: calls(PLANNER, 'UpdateItem', 'SendMessageBatch'), count: [1, 9], delayMs: [0, 8] },
  stall: { about: 'in the middle of a slice: the database stands still until functions time out', stallMs: 20_000, sight: 'request', count: [1, 80], delayMs: [0, 20] },
  publish: { about: 'between publishing events and noting it', sight: calls(PUBLISHER, 'PutEvents'), count: [1, 12], delayMs: [0, 4] },
}; // prettier-ignore

/** Offer Status: titles that change, slices that are cut off, changes that are recorded and told. */
export const offerStatus: Capability = {
  name: 'Offer Status',
  moments: MOMENTS,
  // A message that was being worked on is hidden until its visibility time-out ends, and its bucket waits, as on AWS.
  adjustments: [
    { constructPath: SLICES, property: 'VisibilityTimeout', from: 90, to: VISIBILITY_SECONDS },
    { constructPath: WORKER, property: 'Timeout', from: 60, to: WORKER_SECONDS },
    // It ticks once as a life begins. The further ticks are the harness's own: few lives last a minute, and in the end
    // nothing new must begin.
    { constructPath: SCHEDULE, property: 'ScheduleExpression', from: 'rate(1 minute)', to: 'rate(1 day)' },
  ],
  ticks: [{ constructPath: PLANNER, everyMs: 1_500 }],

  async open(stage, folder, seed) {
    const simulator = await startSimulator({
      pkiDir: join(folder, 'upstreams'),
      seed,
      requestsKept: MOST_REQUESTS,
      offerStatus: {
        accounts: ACCOUNTS.map(({ name, licensor, perSecond, burst }) => ({
          name,
          licensors: [licensor],
          apiKey: randomBytes(24).toString('base64url'),
          rate: perSecond,
          burst,
        })),
        titles,
        tempo: TEMPO,
        // Requests are under way for some time, so that kills find some.
        latency: { medianMs: 80, sigma: 0.25 },
      },
    });
    const frozen = { at: Infinity, requests: 0 };
    const truthOf = ({ licensor, alid }: { licensor: string; alid: string }) => simulator.truth(licensor, alid);
    return {
      settings: {
        removalPolicy: 'destroy',
        schedules: { plan: 'rate(1 minute)', reconcile: 'rate(1 minute)' },
        polling: { sliceSeconds: 5, backlogSeconds: 61 },
        publishing: { reconcileAfterSeconds: 30 },
        offerStatus: {
          timeoutMs: 1_500,
          minLapSeconds: { new: 2, urgent: 2, steady: LAP_SECONDS },
          retry: { attempts: 2, baseMs: 50, capMs: 200 },
          accounts: Object.fromEntries(
            ACCOUNTS.map(({ name, licensor, perSecond, burst }) => [
              name,
              { licensors: [licensor], rate: { perSecond, burst } },
            ]),
          ),
        },
      },
      synthesis: { offerStatusUrl: simulator.offerStatusUrl },
      secrets: Object.fromEntries(
        ACCOUNTS.map(({ name }) => [`offer-relay/${stage}/offer-status/${name}`, simulator.credentials(name)]),
      ),
      async fill(stack) {
        const stored = storedOf(stack);
        try {
          const accountOf = new Map(ACCOUNTS.map(({ name, licensor }) => [licensor, name]));
          for (let index = 0; index < titles.length; index += SIDE_BY_SIDE) {
            const batch = titles.slice(index, index + SIDE_BY_SIDE);
            await Promise.all(
              batch.map((title) =>
                stored.watches.add({
                  watchId: titleWatchId(title),
                  bucketId: bucketOf(accountOf.get(title.licensor) ?? ''),
                }),
              ),
            );
          }
        } finally {
          stored.close();
        }
      },
      requests: () => simulator.requests(NO_ARRIVALS).total,
      async freeze() {
        const answer = await fetch(`${simulator.controlUrl}/control/tempo`, {
          method: 'PUT',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ tempo: 0 }),
        });
        if (!answer.ok) throw new Error(`the simulator cannot be frozen: ${answer.status}`);
        frozen.at = Date.now();
        frozen.requests = simulator.requests(NO_ARRIVALS).total;
      },
      async unseen() {
        const asked = new Map<string, number>();
        for (const { at, outcome, licensor, alid } of simulator.requests(frozen.requests).arrivals) {
          const key = `${licensor} ${alid}`;
          if (at > frozen.at && outcome === 200) asked.set(key, (asked.get(key) ?? 0) + 1);
        }
        const unasked = titles.filter(({ licensor, alid }) => (asked.get(`${licensor} ${alid}`) ?? 0) < LAPS_BEHIND);
        return unasked.length > 0 ? [`${unasked.length} of ${titles.length} titles to be asked about`] : [];
      },
      async unsettled(stack) {
        const stored = storedOf(stack);
        try {
          const unpublished = (await stored.historyRows()).filter((row) => row['unpublished'] !== undefined).length;
          const waiting = await stored.slicesLeft();
          return [
            ...(unpublished > 0 ? [`${unpublished} versions to be published`] : []),
            ...(waiting > 0 ? [`${waiting} slices to be worked off`] : []),
          ];
        } finally {
          stored.close();
        }
      },
      async check(stack, facts) {
        const { arrivals, forgotten } = simulator.requests();
        if (forgotten > 0) throw new Error(`the simulator has forgotten ${forgotten} requests: the run was too long`);
        const watchOf = new Map(titles.map((title) => [`${title.licensor} ${title.alid}`, titleWatchId(title)]));
        const truth = new Map(titles.map((title) => [titleWatchId(title), truthOf(title)]));
        const stored = storedOf(stack);
        try {
          const evidence: Evidence = {
            watches: titles.map(titleWatchId),
            ...(await heldBy(stored)),
            ...toldBy(facts, stack),
            requests: arrivals.map(({ at, account, licensor, alid, outcome }) => {
              const watchId = watchOf.get(`${licensor} ${alid}`);
              return {
                at,
                bucket: account === null ? null : bucketOf(account),
                watches: watchId === undefined ? [] : [watchId],
                outcome,
              };
            }),
            buckets: ACCOUNTS.map(({ name, perSecond, burst }) => ({ id: bucketOf(name), perSecond, burst })),
            pauses: facts.filter((fact) => fact.kind === 'pause'),
            outages: facts.filter((fact) => fact.kind === 'outage'),
            settings: {
              lapMs: LAP_SECONDS * 1_000,
              visibilityMs: VISIBILITY_SECONDS * 1_000,
              workerMs: WORKER_SECONDS * 1_000,
            },
            truth,
          };
          // The upstream is gone when somebody wants to know more.
          writeFileSync(join(folder, 'evidence.json'), JSON.stringify({ ...evidence, truth: [...truth] }));
          return CHECKS.map((check) => attempt(check.name, () => check(evidence)));
        } finally {
          stored.close();
        }
      },
      close: () => simulator.stop(),
    };
  },
};

function toldBy(
  facts: readonly Fact[],
  stack: StackAddress,
): Pick<Evidence, 'events' | 'unreadable' | 'sent' | 'worked'> {
  return {
    ...toldEvents(facts),
    sent: sentSlices(facts, resourceAt(stack, SLICES).physicalId.split('/').at(-1)!),
    worked: workedSlices(facts, resourceAt(stack, WORKER).logicalId),
  };
}

async function heldBy(stored: Stored): Promise<Pick<Evidence, 'heads' | 'history' | 'dead'>> {
  const heads = (await stored.watchRows()).filter(({ watchId }) => String(watchId).startsWith(WATCH_PREFIX));
  return {
    heads: heads.map((row) => ({ version: 0, ...row }) as unknown as OfferHead),
    history: versionsOf(await stored.historyRows(), WATCH_PREFIX) as OfferVersion[],
    dead: (await stored.deadLetters()).map(({ Body = '' }) => Body),
  };
}

function storedOf(stack: StackAddress): Stored {
  return storedIn({ ...stack, physicalId: (path) => resourceAt(stack, path).physicalId });
}
