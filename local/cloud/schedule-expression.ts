import cronParser from 'aws-cron-parser';

export type Schedule =
  | { kind: 'rate'; everyMs: number }
  | { kind: 'at'; time: Date }
  /** `next` gives the first occurrence after a moment; nothing, when there is none. */
  | { kind: 'cron'; next(after: Date): Date | undefined };

const UNIT_MS = { minute: 60_000, hour: 3_600_000, day: 86_400_000 };

/** Parses `rate(…)`, `cron(…)` and `at(…)`, all in UTC. */
export function parseSchedule(expression: string): Schedule {
  const [, kind, argument] = /^(rate|cron|at)\((.+)\)$/.exec(expression.trim()) ?? [];
  if (kind === 'rate') {
    const [, value, unit] = /^(\d+) (minute|hour|day)s?$/.exec(argument!) ?? [];
    if (!value || !unit || Number(value) < 1) throw new Error(`${expression} is not a rate of minutes, hours or days`);
    return { kind, everyMs: Number(value) * UNIT_MS[unit as keyof typeof UNIT_MS] };
  }
  if (kind === 'at') {
    const time = new Date(`${argument}Z`);
    if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$/.test(argument!) || Number.isNaN(time.getTime())) {
      throw new Error(`${expression} is not at(yyyy-mm-ddThh:mm:ss)`);
    }
    return { kind, time };
  }
  if (kind === 'cron') {
    if (argument!.trim().split(/\s+/).length !== 6)
      throw new Error(`${expression} does not have the six fields of an AWS cron expression`);
    const cron = cronParser.parse(argument!);
    return { kind, next: (after) => cronParser.next(cron, after) ?? undefined };
  }
  throw new Error(`${expression} is neither rate(…), cron(…) nor at(…)`);
}
