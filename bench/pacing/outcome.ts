import { itemsOf, leastTime, type Scenario } from './scenarios.ts';

/** One client in one scenario. Counts are the server's; times are the client's, epoch milliseconds. */
export interface Outcome {
  readonly scenario: Scenario;
  readonly client: string;
  /** What kept its rate. */
  readonly pacing: string;
  readonly startedAt: number;
  /** Absent where nothing was answered. */
  readonly lastAnswerAt: number | undefined;
  /** Different items answered. */
  readonly answered: number;
  readonly requests: number;
  readonly throttled: number;
  readonly tokenCalls: number;
  /** When the first and the last request reached the bucket, epoch milliseconds. */
  readonly firstAt: number | undefined;
  readonly lastAt: number | undefined;
  /** Requests that faults made necessary besides one for each pack. */
  readonly repeats: number;
  /** What the client gave up with, and how often. */
  readonly errors: Readonly<Record<string, number>>;
  /** Whether it came to its end within its time. */
  readonly ended: boolean;
}

/** From the start to the last item answered ÷ the least time that the bucket allows. */
export function ratioOf({ scenario, startedAt, lastAnswerAt, repeats }: Outcome): number {
  return lastAnswerAt === undefined ? Infinity : (lastAnswerAt - startedAt) / leastTime(scenario, repeats);
}

export function lostOf({ scenario, answered }: Outcome): number {
  return itemsOf(scenario).length - answered;
}
