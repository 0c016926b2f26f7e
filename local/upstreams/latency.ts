import * as z from 'zod';
import type { Random } from './seeded-random.ts';

const share = z.number().min(0).max(1);

/** Network and service time of one request: a fixed number of milliseconds. */
export const FixedLatency = z.strictObject({ ms: z.number().min(0), uplinkShare: share.optional() });

/** Network and service time of one request: log-normal, which has the long right tail that real services have. */
export const LogNormalLatency = z.strictObject({
  medianMs: z.number().min(0),
  sigma: z.number().min(0).max(5),
  /** The part that passes before the request reaches the token bucket. @default 0.25 */
  uplinkShare: share.optional(),
});

export type FixedLatency = z.infer<typeof FixedLatency>;
export type LogNormalLatency = z.infer<typeof LogNormalLatency>;
export type Latency = FixedLatency | LogNormalLatency;

export interface Delay {
  uplinkMs: number;
  downlinkMs: number;
}

export const NO_DELAY: Delay = { uplinkMs: 0, downlinkMs: 0 };
const DEFAULT_UPLINK_SHARE = 0.25;

export function sampleLatency(latency: Latency, random: Random): Delay {
  const total = 'ms' in latency ? latency.ms : latency.medianMs * Math.exp(latency.sigma * random.normal());
  const uplinkMs = total * (latency.uplinkShare ?? DEFAULT_UPLINK_SHARE);
  return { uplinkMs, downlinkMs: total - uplinkMs };
}

export function addDelays(one: Delay, other: Delay): Delay {
  return { uplinkMs: one.uplinkMs + other.uplinkMs, downlinkMs: one.downlinkMs + other.downlinkMs };
}
