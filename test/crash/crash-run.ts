import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { synthesise } from '../../local/synthesise.ts';
import type { Activity } from './activity.ts';
import { watchActivity } from './activity.ts';
import type { Capability, CheckResult, Scene } from './capability.ts';
import { checkInvocations } from './checks/check-invocations.ts';
import { attempt, refuseEmpty } from './crash-report.ts';
import { unlessAborted } from './deadline.ts';
import type { Fact } from './facts.ts';
import { factWriter, readFacts } from './facts.ts';
import type { KillMoment } from './kill-moments.ts';
import { drawMoments, momentOf } from './kill-moments.ts';
import { watchPauses } from './pauses.ts';
import type { RunningStack } from './running-stack.ts';
import { openStack } from './running-stack.ts';
import { adjustTemplate } from './template-adjustments.ts';
import { resourceAt } from './stack-messages.ts';

export interface CrashRun {
  /** SIGKILLs; stalls of the database come on top, as they are drawn. */
  readonly kills: number;
  readonly seed: number;
  /** Kinds of moments to kill at, in this order and over again. @default all of them at random */
  readonly at?: readonly string[];
  /** An empty folder; everything that the run makes stays in it. */
  readonly folder: string;
  /**
   * How long the stack may take to catch up after the last kill, and then to come to rest, milliseconds.
   *
   * @default 300000, which is far more than it needs
   */
  readonly catchUpLimitMs?: number;
  /** Ends the run early: the stack is killed and whatever has been started is stopped. */
  readonly signal: AbortSignal;
  readonly tell: (line: string) => void;
}

export interface CrashReport {
  readonly kills: number;
  /** Times that the database was stalled. */
  readonly stalls: number;
  /** Of both, those whose moment did not come in time. */
  readonly missed: number;
  /** Kills that found nothing in flight. */
  readonly idle: number;
  readonly checks: readonly CheckResult[];
}

const STAGE = 'crash';
/** How long a moment is waited for; one that has not come by then is made one of any time. */
const MOMENT_LIMIT_MS = 60_000;
const CATCH_UP_LIMIT_MS = 300_000;
const LOOK_EVERY_MS = 500;
/** Between two looks at a stack where nothing new begins, what the first one missed has become visible. */
const EMPTY_LOOKS = 2;

/** One life of the stack, and what it is doing. */
interface Life {
  readonly stack: RunningStack;
  readonly activity: Activity;
}

/**
 * Runs the stack in a process of its own, kills that at moments that the seed decides, starts it again on the same data,
 * lets it catch up, and compares what is left with the truth.
 *
 * @throws Error when the stack does not start or ends by itself
 * @throws the signal's reason when it is aborted
 */
export async function runCrashes(capability: Capability, run: CrashRun): Promise<CrashReport> {
  const { folder, signal, tell } = run;
  const write = factWriter(folder, 0);
  const scene = await capability.open(STAGE, folder, run.seed);
  const endWatch = watchPauses((pause) => write({ kind: 'pause', ...pause }));
  try {
    const assembly = await unlessAborted(signal, synthesiseStage(capability, scene, run));
    const lives = { count: 0, current: undefined as Life | undefined, deadSince: undefined as number | undefined };
    const live = async (): Promise<Life> => {
      lives.count += 1;
      const order = { assembly, dataDir: join(folder, 'cloud'), secrets: scene.secrets, factsFolder: folder };
      const stack = await openStack({ ...order, life: lives.count }, signal);
      const life = { stack, activity: watchActivity(stack) };
      lives.current = life;
      if (lives.count === 1) await unlessAborted(signal, scene.fill(stack.address));
      await unlessAborted(signal, stack.start());
      const now = Date.now();
      if (lives.deadSince !== undefined) {
        write({ kind: 'outage', at: now, ms: now - lives.deadSince, cause: 'kill' });
      }
      for (const { constructPath, everyMs } of capability.ticks) stack.tick(constructPath, everyMs);
      return life;
    };
    const kill = async (): Promise<void> => {
      const { current } = lives;
      lives.current = undefined;
      lives.deadSince = Date.now();
      current?.activity.end();
      await current?.stack.kill();
    };
    try {
      const report = { kills: 0, stalls: 0, missed: 0, idle: 0 };
      const moments = drawMoments(capability.moments, run.kills, run.seed, run.at);
      for (const [index, moment] of moments.entries()) {
        const life = lives.current ?? (await live());
        const told = { kind: moment.kind, begun: Date.now(), requests: scene.requests() };
        const came = await waitFor(capability, scene, life, moment, signal);
        const doing = life.activity.describe();
        const { stallMs } = capability.moments[moment.kind]!;
        if (!came) report.missed += 1;
        if (stallMs === undefined) {
          report.kills += 1;
          if (life.activity.inFlight() === 0) report.idle += 1;
          await kill();
        } else {
          report.stalls += 1;
          await Promise.race([life.stack.stallDatabase(stallMs, signal), life.stack.failed]);
          write({ kind: 'outage', at: Date.now(), ms: stallMs, cause: 'stall' });
        }
        const seconds = ((Date.now() - told.begun) / 1000).toFixed(1).padStart(5);
        const requests = String(scene.requests() - told.requests).padStart(4);
        const number = String(index + 1).padStart(String(moments.length).length);
        const missed = came ? '' : ' (the moment did not come)';
        tell(`${number}  ${seconds} s  ${requests} requests  ${told.kind.padEnd(8)} ${doing}${missed}`);
      }
      const checks = await catchUp(capability, scene, lives.current ?? (await live()), run);
      await lives.current?.stack.stop();
      lives.current = undefined;
      return { ...report, checks };
    } finally {
      await kill();
    }
  } finally {
    endWatch();
    await scene.close();
  }
}

