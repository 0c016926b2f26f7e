import * as z from 'zod';

// No cron: the alarms take their periods from the interval between two runs, and a cron schedule has none.

/** A schedule of every 1 to 9 minutes. */
export const upToNineMinutes = z.string().regex(/^rate\((?:1 minute|[2-9] minutes)\)$/, {
  error: 'expected rate(1 minute) or rate(<n> minutes), at most 9 minutes',
});

/** A schedule of every 1 to 60 minutes. */
export const upToSixtyMinutes = z.string().regex(/^rate\((?:1 minute|(?:[2-9]|[1-5]\d|60) minutes)\)$/, {
  error: 'expected rate(1 minute) or rate(<n> minutes), at most 60 minutes',
});

/** Minutes between two runs of such a schedule. */
export function minutesBetweenRuns(schedule: string): number {
  const [, minutes] = /^rate\((\d+) minutes?\)$/.exec(schedule) ?? [];
  if (minutes === undefined) throw new Error(`"${schedule}" is no rate in minutes`);
  return Number(minutes);
}
