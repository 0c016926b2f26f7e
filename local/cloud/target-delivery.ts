import type { AccessControl } from './access-control.ts';
import type { AsyncInvoker } from './async-invocation.ts';
import { delay } from './delay.ts';
import type { DeliveryRetries } from './model.ts';
import type { PendingItem, PendingWork } from './pending-work.ts';
import type { QueueSender } from './queue-sender.ts';
import type { Caller } from './service-call.ts';

const KIND = 'target delivery';
/** EventBridge backs off exponentially over its up to 24 hours of retries. */
const FIRST_RETRY_MS = 1000;
const LONGEST_RETRY_MS = 15 * 60_000;
/** What would fail again. https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-retry-policy.html */
const NOT_RETRYABLE = new Set(['RequestTooLargeException', 'AccessDeniedException']);

export interface Delivery {
  targetArn: string;
  /** The rule or schedule that it comes from. */
  sourceArn: string;
  /** In whose name it is delivered. */
  caller: Caller;
  payload: string;
  /** What the dead-letter queue gets. @default the payload */
  deadLetterBody?: string;
  messageGroupId?: string;
  retries: DeliveryRetries;
  deadLetterArn?: string;
}

interface Progress {
  /** Attempts that failed; one that a stop or a kill cuts off is made again and not counted. */
  failures: number;
  /** When the next attempt is due, epoch milliseconds. */
  dueAt?: number;
  /** Set once there are no more attempts; the dead-letter queue is still to be told. */
  givenUp?: { condition?: string; code: string; message: string };
}

/**
 * Delivers what rules and schedules send: to functions and queues, with retries and a dead-letter queue. An accepted
 * delivery outlasts the process. A target gets it at least once, as from EventBridge itself.
 */
export class TargetDelivery {
  private readonly invoker: AsyncInvoker;
  private readonly sender: QueueSender;
  private readonly access: AccessControl;
  private readonly pending: PendingWork;
  private readonly waitScale: number;
  private readonly signal: AbortSignal;
  /** What an earlier run has left. */
  private readonly leftOver: PendingItem[];
  private readonly running = new Set<Promise<void>>();

  constructor(options: {
    invoker: AsyncInvoker;
    sender: QueueSender;
    access: AccessControl;
    pending: PendingWork;
    waitScale: number;
    signal: AbortSignal;
  }) {
    this.invoker = options.invoker;
    this.sender = options.sender;
    this.access = options.access;
    this.pending = options.pending;
    this.waitScale = options.waitScale;
    this.signal = options.signal;
    this.leftOver = options.pending.list(KIND);
  }

  /** Promises to deliver; the delivery is kept when this returns. */
  deliver(delivery: Delivery): void {
    this.begin(this.pending.add(KIND, delivery));
  }

  /** Takes up what an earlier run has accepted and not finished. Gives what it had to drop, as notes for the operator. */
  resume(): string[] {
    const notes: string[] = [];
    for (const item of this.leftOver.splice(0)) {
      const { targetArn, sourceArn } = item.content as Delivery;
      if (this.invoker.knows(targetArn) || this.sender.knows(targetArn)) this.begin(item);
      else {
        this.pending.remove(item.id);
        notes.push(`Delivery ${item.id} of ${sourceArn}: dropped, the template no longer has ${targetArn}`);
      }
    }
    return notes;
  }

  private begin(item: PendingItem): void {
    const work = this.process(item)
      // What cannot be noted down, say on a full disk, is still kept as it was: the next start takes it up.
      .catch(() => undefined)
      .finally(() => this.running.delete(work));
    this.running.add(work);
  }

  private async process(item: PendingItem): Promise<void> {
    const delivery = item.content as Delivery;
    let progress = (item.progress as Progress | undefined) ?? { failures: 0 };
    while (!progress.givenUp) {
      if (progress.dueAt !== undefined) await delay(progress.dueAt - Date.now(), this.signal);
      if (this.signal.aborted) return;
      try {
        return await this.once(item.id, delivery);
      } catch (error) {
        // What fails while the cloud stops was cut off.
        if (this.signal.aborted) return;
        progress = this.after(error as Error & { code?: string }, item, progress.failures + 1);
        this.pending.note(item.id, progress);
      }
    }
    await this.reportGivenUp(delivery, progress.failures - 1, progress.givenUp);
    if (!this.signal.aborted) this.pending.remove(item.id);
  }

  private async once(id: string, { targetArn, payload, messageGroupId, caller }: Delivery): Promise<void> {
    if (this.invoker.knows(targetArn)) {
      const permissions = [{ action: 'lambda:InvokeFunction', resource: targetArn }];
      this.access.judge({
        caller,
        service: 'lambda',
        operation: 'Invoke',
        input: { FunctionName: targetArn },
        permissions,
      });
      this.pending.atomically(() => {
        this.invoker.accept(targetArn, JSON.parse(payload));
        this.pending.remove(id);
      });
      return;
    }
    await this.sender.send(targetArn, { body: payload, messageGroupId }, caller);
    this.pending.remove(id);
  }

  private after({ code, message }: Error & { code?: string }, item: PendingItem, failures: number): Progress {
    const { retries } = item.content as Delivery;
    const dueAt = Date.now() + Math.min(FIRST_RETRY_MS * 2 ** (failures - 1), LONGEST_RETRY_MS) * this.waitScale;
    const givenUp = (condition?: string) => ({
      failures,
      givenUp: { condition, code: code ?? 'SDK_CLIENT_ERROR', message },
    });
    if (code !== undefined && NOT_RETRYABLE.has(code)) return givenUp();
    if (failures > retries.maximumAttempts) return givenUp('MaximumRetryAttempts');
    if (dueAt > item.acceptedAt + retries.maximumAgeSeconds * 1000 * this.waitScale)
      return givenUp('MaximumEventAgeInSeconds');
    return { failures, dueAt };
  }

  private async reportGivenUp(
    { deadLetterArn, payload, deadLetterBody = payload, sourceArn, targetArn, caller }: Delivery,
    retries: number,
    { condition, code, message }: NonNullable<Progress['givenUp']>,
  ): Promise<void> {
    if (!deadLetterArn) return;
    const { roleArn: _, ...inItsOwnName } = caller;
    await this.sender
      .send(
        deadLetterArn,
        {
          body: deadLetterBody,
          attributes: {
            RULE_ARN: sourceArn,
            TARGET_ARN: targetArn,
            ERROR_CODE: code === 'AccessDeniedException' ? 'NO_PERMISSIONS' : code,
            ERROR_MESSAGE: message,
            ...(condition === undefined ? {} : { EXHAUSTED_RETRY_CONDITION: condition }),
            RETRY_ATTEMPTS: String(retries),
          },
        },
        // A target's role is for the target only: the dead-letter queue has to let the rule in itself.
        caller.kind === 'rule' ? inItsOwnName : caller,
      )
      // There is nowhere left to put it.
      .catch(() => undefined);
  }

  async settled(): Promise<void> {
    await Promise.allSettled(this.running);
  }
}
