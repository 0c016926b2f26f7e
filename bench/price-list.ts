/**
 * What AWS charges in us-east-1, in US dollars, without free tiers and discounts. Per call, unit or gigabyte; monthly where
 * it says so.
 */
export const PRICES = {
  lambda: { gigabyteSecond: 0.0000133334, request: 0.2e-6 },
  /** A request carries up to 64 KB; more counts as more. */
  sqs: { standardRequest: 0.4e-6, fifoRequest: 0.5e-6 },
  /** On demand. Transactions count double; reading the stream for a function is free. */
  dynamodb: { writeUnit: 0.625e-6, readUnit: 0.125e-6 },
  /** For 64 KB each. */
  eventBridge: { event: 1e-6 },
  scheduler: { invocation: 1e-6 },
  secretsManager: { call: 0.05 / 10_000, secretMonthly: 0.4 },
  logs: { gigabyte: 0.5 },
  metrics: { metricMonthly: 0.3 },
} as const;

/** What requests and events are charged in steps of. */
export const CHUNK_BYTES = 64 * 1024;
