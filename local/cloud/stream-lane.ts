import { delay } from './delay.ts';
import type { StreamEventSourceDefinition } from './model.ts';
import { countWithinPayload } from './payload-batches.ts';
import type { StreamRecord } from './stream-batch.ts';

/** Records of a shard that are processed one batch after another. */
export class StreamLane {
  private readonly definition: StreamEventSourceDefinition;
  private readonly signal: AbortSignal;
  private readonly process: (batch: StreamRecord[]) => Promise<void>;
  private readonly queued: StreamRecord[] = [];
  private ended = false;
  private wake: (() => void) | undefined;

  constructor(
    definition: StreamEventSourceDefinition,
    signal: AbortSignal,
    process: (batch: StreamRecord[]) => Promise<void>,
  ) {
    this.definition = definition;
    this.signal = signal;
    this.process = process;
    signal.addEventListener('abort', () => this.wake?.(), { once: true });
  }

  add(record: StreamRecord): void {
    this.queued.push(record);
    this.wake?.();
  }

  /** There are no more records to come. */
  end(): void {
    this.ended = true;
    this.wake?.();
  }

  async run(): Promise<void> {
    const { batchSize, batchingWindowSeconds } = this.definition;
    while (!this.signal.aborted) {
      if (this.queued.length === 0) {
        if (this.ended) return;
        await new Promise<void>((resolve) => (this.wake = resolve));
        this.wake = undefined;
        continue;
      }
      const deadline = Date.now() + batchingWindowSeconds * 1000;
      while (this.queued.length < batchSize && !this.ended && Date.now() < deadline && !this.signal.aborted) {
        await delay(Math.min(50, deadline - Date.now()), this.signal);
      }
      if (this.signal.aborted) return;
      await this.process(this.queued.splice(0, countWithinPayload(this.queued.slice(0, batchSize))));
    }
  }
}
