import { delay } from './delay.ts';
import { callerOf } from './deployment-checks.ts';
import type { InvocationError, InvocationResult } from './invocation.ts';
import type { FunctionRuntime } from './lambda-runtime.ts';
import { checkInvocationPayload } from './limits.ts';
import type { AsyncInvocationSettings } from './model.ts';
import type { PendingItem, PendingWork } from './pending-work.ts';
import type { QueueSender } from './queue-sender.ts';

const KIND = 'asynchronous invocation';
/** Lambda's waits before the first and the second retry of an asynchronous invocation. */
const RETRY_WAITS_MS = [60_000, 120_000];
const DEFAULTS: AsyncInvocationSettings = { maximumRetryAttempts: 2, maximumEventAgeSeconds: 21_600 };

interface AcceptedEvent {
  functionArn: string;
  event: unknown;
}

type Condition = 'Success' | 'RetriesExhausted' | 'EventAgeExceeded';

interface Verdict {
  condition: Condition;
  payload?: unknown;
  error?: InvocationError;
}

interface Progress {
  /** Attempts that came to an end; one that a stop or a kill cuts off is made again and not counted. */
  attempts: number;
  /** When the next attempt is due, or the event has become too old for one; epoch milliseconds. */
  dueAt?: number;
  /** How the last attempt failed. */
  error?: InvocationError;
  /** Set once it is decided; the destinations are still to be told. */
  verdict?: Verdict;
}

/**
 * Lambda's queue of asynchronous events: accepts at once, invokes later, retries, and tells destinations how it went. An
 * accepted event outlasts the process. Functions are invoked at least once for it, as by Lambda itself.
 */
export class AsyncInvoker {
  private readonly functions: ReadonlyMap<string, FunctionRuntime>;
  private readonly settings: ReadonlyMap<string, AsyncInvocationSettings>;
  private readonly sender: QueueSender;
  private readonly pending: PendingWork;
  private readonly waitScale: number;
  private readonly signal: AbortSignal;
  /** What an earlier run has left. */
  private readonly leftOver: PendingItem[];
  private readonly running = new Set<Promise<void>>();

  constructor(options: {
    functions: ReadonlyMap<string, FunctionRuntime>;
    settings: ReadonlyMap<string, AsyncInvocationSettings>;
    sender: QueueSender;
    pending: PendingWork;
    /** 1 waits as long as Lambda does. */
    waitScale: number;
    signal: AbortSignal;
  }) {
    this.functions = options.functions;
    this.settings = options.settings;
    this.sender = options.sender;
    this.pending = options.pending;
    this.waitScale = options.waitScale;
    this.signal = options.signal;
    this.leftOver = options.pending.list(KIND);
  }

  /** Whether the function exists; its ARN may end in `:$LATEST`. */
  knows(functionArn: string): boolean {
    return this.functions.has(bare(functionArn));
  }

  /**
   * Promises to invoke a function. The event is kept when this returns, and its first attempt has not begun.
   *
   * @throws Error where there is no such function, ServiceError `RequestTooLargeException` for an event over 1 MiB
   */
  accept(functionArn: string, event: unknown): void {
    if (!this.knows(functionArn)) throw new Error(`There is no function ${functionArn}`);
    checkInvocationPayload(Buffer.byteLength(JSON.stringify(event ?? null)), 'Event');
    const accepted: AcceptedEvent = { functionArn: bare(functionArn), event };
    this.begin(this.pending.add(KIND, accepted));
  }

  /** Takes up what an earlier run has accepted and not finished. Gives what it had to drop, as notes for the operator. */
  resume(): string[] {
    const notes: string[] = [];
    for (const item of this.leftOver.splice(0)) {
      const { functionArn } = item.content as AcceptedEvent;
      if (this.knows(functionArn)) this.begin(item);
      else {
        this.pending.remove(item.id);
        notes.push(`Asynchronous invocation ${item.id}: dropped, the template no longer has ${functionArn}`);
      }
    }
    return notes;
  }

  private begin(item: PendingItem): void {
    const { functionArn, event } = item.content as AcceptedEvent;
    const runtime = this.functions.get(functionArn)!;
    const settings = this.settings.get(functionArn) ?? DEFAULTS;
    const work = this.process(item, runtime, settings, event)
      // What cannot be noted down, say on a full disk, is still kept as it was: the next start takes it up.
      .catch((error: unknown) => runtime.note(`Asynchronous invocation: ${String(error)}`))
      .finally(() => this.running.delete(work));
    this.running.add(work);
  }

