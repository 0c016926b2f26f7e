import { checkInvariants, checkLinks } from './invariants.ts';
import { FULL_TURN_MS, FulfilmentWorld, FUNCTION_MS, UNKNOWN_SKU, type Weakening } from './fulfilment-world.ts';
import type { Violation } from './monitor.ts';
import type { Delivery, Fault, Schedule } from './schedule.ts';
import type { Worker } from './scheduler.ts';
import { isOpen } from './upstreams.ts';

/** What became of a schedule. */
export interface Outcome {
  readonly violations: readonly Violation[];
  /** How often things happened. */
  readonly counts: Readonly<Record<string, number>>;
}

const CALM_ROUNDS = 12;
const MOST_ACTS = 4_000;

/** Runs a schedule, lets everything come to rest, and looks at what is there. */
export async function runSchedule(
  { scenario, steps }: Schedule,
  weakening: Weakening = (client) => client,
  trace?: (line: string) => void,
): Promise<Outcome> {
  const world = new FulfilmentWorld(scenario, weakening, trace);
  const { scheduler, monitor, queue, amazon } = world;
  const plan = [...scenario.deliveries];
  /** Who goes on for a while, so that others fall behind. */
  let favourite: Worker | undefined;
  const start = (next: Delivery | undefined): void => {
    if (!next) return;
    trace?.(`begins: ${JSON.stringify(next)}`);
    void world.start(next);
    favourite = scheduler.working.at(-1);
  };
  const startNext = (): void => start(plan.shift());
  /** Time has passed: messages have come up in the queue, and players play again. */
  const comeBy = (which: number): void => {
    if (queue.hasVisible() && which % 2 === 0) start({ kind: 'resume' });
    else start(plan.shift() ?? scenario.deliveries[which % scenario.deliveries.length]);
  };
  const release = (isFavoured: boolean, which: number): void => {
    const { waiting } = scheduler;
    const own = isFavoured ? waiting.findIndex(({ worker }) => worker === favourite) : -1;
    const index = own >= 0 ? own : which % waiting.length;
    favourite = waiting[index]!.worker;
    scheduler.release(index, 'had');
  };
  const pass = (ms: number): void => {
    scheduler.now += ms;
    trace?.(`${ms} ms pass`);
    if (scenario.hasZombies) return;
    // The platform ends what takes too long; what it has sent is on its way all the same.
    for (const worker of [...scheduler.working]) {
      if (scheduler.now < worker.startedAt + FUNCTION_MS) continue;
      monitor.count('time-outs');
      scheduler.kill(worker, scenario.faults.includes('delay'));
    }
  };

  /** @returns whether there was something for it to do */
  const inflict = (fault: Fault, which: number): boolean => {
    const waiting = scheduler.waiting.length;
    const target = which % Math.max(1, waiting);
    switch (fault) {
      case 'kill': {
        const { working } = scheduler;
        if (working.length === 0) return false;
        scheduler.kill(working[which % working.length]!, which % 3 === 0);
        break;
      }
      case 'fail':
      case 'lose':
      case 'repeat':
        if (waiting === 0) return false;
        scheduler.release(target, fault === 'fail' ? 'failed' : fault === 'lose' ? 'lost' : 'twice');
        break;
      case 'delay':
        if (scheduler.packets.length > 0 && which % 2 === 0) scheduler.deliver(which % scheduler.packets.length);
        else if (waiting > 0) scheduler.release(target, 'late');
        else return false;
        break;
      case 'wait':
        pass(2_000 + (which % 7) * 2_000);
        comeBy(which);
        break;
      case 'wait long':
        // Whoever is under way falls behind, and who comes after it finds what it has left.
        pass(25_000 + (which % 8) * 10_000);
        comeBy(which);
        break;
      case 'expire':
        amazon.generation += 1;
        trace?.('all tokens expire');
        break;
      case 'revoke': {
        const open = amazon.claims.filter(isOpen);
        const underWay = open.filter(({ entitlementId }) => world.statusOf(entitlementId) === 'CLAIMED');
        const revoked = underWay.length > 0 && which % 4 > 0 ? underWay : open;
        if (revoked.length === 0) return false;
        const claim = revoked[which % revoked.length]!;
        claim.isRevoked = true;
        trace?.(`${claim.entitlementId} is revoked`);
        break;
      }
      case 'relist': {
        // Where its grant is being reported, nobody could tell that it was gone and has come back.
        const claim = amazon.claims.find(({ isRevoked, entitlementId }) => {
          const status = world.statusOf(entitlementId);
          return isRevoked && (status === undefined || status === 'PASSED');
        });
        if (claim === undefined) return false;
        claim.isRevoked = false;
        trace?.(`${claim.entitlementId} is listed again`);
        break;
      }
      case 'claim': {
        if (amazon.claims.length >= 5) return false;
        const { account, sku } = scenario.claims[which % scenario.claims.length]!;
        world.claim(account, sku);
        trace?.(`a${account} claims ${sku}`);
        start({ kind: 'fulfil', player: account, account });
        break;
      }
      case 'duplicate':
        if (queue.messages.length === 0) return false;
        queue.messages[which % queue.messages.length]!.visibleAt = 0;
        break;
      case 'refuse':
        world.gameState = world.gameState === 'works' ? 'refuses' : 'works';
        trace?.(`the game ${world.gameState}`);
        break;
      case 'outage':
        world.gameState = world.gameState === 'works' ? 'is down' : 'works';
        trace?.(`the game ${world.gameState}`);
        break;
    }
    monitor.count(fault);
    return true;
  };

  for (let count = 0; count < scenario.together; count += 1) startNext();
  for (const step of steps) {
    await scheduler.settled();
    if (scheduler.waiting.length === 0 && plan.length === 0 && scheduler.packets.length === 0) break;
    const [kind, which] = [step % 64, Math.floor(step / 64)];
    scheduler.now += which % 3;
    const fault = FAULT_OF_STEP[kind];
    if (fault !== undefined && scenario.faults.includes(fault) && inflict(fault, which)) continue;
    if (scheduler.waiting.length === 0 || (kind >= STARTS && plan.length > 0)) startNext();
    else release(kind < FAVOURS, which);
  }
  // Whoever is under way comes to an end.
  for (let acts = 0; acts < MOST_ACTS; acts += 1) {
    await scheduler.settled();
    if (scheduler.waiting.length > 0) scheduler.release(0, 'had');
    else if (plan.length > 0) startNext();
    else break;
  }
  while (scheduler.packets.length > 0) scheduler.deliver(0);
  await scheduler.settled();
  for (const worker of scheduler.working) monitor.violate('left behind', `${worker.name} has not ended`);

  trace?.('--- all is well from now on');
  scheduler.isCalm = true;
  world.gameState = 'works';
  checkLinks(world);
  const rounds = await comeToRest(world, visitsOf(scenario.deliveries), scenario.sweepsFirst);
  monitor.count('rounds until quiet', rounds);
  checkInvariants(world, scenario.granter);
  return { violations: monitor.violations, counts: monitor.counts };
}