async function synthesiseStage(capability: Capability, scene: Scene, { folder, tell }: CrashRun): Promise<string> {
  const config = join(folder, 'config');
  const assembly = join(folder, 'cdk.out');
  mkdirSync(config);
  writeFileSync(join(config, `${STAGE}.json`), JSON.stringify(scene.settings, null, 2));
  tell('synthesising the stack …');
  await synthesise(STAGE, assembly, { ...scene.synthesis, config });
  for (const change of adjustTemplate(assembly, capability.adjustments)) tell(`for this run: ${change}`);
  return assembly;
}

/** Resolves with whether the moment came, or was no longer waited for. */
async function waitFor(
  capability: Capability,
  scene: Scene,
  { stack, activity }: Life,
  moment: KillMoment,
  signal: AbortSignal,
): Promise<boolean> {
  const sights = {
    onFact: stack.onFact,
    functionId: (path: string) => resourceAt(stack.address, path).logicalId,
    requests: scene.requests,
    inFlight: activity.inFlight,
  };
  const kind = capability.moments[moment.kind]!;
  return Promise.race([momentOf(moment, kind, sights, MOMENT_LIMIT_MS, signal), stack.failed]);
}

async function catchUp(
  capability: Capability,
  scene: Scene,
  { stack, activity }: Life,
  { folder, signal, tell, catchUpLimitMs = CATCH_UP_LIMIT_MS }: CrashRun,
): Promise<readonly CheckResult[]> {
  await unlessAborted(signal, scene.freeze());
  tell('letting it catch up …');
  const begun = Date.now();
  /** What is missing in the end: nothing, as soon as so many looks in a row have found nothing. */
  const until = async (missing: Scene['unseen'], emptyLooks: number): Promise<readonly string[]> => {
    const stop = new AbortController();
    const late = sleep(catchUpLimitMs, ['an answer of the stack to the question what is left'], {
      signal: stop.signal,
    });
    late.catch(() => undefined);
    const end = Date.now() + catchUpLimitMs;
    try {
      for (let empty = 0; ;) {
        const left = await unlessAborted(signal, Promise.race([missing(stack.address), stack.failed, late]));
        empty = left.length === 0 ? empty + 1 : 0;
        if (empty === emptyLooks || Date.now() >= end) return left;
        await sleep(LOOK_EVERY_MS, undefined, { signal });
      }
    } finally {
      stop.abort();
    }
  };
  const unseen = await until((address) => scene.unseen(address), 1);
  for (const { constructPath } of capability.ticks) await unlessAborted(signal, stack.endTicks(constructPath));
  const unsettled = await until(async (address) => {
    const running = activity.inFlight();
    const left = await scene.unsettled(address);
    return running > 0 ? [...left, `${running} invocations to end`] : left;
  }, EMPTY_LOOKS);
  const caughtUp: CheckResult = {
    name: 'catches up',
    counts: { seconds: Math.round((Date.now() - begun) / 1000) },
    violations: [...unseen, ...unsettled].map((left) => `not done after ${catchUpLimitMs / 1000} s: ${left}`),
  };
  const facts = readFacts(folder);
  const checks = await unlessAborted(signal, checkAll(scene, stack, facts));
  return [caughtUp, ...[...checks, attempt('invocations', () => checkInvocations(facts))].map(refuseEmpty)];
}

/** What cannot even be gathered is a finding like any other, beside those that there are. */
async function checkAll(scene: Scene, stack: RunningStack, facts: readonly Fact[]): Promise<readonly CheckResult[]> {
  try {
    return await Promise.race([scene.check(stack.address, facts), stack.failed]);
  } catch (error) {
    return [
      attempt('evidence', () => {
        throw error;
      }),
    ];
  }
}
