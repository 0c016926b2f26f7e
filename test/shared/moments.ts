import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';

/** A database that calls `moment` just before and just after each of its calls. */
export function withMoments(database: DynamoDBDocumentClient, moment: () => Promise<void>): DynamoDBDocumentClient {
  return {
    send: async (command: never, options: never) => {
      await moment();
      const answer = await database.send(command, options).then(
        (value: unknown) => () => value,
        (error: unknown) => () => {
          throw error;
        },
      );
      await moment();
      return answer();
    },
  } as unknown as DynamoDBDocumentClient;
}

/** Ends a function at its k-th moment: a moment is just before or just after an awaited effect. */
export class Death {
  passed = 0;
  readonly #at: number;
  readonly #die: () => void;
  readonly died: Promise<'died'>;

  constructor(at: number) {
    this.#at = at;
    const { promise, resolve } = Promise.withResolvers<'died'>();
    this.died = promise;
    this.#die = () => resolve('died');
  }

  /** Whoever is dead never goes on. */
  async moment(): Promise<void> {
    if (this.passed < this.#at) {
      this.passed += 1;
      return;
    }
    this.#die();
    await new Promise<never>(() => undefined);
  }
}
