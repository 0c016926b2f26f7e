import type {
  FurtherWrites,
  Hold,
  IdempotencyStore,
  KeyedAnswer,
  KeyedRequest,
} from '../../lambdas/shared/idempotency/idempotency.store.ts';

/** The idempotency store in memory, one step a call: what the engine does, without the engine. */
export class MemoryRequests implements IdempotencyStore {
  readonly rows = new Map<string, KeyedRequest>();
  readonly #now: () => number;
  /** Called with what is written along with an answer. */
  readonly #onFurther: (further: ReturnType<FurtherWrites>) => void;

  constructor(now: () => number, onFurther: (further: ReturnType<FurtherWrites>) => void = () => undefined) {
    this.#now = now;
    this.#onFurther = onFurther;
  }

  async claim(request: Omit<KeyedRequest, 'status' | 'answer'>): Promise<KeyedRequest | undefined> {
    const standing = this.rows.get(request.requestId);
    const gone = standing === undefined || standing.expiresAt <= Math.floor(this.#now() / 1_000);
    if (!gone && standing.fence !== request.fence) return standing;
    this.rows.set(request.requestId, { ...request, status: 'IN_FLIGHT' });
    return undefined;
  }

  async takeOver(seen: KeyedRequest, { fence, lease }: Pick<KeyedRequest, 'fence' | 'lease'>): Promise<boolean> {
    const row = this.rows.get(seen.requestId);
    if (row === undefined) return false;
    const unmoved = row.fence === seen.fence && row.status === seen.status;
    if (!unmoved && !(row.fence === fence && row.status === 'IN_FLIGHT')) return false;
    this.rows.set(seen.requestId, { ...row, status: 'IN_FLIGHT', fence, lease });
    return true;
  }

  async settle(
    hold: Hold,
    answer: KeyedAnswer,
    expiresAt: number,
    further?: FurtherWrites,
  ): Promise<'settled' | KeyedRequest | undefined> {
    const row = this.#held(hold);
    if (row === undefined) {
      const standing = this.rows.get(hold.requestId);
      return standing?.fence === hold.fence && standing.status === 'DONE' ? 'settled' : standing;
    }
    this.rows.set(hold.requestId, { ...row, status: 'DONE', answer, expiresAt });
    this.#onFurther(further?.(0) ?? []);
    return 'settled';
  }

  async suspend(hold: Hold, { answer, lostUntil }: { answer?: KeyedAnswer; lostUntil?: number } = {}): Promise<void> {
    const row = this.#held(hold);
    if (!row) return;
    const lease = lostUntil ?? row.lease;
    this.rows.set(hold.requestId, { ...row, status: 'UNKNOWN', lease, ...(answer && { answer }) });
  }

  async release(hold: Hold): Promise<void> {
    if (this.#held(hold)) this.rows.delete(hold.requestId);
  }

  #held({ requestId, fence }: Hold): KeyedRequest | undefined {
    const row = this.rows.get(requestId);
    return row?.fence === fence && row.status === 'IN_FLIGHT' ? row : undefined;
  }
}
