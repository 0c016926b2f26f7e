import { appendFileSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as z from 'zod';

const unknownRecord = z.record(z.string(), z.unknown());

/**
 * What a life of the stack leaves behind, one JSON line a fact, in files that outlast a SIGKILL. Times are epoch
 * milliseconds; functions are named by their logical ids.
 */
export const Fact = z.discriminatedUnion('kind', [
  /** A bus has taken an event. */
  z.object({ kind: z.literal('event'), at: z.number(), event: unknownRecord }),
  /** A function has begun. */
  z.object({ kind: z.literal('began'), at: z.number(), functionId: z.string() }),
  /** A function has ended. One that was killed with the stack never does. */
  z.object({
    kind: z.literal('ended'),
    at: z.number(),
    functionId: z.string(),
    startedAt: z.number(),
    durationMs: z.number(),
    outcome: z.enum(['success', 'error', 'timeout']),
    event: z.unknown(),
    payload: z.unknown().optional(),
    error: z.unknown().optional(),
  }),
  /** Somebody calls a service; whether the call came to its end is not known. */
  z.object({
    kind: z.literal('call'),
    at: z.number(),
    /** Absent where no function calls. */
    functionId: z.string().optional(),
    service: z.string(),
    operation: z.string(),
    /** Of messages that are sent, and of nothing else: the rest would only fill the disk. */
    input: unknownRecord.optional(),
    refusal: z.string().optional(),
  }),
  /** The machine has let a process wait: what fell due meanwhile came late, and all at once. */
  z.object({ kind: z.literal('pause'), at: z.number(), ms: z.number() }),
  /** The stack was down after a kill, or its database stood still, for so long until then. */
  z.object({ kind: z.literal('outage'), at: z.number(), ms: z.number(), cause: z.enum(['kill', 'stall']) }),
]);
export type Fact = z.infer<typeof Fact>;
export type FactOf<K extends Fact['kind']> = Extract<Fact, { kind: K }>;

const fileOf = (folder: string, life: number): string => join(folder, `facts-${life}.jsonl`);

/** Opens the file of one life, counted from 1, or with 0 that of the harness itself. What the function it gives has returned from is not lost by a SIGKILL. */
export function factWriter(folder: string, life: number): (fact: Fact) => void {
  const file = fileOf(folder, life);
  return (fact) => appendFileSync(file, `${JSON.stringify(fact)}\n`);
}

/**
 * The facts of the harness, then those of all lives, each in the order in which they were written. A life's last line may have been cut off by its end.
 *
 * @throws Error when any other line is no fact
 */
export function readFacts(folder: string): Fact[] {
  const lives = readdirSync(folder)
    .map((name) => /^facts-(\d+)\.jsonl$/.exec(name)?.[1])
    .filter((life) => life !== undefined)
    .map(Number)
    .sort((a, b) => a - b);
  return lives.flatMap((life) => {
    const file = fileOf(folder, life);
    // Behind the last line end there is nothing, or what was cut off.
    const lines = readFileSync(file, 'utf8').split('\n').slice(0, -1);
    return lines.map((line, index) => {
      try {
        return Fact.parse(JSON.parse(line));
      } catch (error) {
        throw new Error(`${file}, line ${index + 1} is no fact`, { cause: error });
      }
    });
  });
}
