import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { synthesise } from '../../local/synthesise.ts';
import type { OursJob } from './ours-process.ts';
import { itemsOf, MARKETPLACE, type Scenario } from './scenarios.ts';
import type { SimulatorAddress } from './simulator-process.ts';

/** What this project is called in the tables. */
export const OURS = 'ours';
export const OURS_PACING = 'planner, FIFO queue, worker with its token bucket in DynamoDB';

const STAGE = 'bench';
const ACCOUNT = 'seller';

/** Synthesises the stack for one scenario; the rest is the job of `ours-process.ts`. */
export async function prepareOurs(
  scenario: Scenario,
  address: SimulatorAddress,
  folder: string,
  limitMs: number,
): Promise<OursJob> {
  const { operation, configured, consumers } = scenario;
  const config = join(folder, 'config');
  mkdirSync(config, { recursive: true });
  writeFileSync(
    join(config, `${STAGE}.json`),
    JSON.stringify({
      removalPolicy: 'destroy',
      ...(consumers !== undefined && { workers: { maximumConcurrency: consumers } }),
      pricing: {
        baseUrl: address.pricingUrl,
        tokenUrl: address.tokenUrl,
        offersOperations: { asin: 'getItemOffersBatch' },
        accounts: {
          [ACCOUNT]: {
            marketplaces: [MARKETPLACE],
            rates: { [operation]: { perSecond: configured.rate, burst: configured.burst } },
          },
        },
      },
    }),
  );
  const assembly = join(folder, 'cdk.out');
  await synthesise(STAGE, assembly, { config });
  return {
    assembly,
    config,
    stage: STAGE,
    account: ACCOUNT,
    credentials: address.credentials[OURS]!,
    seeder: address.seeders[OURS]!,
    folder: join(folder, 'cloud'),
    operation,
    items: itemsOf(scenario),
    limitMs,
  };
}
