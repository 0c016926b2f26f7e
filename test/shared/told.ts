import type { Telemetry } from '../../lambdas/shared/telemetry.ts';

/** What was told, line by line, and counted. */
export interface Told extends Telemetry {
  readonly lines: unknown[];
  readonly counts: Record<string, number>;
}

export function tellInto(): Told {
  const lines: unknown[] = [];
  const counts: Record<string, number> = {};
  const line =
    (level: string) =>
    (message: string, details: Readonly<Record<string, unknown>> = {}): void => {
      const plain = Object.entries(details).map(([name, value]) => [
        name,
        value instanceof Error ? { name: value.name, message: value.message, stack: value.stack } : value,
      ]);
      lines.push({ level, message, ...Object.fromEntries(plain) });
    };
  return {
    lines,
    counts,
    info: line('info'),
    warn: line('warn'),
    error: line('error'),
    count: (metric, by) => (counts[metric] = (counts[metric] ?? 0) + by),
    seconds: () => undefined,
    flush: () => undefined,
  };
}