/** Of the 64 kinds of steps, those in which something goes wrong, if it may; the others let somebody go on. */
const FIRST_FAULT = 22;
const FAULT_OF_STEP: readonly (Fault | undefined)[] = [
  ...Array<undefined>(FIRST_FAULT),
  ...(
    [
      ['kill', 5],
      ['fail', 3],
      ['lose', 4],
      ['repeat', 3],
      ['delay', 4],
      ['wait', 4],
      ['wait long', 5],
      ['expire', 1],
      ['revoke', 3],
      ['claim', 2],
      ['relist', 1],
      ['duplicate', 1],
      ['refuse', 1],
      ['outage', 1],
    ] as const
  ).flatMap(([fault, kinds]) => Array<Fault>(kinds).fill(fault)),
];
/** Up to here a step lets the same worker go on as before. */
const FAVOURS = 14;
/** From here on a step begins the next invocation, if there is one. */
const STARTS = 60;

/** Who comes by when all is quiet: each pair of player and account that has a part in the schedule. */
function visitsOf(deliveries: readonly Delivery[]): Delivery[][] {
  const isRelinked = deliveries.some(
    (one) => one.kind === 'unlink' || (one.kind === 'fulfil' && one.player !== one.account),
  );
  const visit = (player: number, account: number): Delivery => ({ kind: 'fulfil', player, account });
  if (!isRelinked) return [[visit(0, 0)], [visit(1, 1)]];
  const apart: Delivery[] = [
    { kind: 'unlink', player: 0 },
    { kind: 'unlink', player: 1 },
  ];
  return [
    [...apart, visit(0, 0), visit(1, 1)],
    [...apart, visit(0, 1), visit(1, 0)],
  ];
}

/** Calls are repeated while time passes, until nothing is left to be done. @returns rounds that it took */
async function comeToRest(
  world: FulfilmentWorld,
  visits: readonly Delivery[][],
  sweepsFirst: boolean,
): Promise<number> {
  const { scheduler, queue, amazon, database } = world;
  const isQuiet = (): boolean =>
    queue.messages.length === 0 &&
    queue.deadLetters.length === 0 &&
    !amazon.claims.some((claim) => isOpen(claim) && claim.sku !== UNKNOWN_SKU) &&
    !database.rows('Entitlements').some(({ status, part }) => status === 'CLAIMED' || String(part).startsWith('open|'));
  const sweep = async (): Promise<void> => {
    queue.redrive();
    await world.start({ kind: 'sweep' });
    await world.start({ kind: 'resume' });
  };
  for (let round = 1; round <= CALM_ROUNDS; round += 1) {
    scheduler.now += FULL_TURN_MS;
    if (sweepsFirst) await sweep();
    for (const deliveries of visits) for (const delivery of deliveries) await world.start(delivery);
    if (!sweepsFirst) await sweep();
    if (isQuiet()) return round;
  }
  return CALM_ROUNDS;
}
