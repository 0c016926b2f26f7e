import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { synthesise } from '../../local/synthesise.ts';
import type { Capability, CheckResult, Scene } from './capability.ts';
import { refuseEmpty } from './crash-report.ts';
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
  readonly kills: number;
  readonly seed: number;
  /** Kinds of moments to kill at, in this order and over again. @default all of them at random */
  readonly at?: readonly string[];
  /** An empty folder; everything that the run makes stays in it. */
  readonly folder: string;
  /** Ends the run early: the stack is killed and whatever has been started is stopped. */
  readonly signal: AbortSignal;
  readonly tell: (line: string) => void;
}

export interface CrashReport {
  readonly kills: number;
  /** Times that the database was stalled in place of a kill. */
  readonly stalls: number;
  /** Of both, those whose moment did not come in time. */
  readonly missed: number;
  readonly checks: readonly CheckResult[];
}

const STAGE = 'crash';
/** How long a moment is waited for; one that has not come by then is made one of any time. */
const MOMENT_LIMIT_MS = 60_000;
/** How long the stack may take to catch up after the last kill, and then to come to rest. Far more than it needs. */
const CATCH_UP_LIMIT_MS = 300_000;
const LOOK_EVERY_MS = 500;

/**
 * Runs the stack in a process of its own, kills that at moments that the seed decides, starts it again on the same data,
 * lets it catch up, and compares what is left with the truth.
 *
 * @throws Error when the stack does not start or ends by itself
 */
export async function runCrashes(capability: Capability, run: CrashRun): Promise<CrashReport> {
  const { folder, signal, tell } = run;
  const write = factWriter(folder, 0);
  const scene = await capability.open(STAGE, folder, run.seed);
  const endWatch = watchPauses((pause) => write({ kind: 'pause', ...pause }));
  try {
    const assembly = await synthesiseStage(capability, scene, run);
    const lives = { count: 0, running: undefined as RunningStack | undefined };
    const live = async (): Promise<RunningStack> => {
      signal.throwIfAborted();
      lives.count += 1;
      const stack = await openStack({
        assembly,
        dataDir: join(folder, 'cloud'),
        secrets: scene.secrets,
        factsFolder: folder,
        life: lives.count,
      });
      lives.running = stack;
      if (lives.count === 1) await scene.fill(stack.address);
      await stack.start();
      for (const { constructPath, everyMs } of capability.ticks) stack.tick(constructPath, everyMs);
      return stack;
    };
    try {
      let missed = 0;
      let stalls = 0;
      const moments = drawMoments(capability.moments, run.kills, run.seed, run.at);
      for (const [index, moment] of moments.entries()) {
        const stack = lives.running ?? (await live());
        const came = await disturb(capability, scene, stack, moment, {
          ...run,
          tell: (line) => tell(`${String(index + 1).padStart(String(run.kills).length)}  ${line}`),
        });
        if (!came) missed += 1;
        if (capability.moments[moment.kind]!.stallMs === undefined) lives.running = undefined;
        else stalls += 1;
      }
      const checks = await catchUp(capability, scene, lives.running ?? (await live()), run);
      await lives.running?.stop();
      lives.running = undefined;
      return { kills: moments.length - stalls, stalls, missed, checks };
    } finally {
      await lives.running?.kill();
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

/**
 * Waits for a moment, and kills the stack or stalls its database.
 *
 * @returns whether the moment came, or was no longer waited for
 */
async function disturb(
  capability: Capability,
  scene: Scene,
  stack: RunningStack,
  moment: KillMoment,
  { signal, tell }: CrashRun,
): Promise<boolean> {
  const kind = capability.moments[moment.kind]!;
  const seen = observe(stack);
  const begun = { at: Date.now(), requests: scene.requests() };
  const sights = {
    onFact: stack.onFact,
    functionId: (path: string) => resourceAt(stack.address, path).logicalId,
    requests: scene.requests,
  };
  const came = await Promise.race([momentOf(moment, kind, sights, MOMENT_LIMIT_MS, signal), stack.failed]);
  const doing = seen();
  if (kind.stallMs === undefined) await stack.kill();
  else await Promise.race([stack.stallDatabase(kind.stallMs, signal), stack.failed]);
  const seconds = ((Date.now() - begun.at) / 1000).toFixed(1).padStart(5);
  const requests = String(scene.requests() - begun.requests).padStart(4);
  tell(
    `${seconds} s  ${requests} requests  ${moment.kind.padEnd(8)} ${doing}${came ? '' : ' (the moment did not come)'}`,
  );
  return came;
}

/** What a stack is doing: the functions that run, and the last call that one of them has made. */
function observe(stack: RunningStack): () => string {
  const running = new Map<string, number>();
  let last: Extract<Fact, { kind: 'call' }> | undefined;
  const name = (functionId: string): string => {
    const path = stack.address.resources.find(({ logicalId }) => logicalId === functionId)?.constructPath;
    return path?.split('/').at(-3) ?? functionId;
  };
  const count = (functionId: string, by: number): void =>
    void running.set(functionId, (running.get(functionId) ?? 0) + by);
  stack.onFact((fact) => {
    if (fact.kind === 'began') count(fact.functionId, 1);
    if (fact.kind === 'ended') count(fact.functionId, -1);
    if (fact.kind === 'call' && fact.functionId !== undefined) last = fact;
  });
  return () => {
    const busy = [...running].filter(([, times]) => times > 0).map(([id, times]) => `${times} × ${name(id)}`);
    const doing = busy.length === 0 ? 'nothing in flight' : `in flight: ${busy.join(', ')}`;
    return last?.functionId === undefined
      ? doing
      : `${doing}; last call: ${last.operation} of ${name(last.functionId)}`;
  };
}

async function catchUp(
  capability: Capability,
  scene: Scene,
  stack: RunningStack,
  { folder, signal, tell }: CrashRun,
): Promise<readonly CheckResult[]> {
  await scene.freeze();
  tell('letting it catch up …');
  const begun = Date.now();
  const waitFor = async (missing: Scene['unseen']): Promise<readonly string[]> => {
    const end = Date.now() + CATCH_UP_LIMIT_MS;
    for (;;) {
      const left = await Promise.race([missing(stack.address), stack.failed]);
      signal.throwIfAborted();
      if (left.length === 0 || Date.now() > end) return left;
      await sleep(LOOK_EVERY_MS, undefined, { signal });
    }
  };
  const unseen = await waitFor((address) => scene.unseen(address));
  for (const { constructPath } of capability.ticks) stack.tick(constructPath, null);
  const unsettled = await waitFor((address) => scene.unsettled(address));
  const caughtUp: CheckResult = {
    name: 'catches up',
    counts: { seconds: Math.round((Date.now() - begun) / 1000) },
    violations: [...unseen, ...unsettled].map((left) => `not done after ${CATCH_UP_LIMIT_MS / 1000} s: ${left}`),
  };
  const facts = readFacts(folder);
  return [caughtUp, ...[...(await scene.check(stack.address, facts)), functionsEnd(facts)].map(refuseEmpty)];
}

/** For information: how often functions have ended, and how. */
function functionsEnd(facts: readonly Fact[]): CheckResult {
  const ended = facts.filter((fact) => fact.kind === 'ended');
  const began = facts.filter((fact) => fact.kind === 'began').length;
  const ends = (wanted: string): number => ended.filter(({ outcome }) => outcome === wanted).length;
  const counts = {
    begun: began,
    'cut off by kills': began - ended.length,
    'timed out': ends('timeout'),
    failed: ends('error'),
  };
  return { name: 'invocations (information)', counts, violations: [] };
}
