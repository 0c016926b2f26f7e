import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { unlessAborted, within } from './deadline.ts';
import type { Fact } from './facts.ts';
import type { FromStack, StackAddress, StackOrder, ToStack } from './stack-messages.ts';

const PROGRAM = join(import.meta.dirname, 'stack-process.ts');
/** For an answer of the stack, of which its start takes the longest. */
const ANSWER_LIMIT_MS = 120_000;
const END_LIMIT_MS = 30_000;

/** A stack in a process of its own. */
export interface RunningStack {
  readonly pid: number;
  readonly address: StackAddress;
  /** Rejects when the process ends although nobody has asked it to. */
  readonly failed: Promise<never>;
  /** Starts what drives the functions. */
  start(): Promise<void>;
  /** Invokes a function beside its schedule every so many milliseconds. */
  tick(constructPath: string, everyMs: number): void;
  /** Ends that. Resolves when the last of these invocations has ended. */
  endTicks(constructPath: string): Promise<void>;
  /** Hears of every fact from now on; returns how to end that. */
  onFact(listener: (fact: Fact) => void): () => void;
  /** Lets its database engine stand still for so many milliseconds, whatever is asked of it. */
  stallDatabase(ms: number, signal: AbortSignal): Promise<void>;
  /** SIGKILL, to this one process. Resolves when it is gone, and its database engine with it. */
  kill(): Promise<void>;
  /** Lets it end by itself. */
  stop(): Promise<void>;
}

/**
 * Starts the stack; nothing drives its functions yet.
 *
 * @param signal gives it up; the process is gone then
 * @throws Error when the process ends on its own, with what it has printed
 */
export async function openStack(order: StackOrder, signal?: AbortSignal): Promise<RunningStack> {
  const child = spawn(process.execPath, [PROGRAM], { stdio: ['ignore', 'ignore', 'pipe', 'ipc'] });
  const listeners = new Set<(fact: Fact) => void>();
  const stack = watch(child, listeners);
  try {
    stack.send({ kind: 'open', order });
    const { address } = await unlessAborted(signal, stack.hear('open'));
    return {
      pid: child.pid!,
      address,
      failed: stack.failed,
      async start() {
        stack.send({ kind: 'start' });
        await stack.hear('started');
      },
      tick: (constructPath, everyMs) => stack.send({ kind: 'tick', constructPath, everyMs }),
      async endTicks(constructPath) {
        const ended = stack.hear('ticksEnded', constructPath);
        stack.send({ kind: 'endTicks', constructPath });
        await ended;
      },
      onFact(listener) {
        listeners.add(listener);
        return () => void listeners.delete(listener);
      },
      async stallDatabase(ms, signal) {
        const engines = enginesOf(order.dataDir);
        if (engines.length === 0) throw new Error('there is no database engine of its own that could be stalled');
        for (const engine of engines) process.kill(engine, 'SIGSTOP');
        try {
          await sleep(ms, undefined, { signal });
        } finally {
          for (const engine of enginesOf(order.dataDir)) process.kill(engine, 'SIGCONT');
        }
      },
      async kill() {
        await stack.kill();
        await engineGone(order.dataDir);
      },
      async stop() {
        stack.expectEnd();
        stack.send({ kind: 'stop' });
        const code = await within(END_LIMIT_MS, 'the stack to stop', stack.ended());
        if (code !== 0) throw new Error(`the stack ended with ${code}:\n${stack.errors()}`);
        await engineGone(order.dataDir);
      },
    };
  } catch (error) {
    await stack.kill();
    await engineGone(order.dataDir);
    throw error;
  }
}

type Answer = Exclude<FromStack['kind'], 'fact'>;

const topicOf = (kind: Answer, about: string | undefined): string => JSON.stringify([kind, about ?? null]);

/** The two ends of the channel to a child, and its end. */
function watch(child: ChildProcess, listeners: ReadonlySet<(fact: Fact) => void>) {
  let errors = '';
  child.stderr?.on('data', (chunk: Buffer) => (errors = (errors + chunk.toString()).slice(-10_000)));
  const gone = new Promise<number | NodeJS.Signals | null>((resolve) => {
    child.once('close', (code, signal) => resolve(code ?? signal));
    child.once('error', (error) => {
      errors += String(error);
      resolve(null);
    });
  });
  const waiting = new Map<string, (message: FromStack) => void>();
  child.on('message', (message: FromStack) => {
    if (message.kind === 'fact') for (const listener of listeners) listener(message.fact);
    else waiting.get(topicOf(message.kind, 'constructPath' in message ? message.constructPath : undefined))?.(message);
  });
  let expected = false;
  const failed = gone.then((code) => {
    if (expected) return new Promise<never>(() => undefined);
    throw new Error(`the stack ended by itself (${code}):\n${errors}`);
  });
  failed.catch(() => undefined);
  return {
    failed,
    errors: () => errors,
    ended: () => gone,
    expectEnd: () => void (expected = true),
    send(message: ToStack): void {
      // A channel that has just closed is an end like any other, and waited for as such.
      if (child.connected) child.send(message, () => undefined);
    },
    hear<K extends Answer>(kind: K, about?: string): Promise<Extract<FromStack, { kind: K }>> {
      const heard = new Promise<FromStack>((resolve) => waiting.set(topicOf(kind, about), resolve));
      const answer = Promise.race([heard, failed]) as Promise<Extract<FromStack, { kind: K }>>;
      return within(ANSWER_LIMIT_MS, `the stack to answer "${kind}"`, answer);
    },
    async kill(): Promise<void> {
      expected = true;
      child.kill('SIGKILL');
      await gone;
    },
  };
}

/** Waits until no engine works in a data directory any more: it must be free for the next start. */
async function engineGone(dataDir: string): Promise<void> {
  const end = Date.now() + END_LIMIT_MS;
  for (;;) {
    const left = enginesOf(dataDir);
    if (left.length === 0) return;
    if (Date.now() > end) throw new Error(`left behind in ${dataDir}: process ${left.join(', ')}`);
    await sleep(20);
  }
}

/** Processes whose command line names the database of a data directory; none where the system does not show them. */
function enginesOf(dataDir: string): number[] {
  const database = join(dataDir, 'dynamodb');
  let ids: string[];
  try {
    ids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  } catch {
    return [];
  }
  return ids.map(Number).filter((id) => {
    try {
      return readFileSync(`/proc/${id}/cmdline`, 'utf8').includes(database);
    } catch {
      return false;
    }
  });
}
