import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { QueryCommand } from '@aws-sdk/lib-dynamodb';
import { OccurrenceRow } from '../change-events/history-row.ts';
import { KnownOutcome } from './lost-redemption.ts';

/** Far more than are asked about one code within the months that occurrences are kept. */
const LATEST = 100;

/** What the history knows of a code: what has been told of it in events. */
export class CodeHistoryStore {
  readonly #client: DynamoDBDocumentClient;
  readonly #table: string;

  constructor(client: DynamoDBDocumentClient, historyTable: string) {
    this.#client = client;
    this.#table = historyTable;
  }

  /** The latest outcomes of a subject such as `code/<hash>`, newest first. */
  async outcomes(subject: string): Promise<KnownOutcome[]> {
    const { Items = [] } = await this.#client.send(
      new QueryCommand({
        TableName: this.#table,
        KeyConditionExpression: 'watchId = :subject',
        ExpressionAttributeValues: { ':subject': subject },
        ScanIndexForward: false,
        ConsistentRead: true,
        Limit: LATEST,
      }),
    );
    return Items.flatMap((item) => {
      const { version, events } = OccurrenceRow.parse(item);
      return events.map(({ data }) => KnownOutcome.parse({ ...data, at: version }));
    });
  }
}
