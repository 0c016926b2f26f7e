import type { RuntimeSettings } from './settings.ts';

/** Logs and metrics of one room. Built once per execution environment. */
export interface Telemetry {
  info(message: string, details?: Readonly<Record<string, unknown>>): void;
  warn(message: string, details?: Readonly<Record<string, unknown>>): void;
  error(message: string, details?: Readonly<Record<string, unknown>>): void;
  /** Adds to a metric of this invocation. */
  count(metric: string, by: number): void;
  /** Sets a metric of this invocation, in seconds. */
  seconds(metric: string, value: number): void;
  /** Writes the invocation's metrics; to be called at its end. */
  flush(): void;
}

type Unit = 'Count' | 'Seconds';

/**
 * Lambda itself makes structured lines of what is logged and filters them by level (the function's JSON log format).
 * Metrics are written in CloudWatch's embedded metric format, past the log format, since their JSON has to stay a line's
 * outermost object (CloudWatch user guide, "Specification: Embedded metric format").
 *
 * @param service the room, which becomes the `service` dimension of its metrics
 */
export function telemetryOf(
  service: string,
  { stage }: Pick<RuntimeSettings, 'stage'>,
  write: (line: string) => void = (line) => void process.stdout.write(line),
): Telemetry {
  const metrics = new Map<string, { unit: Unit; value: number }>();
  const line = (message: string, details: Readonly<Record<string, unknown>> = {}) => ({
    service,
    message,
    ...Object.fromEntries(Object.entries(details).map(([name, value]) => [name, plain(value)])),
  });
  return {
    info: (message, details) => console.info(line(message, details)),
    warn: (message, details) => console.warn(line(message, details)),
    error: (message, details) => console.error(line(message, details)),
    count(metric, by) {
      metrics.set(metric, { unit: 'Count', value: (metrics.get(metric)?.value ?? 0) + by });
    },
    seconds(metric, value) {
      metrics.set(metric, { unit: 'Seconds', value });
    },
    flush() {
      if (metrics.size === 0) return;
      const entries = [...metrics];
      const record = {
        _aws: {
          Timestamp: Date.now(),
          CloudWatchMetrics: [
            {
              Namespace: 'OfferRelay',
              Dimensions: [['service', 'stage']],
              Metrics: entries.map(([Name, { unit }]) => ({ Name, Unit: unit })),
            },
          ],
        },
        service,
        stage,
        ...Object.fromEntries(entries.map(([name, { value }]) => [name, value])),
      };
      metrics.clear();
      write(`${JSON.stringify(record)}\n`);
    },
  };
}

/** An error as the fields that are worth a line; its other properties may hold what a log must not. */
function plain(value: unknown): unknown {
  return value instanceof Error ? { name: value.name, message: value.message, stack: value.stack } : value;
}
