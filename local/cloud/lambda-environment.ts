import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type {
  EnvironmentData,
  EnvironmentMessage,
  InvocationError,
  InvocationMessage,
  InvocationResult,
} from './invocation.ts';

/** Lambda gives the initialisation of an environment ten seconds. */
const INIT_TIMEOUT_MS = 10_000;

export interface EnvironmentOutcome {
  result: InvocationResult;
  memoryUsedMb: number;
}

type Waiting = (
  message: Exclude<EnvironmentMessage, { kind: 'log' }> | { kind: 'exit'; error: InvocationError },
) => void;

/** One execution environment: a thread with its own modules and variables, frozen between invocations. */
export class LambdaEnvironment {
  readonly logStream: string;
  /** False once the thread has crashed, timed out or been discarded. */
  alive = true;
  private readonly worker: Worker;
  private readonly gate: Int32Array;
  private readonly exited: Promise<unknown>;
  private waiting: Waiting | undefined;
  private crash: InvocationError | undefined;

  constructor(data: Omit<EnvironmentData, 'gate'>, variables: Record<string, string>, onLog: (text: string) => void) {
    const gate = new SharedArrayBuffer(4);
    this.gate = new Int32Array(gate);
    this.logStream = data.logStream;
    this.worker = new Worker(new URL('./lambda-worker.ts', import.meta.url), {
      name: data.functionName,
      workerData: { ...data, gate } satisfies EnvironmentData,
      env: variables,
      execArgv: [],
      stdout: true,
      stderr: true,
      // Lambda's limit is on the whole process; what a thread can be held to is its heap.
      resourceLimits: { maxOldGenerationSizeMb: data.memoryMb },
    });
    this.exited = once(this.worker, 'exit').catch(() => undefined);
    this.worker.on('message', (message: EnvironmentMessage) => {
      if (message.kind === 'log') return onLog(message.text);
      // A crash is told when the thread is gone, so that its last output is not lost.
      if (message.kind === 'crash') this.crash = message.error;
      else this.tell(message);
    });
    this.worker.on('error', (error: NodeJS.ErrnoException) => {
      this.crash ??=
        error.code === 'ERR_WORKER_OUT_OF_MEMORY'
          ? { errorType: 'Runtime.OutOfMemory', errorMessage: 'Runtime exited with error: signal: killed' }
          : { errorType: error.name, errorMessage: error.message, trace: (error.stack ?? '').split('\n') };
    });
    this.worker.on('exit', (code) => {
      this.alive = false;
      const errorMessage =
        code === 0 ? 'Runtime exited without providing a reason' : `Runtime exited with error: exit status ${code}`;
      this.tell({ kind: 'exit', error: this.crash ?? { errorType: 'Runtime.ExitError', errorMessage } });
    });
  }

  private tell(message: Parameters<Waiting>[0]): void {
    this.waiting?.(message);
    this.waiting = undefined;
  }

  private next(timeoutMs: number): Promise<Parameters<Waiting>[0] | 'timeout'> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        this.waiting = undefined;
        resolve('timeout');
      }, timeoutMs);
      this.waiting = (message) => {
        clearTimeout(timer);
        resolve(message);
      };
    });
  }

  /** Loads the function's module. Gives the error that Lambda would report if that fails. */
  async initialise(): Promise<InvocationError | undefined> {
    const message = await this.next(INIT_TIMEOUT_MS);
    if (message === 'timeout') {
      await this.discard();
      return {
        errorType: 'Sandbox.Timedout',
        errorMessage: `Error: Task timed out after ${(INIT_TIMEOUT_MS / 1000).toFixed(2)} seconds`,
      };
    }
    return message.kind === 'exit' ? message.error : undefined;
  }

  async invoke(invocation: InvocationMessage, timeoutMs: number): Promise<EnvironmentOutcome> {
    if (!this.alive)
      return {
        result: { outcome: 'error', error: exitError(invocation.requestId, 'Runtime exited') },
        memoryUsedMb: 0,
      };
    const answer = this.next(timeoutMs);
    this.worker.postMessage(invocation);
    Atomics.store(this.gate, 0, 1);
    Atomics.notify(this.gate, 0);
    const message = await answer;
    if (message === 'timeout') {
      await this.discard();
      const seconds = (timeoutMs / 1000).toFixed(2);
      const errorMessage = `RequestId: ${invocation.requestId} Error: Task timed out after ${seconds} seconds`;
      return {
        result: { outcome: 'timeout', error: { errorType: 'Sandbox.Timedout', errorMessage } },
        memoryUsedMb: 0,
      };
    }
    switch (message.kind) {
      case 'result':
        return {
          result: { outcome: 'success', payload: message.json === undefined ? null : JSON.parse(message.json) },
          memoryUsedMb: message.memoryUsedMb,
        };
      case 'error':
        return { result: { outcome: 'error', error: message.error }, memoryUsedMb: message.memoryUsedMb };
      case 'exit': {
        const isExit =
          message.error.errorType === 'Runtime.ExitError' || message.error.errorType === 'Runtime.OutOfMemory';
        const error = isExit
          ? {
              ...message.error,
              errorMessage: `RequestId: ${invocation.requestId} Error: ${message.error.errorMessage}`,
            }
          : message.error;
        return { result: { outcome: 'error', error }, memoryUsedMb: 0 };
      }
      default:
        throw new Error(`An idle environment answered ${message.kind}`);
    }
  }

  /** Ends the thread, whatever it is doing. */
  async discard(): Promise<void> {
    this.alive = false;
    await this.worker.terminate();
    await this.exited;
  }
}

function exitError(requestId: string, text: string): InvocationError {
  return { errorType: 'Runtime.ExitError', errorMessage: `RequestId: ${requestId} Error: ${text}` };
}
