import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseOptions, UsageError } from '../../local/command-line.ts';
import { drawChart } from './chart.ts';
import { installPeers, versionsOfPeers } from './install-peers.ts';
import { judge, keepOutcomes, tellOutcomes } from './tell-outcomes.ts';
import type { Outcome } from './outcome.ts';
import { OURS, prepareOurs } from './ours.ts';
import { PEERS } from './peers/peers.ts';
import { runScenario } from './run-scenario.ts';
import { SCENARIOS, type Scenario } from './scenarios.ts';

const CHART = join(import.meta.dirname, '../../docs/pacing.svg');

const HELP = `Paced work on SP-API Product Pricing: this project beside three SP-API clients from npm.

Usage: npm run bench:pacing -- [options]

  --scenario <list>  some of the scenarios, such as a,b (default: all)
  --only <client>    one client: ${[OURS, ...PEERS.map(({ name }) => name)].join(', ')}
  --help             this text

${SCENARIOS.map(({ id, title }) => `  ${id}  ${title}`).join('\n')}

Each scenario has a simulated upstream of its own that keeps real token buckets and answers after a log-normal time with a
median of 200 ms; each client is a process of its own with an account, and so a bucket, of its own. The figure is the time
from the start to the last item answered ÷ the least time that the bucket allows:
one latency for the token + (requests needed - burst) / rate + one latency; requests that faults make necessary count as needed. "to first" is the
part that passes before the first request reaches the bucket.

The first run installs the other clients into bench/pacing/node_modules. A whole run takes about ten minutes, prints a table,
and writes bench/results/pacing.json and docs/pacing.svg. Exit codes: 0 this project meets all its goals, 1 it does not,
2 wrong usage, 130 interrupted.
`;

interface Options {
  readonly scenarios: readonly Scenario[];
  readonly clients: readonly string[];
}

/** @throws UsageError */
function readOptions(argv: readonly string[]): Options | 'help' {
  const values = parseOptions(argv, {
    scenario: { type: 'string' },
    only: { type: 'string' },
    help: { type: 'boolean' },
  });
  if (values.help) return 'help';
  const ids = values.scenario?.split(',').map((id) => id.trim());
  const unknown = ids?.find((id) => !SCENARIOS.some((scenario) => scenario.id === id));
  if (unknown !== undefined) throw new UsageError(`There is no scenario "${unknown}".`);
  const all = [OURS, ...PEERS.map(({ name }) => name)];
  if (values.only !== undefined && !all.includes(values.only)) {
    throw new UsageError(`--only takes one of ${all.join(', ')}.`);
  }
  return {
    scenarios: SCENARIOS.filter(({ id }) => ids?.includes(id) ?? true),
    clients: values.only === undefined ? all : [values.only],
  };
}

async function run({ scenarios, clients }: Options, folder: string, signal: AbortSignal): Promise<boolean> {
  if (clients.some((client) => client !== OURS)) await installPeers(signal);
  const outcomes: Outcome[] = [];
  const measuredAt = new Date().toISOString();
  // Slow buckets leave the machine idle: those scenarios run side by side.
  const isSlow = ({ configured }: Scenario): boolean => configured.rate < 1;
  const slow = scenarios.filter(isSlow);
  const groups = [...scenarios.filter((scenario) => !isSlow(scenario)).map((scenario) => [scenario]), ...pairs(slow)];
  for (const group of groups) {
    const runs = group.map(async (scenario) => {
      const place = join(folder, scenario.id);
      mkdirSync(place);
      return runScenario({ scenario, clients, folder: place, signal, prepareOurs, log: (line) => console.log(line) });
    });
    // All are waited for, so that none goes on unseen.
    const ended = await Promise.allSettled(runs);
    for (const result of ended) {
      if (result.status === 'rejected') throw result.reason;
      outcomes.push(...result.value);
    }
  }
  outcomes.sort((one, other) => scenarios.indexOf(one.scenario) - scenarios.indexOf(other.scenario));
  tellOutcomes(outcomes, process.stdout);
  const file = keepOutcomes(outcomes, { measuredAt, processors: availableParallelism(), versions: versionsOfPeers() });
  console.log(`Written to ${file}`);
  // A part of the picture would say something else.
  if (scenarios.length === SCENARIOS.length && clients.length > 1)
    writeFileSync(CHART, drawChart(outcomes, measuredAt));
  return judge(outcomes, process.stdout);
}

function pairs<Item>(items: readonly Item[]): Item[][] {
  return Array.from({ length: Math.ceil(items.length / 2) }, (_, index) => items.slice(index * 2, index * 2 + 2));
}

async function main(): Promise<number> {
  const options = readOptions(process.argv.slice(2));
  if (options === 'help') {
    process.stdout.write(HELP);
    return 0;
  }
  const interrupted = new AbortController();
  process.once('SIGINT', () => interrupted.abort());
  const folder = mkdtempSync(join(tmpdir(), 'offer-relay-bench-'));
  try {
    return (await run(options, folder, interrupted.signal)) ? 0 : 1;
  } catch (error) {
    if (!interrupted.signal.aborted) throw error;
    return 130;
  } finally {
    if (existsSync(folder)) rmSync(folder, { recursive: true, force: true });
  }
}

try {
  process.exitCode = await main();
} catch (error) {
  const isUsage = error instanceof UsageError;
  console.error(isUsage ? `${error.message}\nSee --help.` : error);
  process.exitCode = isUsage ? 2 : 1;
}
