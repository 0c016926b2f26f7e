import { ConditionalCheckFailedException } from '@aws-sdk/client-dynamodb';
import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { QueryCommand, ScanCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import { batchGet } from './batch-get.ts';
import type { Clock } from './clock.ts';
import type { ReadLap } from './laps/plan-bucket.ts';
import type { WatchClass } from './laps/slice.ts';
import { lapOf } from './laps/slice.ts';
import type { RetryPolicy } from './settings.ts';

/** Why a watch gets no answer although the upstream works. */
export interface WatchProblem {
  readonly code: string;
  readonly message: string;
  /** Fingerprint of an answer that could not be read. */
  readonly shape?: string | undefined;
  /** ISO instant. */
  readonly since: string;
}

/** What an unusual visit leaves on a watch's row; a usual one leaves nothing. */
export interface VisitNotes {
  /** Visits in a row that failed. */
  readonly attempts?: number | undefined;
  readonly problem?: WatchProblem | undefined;
  /** When the upstream first said that it does not know a thing that was there before, epoch milliseconds. */
  readonly missingSince?: number | undefined;
  /** What the last answer lacked of a thing that it did know, by the names of the parts. */
  readonly missingParts?: readonly string[] | undefined;
  /** The upstream has nothing to say before, epoch milliseconds. */
  readonly notBefore?: number | undefined;
}

const NOTES = [
  'attempts',
  'problem',
  'missingSince',
  'missingParts',
  'notBefore',
] as const satisfies readonly (keyof VisitNotes)[];

/** A watch's row: its settings, its head (the latest state) and its statistics. */
export interface WatchHead<State> extends VisitNotes {
  readonly watchId: string;
  readonly bucketId: string;
  /** Absent on a removed watch. */
  readonly lap?: string | undefined;
  /** Versions recorded so far; 0 before the first. */
  readonly version: number;
  /** When the request whose answer made this version was sent, epoch milliseconds. */
  readonly sentAt: number;
  readonly observedAt?: string | undefined;
  readonly state?: State | undefined;
  /** What counts as a change of this watch, where its room lets that be chosen. */
  readonly tuning?: Readonly<Record<string, unknown>> | undefined;
}

const ENTRY = ['watchId', 'bucketId', 'lap', 'version', 'observedAt', 'problem', 'tuning'] as const;
/** What the watch list says of a watch, without its state. */
export type WatchEntry = Pick<WatchHead<never>, (typeof ENTRY)[number]>;

/** Which part of the watch list is read. */
export interface EntriesScan {
  /** What the identifiers begin with. */
  readonly prefix: string;
  /** The identifier behind which reading goes on. @default - from the beginning */
  readonly after?: string | undefined;
  /** Most rows that are looked at, whether they are meant or not. @default as many as a megabyte holds */
  readonly rows?: number | undefined;
  /** Leaves out watches that get their answers. @default false */
  readonly onlyProblems?: boolean;
}

/** Where a watch is, and what has been told about it. */
export interface Whereabouts {
  readonly watchId: string;
  readonly bucketId: string;
  /** Absent on a removed watch. */
  readonly lap?: string | undefined;
  /** Identifiers of the last notifications that made it urgent, oldest first. */
  readonly notified?: readonly string[] | undefined;
}

/** A watch to put on the list. */
export interface NewWatch {
  readonly watchId: string;
  readonly bucketId: string;
  /** How its changes are told, as the room understands it; empty for nothing set. @default - as its row says, if it has one */
  readonly tuning?: Readonly<Record<string, unknown>>;
}

/** The watch table: what is watched, and what was seen last. `State` is what the room keeps in its heads. */
export class WatchStore<State> {
  readonly #client: DynamoDBDocumentClient;
  readonly #table: string;
  readonly #clock: Clock;

  constructor(client: DynamoDBDocumentClient, table: string, clock: Clock) {
    this.#client = client;
    this.#table = table;
    this.#clock = clock;
  }

  /**
   * Puts a watch on the list, into its bucket's `new` lap. A watch that was removed comes back with its versions.
   *
   * @returns false when it is on the list already; nothing is written then
   */
  async add(watch: NewWatch): Promise<boolean> {
    const tuning = tuningChange(watch.tuning);
    return this.#update(watch.watchId, {
      set: {
        bucketId: watch.bucketId,
        lap: lapOf(watch.bucketId, 'new'),
        addedAt: new Date(this.#clock.now()).toISOString(),
        ...tuning.set,
      },
      remove: ['removedAt', ...NOTES, ...tuning.remove],
      condition: 'attribute_not_exists(#lap)',
    });
  }

  /**
   * Takes a watch off the list. Its row stays, so that its versions go on if it comes back.
   *
   * @returns false when it was not on the list
   */
  async remove(watchId: string): Promise<boolean> {
    return this.#update(watchId, {
      set: { removedAt: new Date(this.#clock.now()).toISOString() },
      remove: ['lap'],
      condition: 'attribute_exists(#lap)',
    });
  }

  /**
   * Puts a watch into another lap, of its bucket or of another one, and replaces the notes on it.
   *
   * @returns false when the watch has been removed meanwhile
   */
  async place(
    head: Pick<WatchHead<State>, 'watchId' | 'bucketId'>,
    to: WatchClass,
    notes: VisitNotes,
  ): Promise<boolean> {
    const given = NOTES.map((name) => [name, notes[name]] as const);
    return this.#update(head.watchId, {
      set: Object.fromEntries<unknown>([
        ['bucketId', head.bucketId],
        ['lap', lapOf(head.bucketId, to)],
        ...given.filter(([, value]) => value !== undefined),
      ]),
      remove: given.filter(([, value]) => value === undefined).map(([name]) => name),
      condition: 'attribute_exists(#lap)',
    });
  }

  /**
   * The rows of these watches; a watch without a row is missing from the answer.
   *
   * @param freshness `latest` sees every write that has ended; `recent` may be a moment behind, for half the price
   */
  async heads(
    watchIds: readonly string[],
    freshness: 'latest' | 'recent' = 'latest',
  ): Promise<Map<string, WatchHead<State>>> {
    const heads = new Map<string, WatchHead<State>>();
    const keys = watchIds.map((watchId) => ({ watchId }));
    const options = { consistent: freshness === 'latest' };
    for (const item of await batchGet(this.#client, this.#table, keys, this.#clock, options)) {
      const head = { version: 0, sentAt: 0, ...item } as WatchHead<State>;
      heads.set(head.watchId, head);
    }
    return heads;
  }

  /**
   * The rows of these watches without their states, strongly consistent; a watch without a row is missing from the answer.
   *
   * @param watchIds each once
   * @param patience how long it is waited for what a throttled table leaves over @default as long as a function can
   * @throws UnprocessedKeysError when the table stays throttled for longer
   */
  async entries(watchIds: readonly string[], patience?: RetryPolicy): Promise<Map<string, WatchEntry>> {
    const keys = watchIds.map((watchId) => ({ watchId }));
    const options = { attributes: ENTRY, ...(patience && { patience }) };
    const items = await batchGet(this.#client, this.#table, keys, this.#clock, options);
    return new Map(items.map(entryOf).map((entry) => [entry.watchId, entry]));
  }

  /**
   * Reads on through the watches that are on the list, in no particular order: the next megabyte of the table at most, which
   * may hold none that is meant.
   *
   * A scan of the table and not queries of the index `lap`: a watch that changes its class while the list is read would be
   * met twice there or not at all, and one whose bucket the settings no longer know would never be met. The table gives
   * each row exactly once. It costs more, because a scan pays for the states that it leaves out: about 25,000 read units
   * for 100,000 titles of 2 KB, which is a third of a US cent.
   *
   * @returns `after` is where to go on; undefined where that was the end
   */
  async scanEntries({ prefix, after, rows, onlyProblems = false }: EntriesScan): Promise<{
    readonly entries: readonly WatchEntry[];
    readonly after: string | undefined;
  }> {
    const page = await this.#client.send(
      new ScanCommand({
        TableName: this.#table,
        ExclusiveStartKey: after === undefined ? undefined : { watchId: after },
        Limit: rows,
        FilterExpression:
          'begins_with(#watchId, :prefix) AND attribute_exists(#lap)' +
          (onlyProblems ? ' AND attribute_exists(#problem)' : ''),
        ProjectionExpression: ENTRY.map((name) => `#${name}`).join(', '),
        ExpressionAttributeNames: Object.fromEntries(ENTRY.map((name) => [`#${name}`, name])),
        ExpressionAttributeValues: { ':prefix': prefix },
      }),
    );
    return {
      entries: (page.Items ?? []).map(entryOf),
      after: page.LastEvaluatedKey?.['watchId'] as string | undefined,
    };
  }

  /** Reads a bucket's laps through the lap index. */
  lapReader(bucketId: string): ReadLap {
    return async (watchClass, after, limit) => {
      const lap = lapOf(bucketId, watchClass);
      const page = await this.#client.send(
        new QueryCommand({
          TableName: this.#table,
          IndexName: 'lap',
          KeyConditionExpression: after === null ? '#lap = :lap' : '#lap = :lap AND watchId > :after',
          ExpressionAttributeNames: { '#lap': 'lap' },
          ExpressionAttributeValues: { ':lap': lap, ...(after !== null && { ':after': after }) },
          Limit: limit,
        }),
      );
      return {
        watches: (page.Items ?? []).map((item) => String(item['watchId'])),
        last: page.LastEvaluatedKey === undefined,
      };
    };
  }

  /**
   * Replaces the tuning of a watch, and leaves its place and its state alone. Holds from the next visit on.
   *
   * @returns false when it is not on the list
   */
  async tune(watchId: string, tuning: Readonly<Record<string, unknown>>): Promise<boolean> {
    const { set, remove } = tuningChange(tuning);
    return this.#update(watchId, {
      set: { tunedAt: new Date(this.#clock.now()).toISOString(), ...set },
      remove,
      condition: 'attribute_exists(#lap)',
    });
  }

  async #update(
    watchId: string,
    change: { set: Record<string, unknown>; remove: readonly string[]; condition: string },
  ): Promise<boolean> {
    const set = Object.entries(change.set);
    const names = new Set(['lap', ...Object.keys(change.set), ...change.remove]);
    const remove = change.remove.length === 0 ? '' : ` REMOVE ${change.remove.map((name) => `#${name}`).join(', ')}`;
    try {
      await this.#client.send(
        new UpdateCommand({
          TableName: this.#table,
          Key: { watchId },
          UpdateExpression: `SET ${set.map(([name]) => `#${name} = :${name}`).join(', ')}${remove}`,
          ConditionExpression: change.condition,
          ExpressionAttributeNames: Object.fromEntries([...names].map((name) => [`#${name}`, name])),
          ExpressionAttributeValues: Object.fromEntries(set.map(([name, value]) => [`:${name}`, value])),
        }),
      );
      return true;
    } catch (error) {
      if (error instanceof ConditionalCheckFailedException) return false;
      throw error;
    }
  }

  /** Where these watches are, strongly consistent, without their states; one without a row is missing from the answer. */
  async whereabouts(watchIds: readonly string[]): Promise<Whereabouts[]> {
    const keys = watchIds.map((watchId) => ({ watchId }));
    const attributes = ['watchId', 'bucketId', 'lap', 'notified'];
    return (await batchGet(this.#client, this.#table, keys, this.#clock, { attributes })) as unknown as Whereabouts[];
  }

  /**
   * Puts a watch of its bucket's steady lap into the urgent one.
   *
   * @param notified identifiers of notifications that the row keeps from now on
   * @returns false when the watch is not in the steady lap of this bucket any more; nothing is written then
   */
  async hurry({ watchId, bucketId }: NewWatch, notified: readonly string[]): Promise<boolean> {
    try {
      await this.#client.send(
        new UpdateCommand({
          TableName: this.#table,
          Key: { watchId },
          UpdateExpression: 'SET #lap = :urgent, notified = :notified',
          // Nobody is in a hurry before the time that the upstream has named.
          ConditionExpression: '#lap = :steady AND (attribute_not_exists(notBefore) OR notBefore <= :now)',
          ExpressionAttributeNames: { '#lap': 'lap' },
          ExpressionAttributeValues: {
            ':urgent': lapOf(bucketId, 'urgent'),
            ':steady': lapOf(bucketId, 'steady'),
            ':notified': [...notified],
            ':now': this.#clock.now(),
          },
        }),
      );
      return true;
    } catch (error) {
      if (error instanceof ConditionalCheckFailedException) return false;
      throw error;
    }
  }
}

/** Written by this class and the changes only. */
function entryOf(item: Record<string, unknown>): WatchEntry {
  return { version: 0, ...item } as WatchEntry;
}

/** A row without anything set has no such attribute. */
function tuningChange(tuning: NewWatch['tuning']): { set: Record<string, unknown>; remove: string[] } {
  if (tuning === undefined) return { set: {}, remove: [] };
  return Object.keys(tuning).length === 0 ? { set: {}, remove: ['tuning'] } : { set: { tuning }, remove: [] };
}
