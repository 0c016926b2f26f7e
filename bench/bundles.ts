import { execFileSync } from 'node:child_process';
import { copyFileSync, globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { App, Stack } from 'aws-cdk-lib';
import { Runtime } from 'aws-cdk-lib/aws-lambda';
import { NodejsFunction } from 'aws-cdk-lib/aws-lambda-nodejs';
import * as z from 'zod';
import { loadSettings } from '../config/settings.ts';
import { bundleHandler, type HandlerPath } from '../lib/shared/handler-bundle.ts';
import { report } from './report.ts';

const HELP = `Size and import time of each handler's bundle, beside the same handler bundled with CDK's defaults.

Usage: npm run bench:bundles -- [options]

  --runs <n>  imports of each bundle, alternating, each in a fresh process (default 25)
  --help      this text

CDK's defaults: NodejsFunction without settings, for the same runtime; it leaves the AWS SDK to the runtime, which here is
the project's node_modules. Exit codes: 0 all goals met, 1 not, 2 wrong usage.
`;

const PROJECT = resolve(import.meta.dirname, '..');
const LARGEST_BYTES = 400_000;
const LARGEST_RATIO = 0.5;

/** Whatever variable a handler asks for. */
const ENVIRONMENT = {
  PATH: process.env['PATH'] ?? '',
  AWS_REGION: 'us-east-1',
  NODE_PATH: join(PROJECT, 'node_modules'),
  ...Object.fromEntries(
    globSync(['lambdas/*/*.handler.ts', 'lambdas/shared/{laps,notifications,partner-api}/*.ts'], { cwd: PROJECT })
      .flatMap((file) => readFileSync(join(PROJECT, file), 'utf8').match(/^ {2}[A-Z][A-Z0-9_]+(?=:)/gm) ?? [])
      .map((name) => [name.trim(), 'x']),
  ),
  PARTNERS: 'x=x/x',
};

/** Feature flags as `cdk init` sets them, which is what this project has as well. */
const FEATURE_FLAGS = z
  .object({ context: z.record(z.string(), z.unknown()) })
  .parse(JSON.parse(readFileSync(join(PROJECT, 'cdk.json'), 'utf8'))).context;

function handlers(): HandlerPath[] {
  return globSync('lambdas/*/*.handler.ts', { cwd: PROJECT })
    .map((file) => file.replace(/^lambdas\//, '').replace(/\.handler\.ts$/, '') as HandlerPath)
    .sort();
}

/** The handler bundled as the stack does it. */
function ours(handler: HandlerPath, folder: string): string {
  mkdirSync(folder, { recursive: true });
  const file = join(folder, 'index.mjs');
  writeFileSync(file, bundleHandler(handler));
  return file;
}

/** The handler bundled by a NodejsFunction that was given nothing but its entry. */
function defaults(handler: HandlerPath, folder: string): string {
  const app = new App({ outdir: folder, context: FEATURE_FLAGS });
  const stack = new Stack(app, 'Defaults');
  new NodejsFunction(stack, 'Function', {
    entry: join(PROJECT, 'lambdas', `${handler}.handler.ts`),
    runtime: Runtime.NODEJS_24_X,
    depsLockFilePath: join(PROJECT, 'package-lock.json'),
    projectRoot: PROJECT,
    bundling: {
      // The default format is CommonJS, which has no import.meta; the settings are found beside the bundle all the same.
      define: { 'import.meta.url': 'bundleUrl' },
      banner: "const bundleUrl = require('node:url').pathToFileURL(__filename).href;",
    },
  });
  app.synth();
  const [file] = globSync('asset.*/index.{js,mjs}', { cwd: folder });
  if (file === undefined) throw new Error(`CDK bundled nothing for ${handler}`);
  return join(folder, file);
}

/**
 * A process in the state in which Lambda's runtime loads a function: its client has loaded node:http and made an agent
 * (aws-lambda-nodejs-runtime-interface-client, `rapid-client.ts`). ES modules are imported, CommonJS is required.
 */
const IMPORT = `
  import { Agent } from 'node:http';
  import { createRequire } from 'node:module';
  new Agent({ keepAlive: true, maxSockets: 1 });
  const [, file] = process.argv;
  const require = createRequire(file);
  const begun = performance.now();
  if (file.endsWith('.mjs')) await import(file);
  else require(file);
  console.log(performance.now() - begun);
`;

function importMs(file: string): number {
  const output = execFileSync(process.execPath, ['--input-type=module', '-e', IMPORT, '--', file], {
    env: ENVIRONMENT,
  });
  return Number(output.toString());
}

function median(values: number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? NaN;
}

function measure(runs: number, folder: string): boolean {
  const settings = JSON.stringify(loadSettings('local').runtime);
  let met = true;
  const rows = handlers().map((handler) => {
    const place = join(folder, handler.replace('/', '-'));
    const files = { ours: ours(handler, join(place, 'ours')), defaults: defaults(handler, join(place, 'defaults')) };
    for (const file of Object.values(files)) {
      writeFileSync(join(file, '..', 'settings.json'), settings);
      // The asset of one of them brings the API's document along.
      copyFileSync(join(PROJECT, 'docs/openapi.json'), join(file, '..', 'openapi.json'));
    }
    const times = { ours: [] as number[], defaults: [] as number[] };
    for (let run = 0; run < runs; run += 1) {
      times.ours.push(importMs(files.ours));
      times.defaults.push(importMs(files.defaults));
    }
    const bytes = statSync(files.ours).size;
    const ratio = median(times.ours) / median(times.defaults);
    const good = bytes <= LARGEST_BYTES && ratio <= LARGEST_RATIO;
    met &&= good;
    return {
      handler,
      bytes,
      'default bytes': statSync(files.defaults).size,
      'import ms': Math.round(median(times.ours)),
      'default ms': Math.round(median(times.defaults)),
      ratio: Number(ratio.toFixed(2)),
      met: good ? 'yes' : 'NO',
    };
  });
  report('bundles', rows, { runs, goals: { bytes: LARGEST_BYTES, ratio: LARGEST_RATIO } });
  return met;
}

function readRuns(): number | undefined {
  try {
    const { values } = parseArgs({ options: { runs: { type: 'string' }, help: { type: 'boolean' } } });
    if (values.help) return undefined;
    const runs = Number(values.runs ?? '25');
    if (!(Number.isInteger(runs) && runs >= 1 && runs <= 1000))
      throw new Error('--runs must be a whole number from 1 to 1000');
    return runs;
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exit(2);
  }
}

const runs = readRuns();
if (runs === undefined) process.stdout.write(HELP);
else {
  const folder = mkdtempSync(join(tmpdir(), 'offer-relay-bench-'));
  try {
    process.exitCode = measure(runs, folder) ? 0 : 1;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
