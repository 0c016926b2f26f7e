import type { ServiceCall } from '../local/cloud/cloud.ts';

/** Calls to DynamoDB, by the names of their operations. */
export interface CallCounts {
  readonly byCommand: Readonly<Record<string, number>>;
  readonly all: number;
  /** Transactions that were sent again, because others were in their way or their answer was lost. Among the calls as well. */
  readonly repeatedTransactions: number;
}

/** Counts what one function sends to DynamoDB: each call that arrives, those that its SDK repeats included. */
export class DynamoDbCalls {
  readonly #functionId: () => string;
  readonly #transactions = new Set<unknown>();
  #byCommand = new Map<string, number>();
  #repeatedTransactions = 0;

  /** @param functionId logical id of the function, asked at each call */
  constructor(functionId: () => string) {
    this.#functionId = functionId;
  }

  readonly count = ({ caller, service, operation, input }: ServiceCall): void => {
    if (service !== 'dynamodb' || caller.kind !== 'function' || caller.logicalId !== this.#functionId()) return;
    this.#byCommand.set(operation, (this.#byCommand.get(operation) ?? 0) + 1);
    if (operation !== 'TransactWriteItems') return;
    // Each try of a transaction has the token of the first one.
    const token = input['ClientRequestToken'];
    if (this.#transactions.has(token)) this.#repeatedTransactions += 1;
    this.#transactions.add(token);
  };

  /** What was counted since the last question. */
  take(): CallCounts {
    const byCommand = Object.fromEntries([...this.#byCommand].sort());
    const all = Object.values(byCommand).reduce((sum, calls) => sum + calls, 0);
    const repeatedTransactions = this.#repeatedTransactions;
    this.#byCommand = new Map();
    this.#repeatedTransactions = 0;
    return { byCommand, all, repeatedTransactions };
  }
}
