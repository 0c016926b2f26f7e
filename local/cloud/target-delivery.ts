import type { AsyncInvoker } from './async-invocation.ts';
import { delay } from './delay.ts';
import type { DeliveryRetries } from './model.ts';
import type { QueueSender } from './queue-sender.ts';

/** EventBridge backs off exponentially over its up to 24 hours of retries. */
const FIRST_RETRY_MS = 1000;
const LONGEST_RETRY_MS = 15 * 60_000;

export interface Delivery {
  targetArn: string;
  /** The rule or schedule that it comes from. */
  sourceArn: string;
  payload: string;
  messageGroupId?: string;
  retries: DeliveryRetries;
  deadLetterArn?: string;
}

/** Delivers what rules and schedules send: to functions, queues and other buses, with retries and a dead-letter queue. */
export class TargetDelivery {
  private readonly invoker: AsyncInvoker;
  private readonly sender: QueueSender;
  private readonly waitScale: number;
  private readonly signal: AbortSignal;
  private readonly running = new Set<Promise<void>>();

  constructor(options: { invoker: AsyncInvoker; sender: QueueSender; waitScale: number; signal: AbortSignal }) {
    this.invoker = options.invoker;
    this.sender = options.sender;
    this.waitScale = options.waitScale;
    this.signal = options.signal;
  }

  deliver(delivery: Delivery): void {
    const work = this.attempts(delivery).finally(() => this.running.delete(work));
    this.running.add(work);
  }

  private async attempts(delivery: Delivery): Promise<void> {
    const accepted = Date.now();
    const ageLimit = delivery.retries.maximumAgeSeconds * 1000 * this.waitScale;
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.once(delivery);
      } catch (error) {
        const wait = Math.min(FIRST_RETRY_MS * 2 ** (attempt - 1), LONGEST_RETRY_MS) * this.waitScale;
        const exhausted =
          attempt > delivery.retries.maximumAttempts
            ? 'MaximumRetryAttempts'
            : Date.now() - accepted + wait > ageLimit
              ? 'MaximumEventAgeInSeconds'
              : undefined;
        if (exhausted) return this.giveUp(delivery, attempt - 1, exhausted, error);
        await delay(wait, this.signal);
        if (this.signal.aborted) return;
      }
    }
  }

  private async once(delivery: Delivery): Promise<void> {
    if (delivery.targetArn.split(':')[2] === 'lambda')
      this.invoker.accept(delivery.targetArn, JSON.parse(delivery.payload));
    else
      await this.sender.send(delivery.targetArn, { body: delivery.payload, messageGroupId: delivery.messageGroupId });
  }

  private async giveUp(delivery: Delivery, retries: number, condition: string, error: unknown): Promise<void> {
    if (!delivery.deadLetterArn) return;
    await this.sender
      .send(delivery.deadLetterArn, {
        body: delivery.payload,
        attributes: {
          RULE_ARN: delivery.sourceArn,
          TARGET_ARN: delivery.targetArn,
          ERROR_CODE: (error as { code?: string }).code ?? 'SDK_CLIENT_ERROR',
          ERROR_MESSAGE: (error as Error).message,
          EXHAUSTED_RETRY_CONDITION: condition,
          RETRY_ATTEMPTS: String(retries),
        },
      })
      // There is nowhere left to put it.
      .catch(() => undefined);
  }

  async settled(): Promise<void> {
    await Promise.allSettled(this.running);
  }
}