  private async process(
    item: PendingItem,
    runtime: FunctionRuntime,
    settings: AsyncInvocationSettings,
    event: unknown,
  ): Promise<void> {
    // Whoever accepts several events at once does so in one transaction, which must be over before anything is noted.
    await Promise.resolve();
    let progress = (item.progress as Progress | undefined) ?? { attempts: 0 };
    while (!progress.verdict) {
      if (progress.dueAt !== undefined) await delay(progress.dueAt - Date.now(), this.signal);
      if (this.signal.aborted) return;
      const next = this.tooOld(item, settings, progress)
        ? { ...progress, verdict: { condition: 'EventAgeExceeded' as const, error: progress.error } }
        : this.after(await runtime.invoke(event, item.id), item, settings, progress);
      // What fails while the cloud stops was cut off.
      if (this.signal.aborted && next.verdict?.condition !== 'Success') return;
      progress = next;
      this.pending.note(item.id, progress);
    }
    try {
      await this.report(item, runtime, settings, event, progress.attempts, progress.verdict);
    } catch (error) {
      if (this.signal.aborted) return;
      // Only a queue that does not take the report comes here; the function's log is where its operator looks.
      runtime.note(`Asynchronous invocation: ${String(error)}`);
    }
    this.pending.remove(item.id);
  }

  private expiry(item: PendingItem, settings: AsyncInvocationSettings): number {
    return item.acceptedAt + settings.maximumEventAgeSeconds * 1000 * this.waitScale;
  }

  /** An event is not dropped for its age before it was tried; Lambda has the function's concurrency to wait for, this has not. */
  private tooOld(item: PendingItem, settings: AsyncInvocationSettings, { attempts }: Progress): boolean {
    return attempts > 0 && Date.now() >= this.expiry(item, settings);
  }

  private after(
    result: InvocationResult,
    item: PendingItem,
    settings: AsyncInvocationSettings,
    before: Progress,
  ): Progress {
    const attempts = before.attempts + 1;
    if (result.outcome === 'success') return { attempts, verdict: { condition: 'Success', payload: result.payload } };
    const { error } = result;
    if (attempts > settings.maximumRetryAttempts)
      return { attempts, verdict: { condition: 'RetriesExhausted', error } };
    const retryAt = Date.now() + RETRY_WAITS_MS[attempts - 1]! * this.waitScale;
    return { attempts, error, dueAt: Math.min(retryAt, this.expiry(item, settings)) };
  }

  /** https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html */
  private async report(
    { id: requestId }: PendingItem,
    runtime: FunctionRuntime,
    settings: AsyncInvocationSettings,
    event: unknown,
    attempts: number,
    { condition, payload, error }: Verdict,
  ): Promise<void> {
    const { arn, deadLetterArn } = runtime.definition;
    const failed = condition !== 'Success';
    const caller = callerOf(runtime.definition);
    const destination = failed ? settings.onFailureArn : settings.onSuccessArn;
    if (destination) {
      await this.sender.send(
        destination,
        {
          body: JSON.stringify({
            version: '1.0',
            timestamp: new Date().toISOString(),
            requestContext: { requestId, functionArn: `${arn}:$LATEST`, condition, approximateInvokeCount: attempts },
            requestPayload: event,
            responseContext: {
              statusCode: 200,
              executedVersion: '$LATEST',
              ...(failed ? { functionError: 'Unhandled' } : {}),
            },
            responsePayload: failed ? error : payload,
          }),
        },
        caller,
      );
    }
    if (failed && deadLetterArn) {
      await this.sender.send(
        deadLetterArn,
        {
          body: JSON.stringify(event),
          attributes: {
            RequestID: requestId,
            ErrorCode: 200,
            ErrorMessage: error!.errorMessage.slice(0, 1024),
          },
        },
        caller,
      );
    }
  }

  async settled(): Promise<void> {
    await Promise.allSettled(this.running);
  }
}

function bare(functionArn: string): string {
  return functionArn.replace(/:\$LATEST$/, '');
}
