import { ConditionalCheckFailedException, TransactionCanceledException } from '@aws-sdk/client-dynamodb';
import { DeleteCommand, PutCommand, TransactWriteCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import type { Row } from '../../shared/dynamodb-expressions.ts';
import type { MemoryDatabase } from '../../shared/memory-database.ts';
import { FUNCTION_MS } from './fulfilment-world.ts';
import type { Scheduler, Worker } from './scheduler.ts';

export const KINDS = [
  'double grant',
  'lost grant',
  'unreported',
  'reported early',
  'recorded early',
  'fenced off',
  'lease theft',
  'wrong event',
  'left behind',
  'key reused',
  'wrong answer',
  'wrong link',
  'failure',
  'personal data',
] as const;
export type ViolationKind = (typeof KINDS)[number];

export interface Violation {
  readonly kind: ViolationKind;
  readonly what: string;
}

interface Holder {
  readonly worker: Worker;
  /** Whether it let go of the entitlement by itself. */
  hasReleased: boolean;
}

type Sent = TransactWriteCommand | PutCommand | UpdateCommand | DeleteCommand;
interface Part {
  readonly key: Row;
  readonly values: Row;
}

/** Watches each write while it happens, by what it does to the rows and not by its words. */
export class Monitor {
  readonly violations: Violation[] = [];
  readonly counts: Record<string, number> = {};
  readonly #scheduler: Scheduler;
  readonly #database: MemoryDatabase;
  readonly #isListed: (entitlementId: string) => boolean;
  readonly #holders = new Map<string, Holder>();

  constructor(scheduler: Scheduler, database: MemoryDatabase, isListed: (entitlementId: string) => boolean) {
    this.#scheduler = scheduler;
    this.#database = database;
    this.#isListed = isListed;
  }

  violate(kind: ViolationKind, what: string): void {
    this.#scheduler.trace?.(`*** ${kind}: ${what}`);
    this.violations.push({ kind, what });
  }

  count(what: string, by = 1): void {
    if (by > 0) this.counts[what] = (this.counts[what] ?? 0) + by;
  }

  /** Carries out a command of a worker, and looks at what it did to entitlements. */
  observe<Result>(worker: Worker, command: unknown, send: () => Promise<Result>): Promise<Result> {
    const parts = isSent(command) ? entitlementsIn(command) : [];
    const before = parts.map(({ key }) => this.#database.row('Entitlements', key));
    const answer = send();
    for (const [index, { key }] of parts.entries()) {
      this.#compare(worker, before[index], this.#database.row('Entitlements', key));
    }
    if (parts.length > 0) answer.catch((error: unknown) => this.#noteRefusal(error, parts, before));
    return answer;
  }

  #compare(worker: Worker, before: Row | undefined, after: Row | undefined): void {
    if (before === after) return;
    const id = String((after ?? before)?.['entitlementId']);
    if (after?.['status'] === 'REPORTED' && before?.['status'] !== 'REPORTED' && this.#isListed(id)) {
      this.violate('recorded early', `${id} is recorded as reported, and Amazon lists it`);
    }
    if (after?.['status'] === 'PASSED') {
      this.count('SKUs passed on');
      return;
    }
    if (before === undefined || before['status'] === 'PASSED') {
      if (after?.['status'] === 'CLAIMED') this.#holders.set(id, { worker, hasReleased: false });
      return;
    }
    if (before['status'] !== 'CLAIMED') return;
    const holder = this.#holders.get(id);
    if (after !== undefined && after['fence'] === before['fence']) {
      if (holder?.worker !== worker)
        this.violate('fenced off', `${worker.name} writes ${id}, held by ${holder?.worker.name}`);
      else if (after['status'] === 'CLAIMED') holder.hasReleased = true;
      return;
    }
    // Somebody else holds it from now on, or it is gone.
    const isHeld =
      holder !== undefined &&
      !holder.hasReleased &&
      holder.worker.state === 'working' &&
      this.#scheduler.now < holder.worker.startedAt + FUNCTION_MS;
    if (isHeld) this.violate('lease theft', `${worker.name} takes ${id} from ${holder.worker.name}`);
    this.count('take-overs');
    if (after !== undefined) this.#holders.set(id, { worker, hasReleased: false });
  }

  /** Counts writes that were refused since another try holds the entitlement by now. */
  #noteRefusal(error: unknown, [part]: readonly Part[], [standing]: readonly (Row | undefined)[]): void {
    if (!(error instanceof ConditionalCheckFailedException) && !(error instanceof TransactionCanceledException)) return;
    const fence = part?.values[':fence'];
    const isTaken = fence !== undefined && part?.values[':seen'] === undefined && standing?.['fence'] !== fence;
    this.count(isTaken ? 'fences hit' : 'conditions hit');
  }
}

function isSent(command: unknown): command is Sent {
  return (
    command instanceof TransactWriteCommand ||
    command instanceof UpdateCommand ||
    command instanceof PutCommand ||
    command instanceof DeleteCommand
  );
}

/** What a command writes to entitlements, by their keys. */
function entitlementsIn(command: Sent): Part[] {
  const items =
    command instanceof TransactWriteCommand ? (command.input.TransactItems ?? []) : [command.input as never];
  const parts: Part[] = [];
  for (const { Put, Update, Delete, ConditionCheck, ...sent } of items) {
    if (ConditionCheck) continue;
    const write = (Put ?? Update ?? Delete ?? sent) as { Item?: Row; Key?: Row; ExpressionAttributeValues?: Row };
    const { owner, part } = (write.Item ?? write.Key ?? {}) as { owner?: string; part?: string };
    if (owner?.startsWith('entitlement|') === true) {
      parts.push({ key: { owner, part }, values: write.ExpressionAttributeValues ?? {} });
    }
  }
  return parts;
}
