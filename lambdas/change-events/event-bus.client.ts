import type { EventBridgeClient } from '@aws-sdk/client-eventbridge';
import { PutEventsCommand } from '@aws-sdk/client-eventbridge';
import type { BusEntry } from './publish-changes.ts';

const ENTRIES_PER_CALL = 10;
const BYTES_PER_CALL = 250_000;
/** What the service counts for an entry's time. */
const TIME_BYTES = 14;

/** The bus that the events go to. */
export class EventBus {
  readonly #client: EventBridgeClient;
  readonly #name: string;
  readonly #onError: (error: Error) => void;

  /** @param onError hears of each refused entry and failed call */
  constructor(client: EventBridgeClient, name: string, onError: (error: Error) => void) {
    this.#client = client;
    this.#name = name;
    this.#onError = onError;
  }

  /**
   * Puts entries on the bus, in order, in as few calls as the service's limits allow (10 entries and 256 KB a call).
   *
   * @returns indices of the entries that the bus did not take, a failed call's all included; those may be put again
   */
  async put(entries: readonly BusEntry[]): Promise<Set<number>> {
    const refused = new Set<number>();
    for (const call of calls(entries)) {
      for (const index of await this.#putCall(call)) refused.add(index);
    }
    return refused;
  }

  async #putCall(call: readonly IndexedEntry[]): Promise<number[]> {
    try {
      const answer = await this.#client.send(
        new PutEventsCommand({
          Entries: call.map(({ entry }) => ({
            EventBusName: this.#name,
            Source: entry.source,
            DetailType: entry.detailType,
            Detail: entry.detail,
            Time: entry.time,
          })),
        }),
      );
      return call.flatMap(({ index }, position) => {
        const result = answer.Entries?.[position];
        if (result?.EventId !== undefined) return [];
        this.#onError(
          new Error(`bus refused an event: ${result?.ErrorCode ?? 'no result'} ${result?.ErrorMessage ?? ''}`),
        );
        return [index];
      });
    } catch (error) {
      this.#onError(error instanceof Error ? error : new Error(String(error)));
      return call.map(({ index }) => index);
    }
  }
}

interface IndexedEntry {
  readonly index: number;
  readonly entry: BusEntry;
}

/** The entries, call by call. */
function calls(entries: readonly BusEntry[]): IndexedEntry[][] {
  const result: IndexedEntry[][] = [];
  let bytes = 0;
  entries.forEach((entry, index) => {
    const size = TIME_BYTES + Buffer.byteLength(entry.source + entry.detailType + entry.detail);
    const open = result.at(-1);
    if (open === undefined || open.length === ENTRIES_PER_CALL || bytes + size > BYTES_PER_CALL) {
      result.push([{ index, entry }]);
      bytes = size;
    } else {
      open.push({ index, entry });
      bytes += size;
    }
  });
  return result;
}
