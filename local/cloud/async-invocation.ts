import { randomUUID } from 'node:crypto';
import { delay } from './delay.ts';
import type { InvocationResult } from './invocation.ts';
import type { FunctionRuntime } from './lambda-runtime.ts';
import type { AsyncInvocationSettings } from './model.ts';
import type { QueueSender } from './queue-sender.ts';

/** Lambda's waits before the first and the second retry of an asynchronous invocation. */
const RETRY_WAITS_MS = [60_000, 120_000];
const DEFAULTS: AsyncInvocationSettings = { maximumRetryAttempts: 2, maximumEventAgeSeconds: 21_600 };

/** Lambda's queue of asynchronous events: accepts at once, invokes later, retries, and tells destinations how it went. */
export class AsyncInvoker {
  private readonly functions: ReadonlyMap<string, FunctionRuntime>;
  private readonly settings: ReadonlyMap<string, AsyncInvocationSettings>;
  private readonly sender: QueueSender;
  private readonly waitScale: number;
  private readonly signal: AbortSignal;
  private readonly running = new Set<Promise<void>>();

  constructor(options: {
    functions: ReadonlyMap<string, FunctionRuntime>;
    settings: ReadonlyMap<string, AsyncInvocationSettings>;
    sender: QueueSender;
    /** 1 waits as long as Lambda does. */
    waitScale: number;
    signal: AbortSignal;
  }) {
    this.functions = options.functions;
    this.settings = options.settings;
    this.sender = options.sender;
    this.waitScale = options.waitScale;
    this.signal = options.signal;
  }

  accept(functionArn: string, event: unknown): void {
    const bare = functionArn.replace(/:\$LATEST$/, '');
    const runtime = this.functions.get(bare);
    if (!runtime) throw new Error(`There is no function ${functionArn}`);
    const work = this.process(runtime, this.settings.get(bare) ?? DEFAULTS, event)
      // Only a queue that cannot be reached comes here; the function's log is where its operator looks.
      .catch((error: unknown) => runtime.note(`Asynchronous invocation: ${String(error)}`))
      .finally(() => this.running.delete(work));
    this.running.add(work);
  }

  private async process(runtime: FunctionRuntime, settings: AsyncInvocationSettings, event: unknown): Promise<void> {
    const requestId = randomUUID();
    const accepted = Date.now();
    let attempt = 0;
    for (;;) {
      const result = await runtime.invoke(event, requestId);
      attempt++;
      if (result.outcome === 'success')
        return this.report(runtime, settings, event, requestId, attempt, 'Success', result);
      if (this.signal.aborted) return;
      if (attempt > settings.maximumRetryAttempts) {
        return this.report(runtime, settings, event, requestId, attempt, 'RetriesExhausted', result);
      }
      const wait = RETRY_WAITS_MS[attempt - 1]!;
      const ageLimit = settings.maximumEventAgeSeconds * 1000 * this.waitScale;
      if (Date.now() - accepted + wait * this.waitScale > ageLimit) {
        await delay(Math.max(0, ageLimit - (Date.now() - accepted)), this.signal);
        if (this.signal.aborted) return;
        return this.report(runtime, settings, event, requestId, attempt, 'EventAgeExceeded', result);
      }
      await delay(wait * this.waitScale, this.signal);
      if (this.signal.aborted) return;
    }
  }

  /** https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html */
  private async report(
    runtime: FunctionRuntime,
    settings: AsyncInvocationSettings,
    event: unknown,
    requestId: string,
    attempts: number,
    condition: 'Success' | 'RetriesExhausted' | 'EventAgeExceeded',
    result: InvocationResult,
  ): Promise<void> {
    const { arn, deadLetterArn } = runtime.definition;
    const failed = result.outcome !== 'success';
    const destination = failed ? settings.onFailureArn : settings.onSuccessArn;
    if (destination) {
      await this.sender.send(destination, {
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
          responsePayload: failed ? result.error : result.payload,
        }),
      });
    }
    if (failed && deadLetterArn) {
      await this.sender.send(deadLetterArn, {
        body: JSON.stringify(event),
        attributes: { RequestID: requestId, ErrorCode: 200, ErrorMessage: result.error.errorMessage.slice(0, 1024) },
      });
    }
  }

  async settled(): Promise<void> {
    await Promise.allSettled(this.running);
  }
}
