import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { expect, it } from 'vitest';
import { together, type Exploration } from './explore.ts';
import { FAULTS } from './schedule.ts';
import { SEED } from './seed.ts';

const SCHEDULES = Number(process.env['SCHEDULES'] ?? 100_000);
/** Each has a seed of its own, so that a schedule that fails is run again without all those before it. */
const CHUNK = 2_500;
const LIMIT_MS = 1_200_000;

/** Explores chunk by chunk on every processor, until all are done or something is found. */
async function exploreAll(schedules: number): Promise<Exploration[]> {
  const chunks = Array.from({ length: Math.ceil(schedules / CHUNK) }, (_, index) => ({
    schedules: Math.min(CHUNK, schedules - index * CHUNK),
    seed: SEED + index,
  }));
  const explorations: Exploration[] = [];
  const lane = async (): Promise<void> => {
    const worker = new Worker(new URL('explore-worker.ts', import.meta.url));
    try {
      for (let chunk = chunks.shift(); chunk; chunk = chunks.shift()) {
        worker.postMessage(chunk);
        const [exploration] = (await once(worker, 'message')) as [Exploration];
        explorations.push(exploration);
        if (exploration.found) chunks.length = 0;
      }
    } finally {
      await worker.terminate();
    }
  };
  await Promise.all(Array.from({ length: Math.min(availableParallelism(), chunks.length) }, lane));
  return explorations;
}

it(
  'grants once, loses nothing and reports everything, whatever dies, fails, is late, repeats or meets',
  async () => {
    const explorations = await exploreAll(SCHEDULES);
    const { schedules, violations, counts } = together(explorations);
    const found = explorations.find((one) => one.found !== undefined)?.found;
    if (found) throw new Error(`seed ${found.seed}, schedule ${found.at}: ${found.kinds.join(', ')}\n${found.story}`);
    console.log(
      [
        `seed ${SEED} · schedules ${schedules} · double grants ${violations['double grant']}`,
        `lost grants ${violations['lost grant']} · unreported ${violations.unreported}`,
      ].join(' · '),
      { violations, counts },
    );
    expect(schedules).toBe(SCHEDULES);
    for (const [kind, times] of Object.entries(violations)) expect(times, kind).toBe(0);
    // The aim is wide: everything that may go wrong did, and each defence was needed.
    const wanted = [
      ...FAULTS,
      ...['time-outs', 'acts of zombies', 'take-overs', 'fences hit', 'SKUs passed on', 'redeliveries', 'given up'],
      ...['tokens refused', 'ENTITLEMENT_OF_ANOTHER', 'ACCOUNT_OF_ANOTHER', 'PLAYER_LINKED_OTHERWISE', 'UnknownSkus'],
    ];
    for (const what of wanted) expect(counts[what], what).toBeGreaterThan(SCHEDULES / 2_000);
  },
  LIMIT_MS,
);
