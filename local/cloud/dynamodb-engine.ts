import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { tendStreamRecords } from './stream-records.ts';

export interface Engine {
  readonly url: string;
  stop(): Promise<void>;
}

const START_TIMEOUT_MS = 10_000;
const START_ATTEMPTS = 3;

/** A DynamoDB endpoint: the given URL, or else the engine that the project brings, with its data in `dataDir`. */
export async function startDynamoDb(dataDir: string, url: string | undefined): Promise<Engine> {
  if (url) return { url, stop: () => Promise.resolve() };

  const binary = findBinary();
  if (!binary) {
    throw new Error(
      `There is no DynamoDB engine for ${process.platform}-${process.arch} on this machine. Install the optional package ` +
        '@dynoxide/linux-x64 (Linux, x64), or start any DynamoDB endpoint (such as DynamoDB Local) and set ' +
        'OFFER_RELAY_DYNAMODB_URL to its URL.',
    );
  }
  const directory = join(dataDir, 'dynamodb');
  mkdirSync(directory, { recursive: true });
  // Another process may take the free port before the engine does.
  for (let attempt = 1; ; attempt++) {
    try {
      return await run(binary, join(directory, 'tables.sqlite'), await freePort());
    } catch (error) {
      if (attempt === START_ATTEMPTS) throw error;
    }
  }
}

function findBinary(): string | undefined {
  if (process.platform !== 'linux' || process.arch !== 'x64') return undefined;
  try {
    const binary = join(
      dirname(createRequire(import.meta.url).resolve('@dynoxide/linux-x64/package.json')),
      'dynoxide',
    );
    return existsSync(binary) ? binary : undefined;
  } catch {
    return undefined;
  }
}

async function run(binary: string, database: string, port: number): Promise<Engine> {
  const child = spawn(binary, ['serve', '--host', '127.0.0.1', '--port', String(port), '--db-path', database], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: {},
    // Out of reach of the terminal's Ctrl-C: running functions still need their tables while the cloud stops.
    detached: true,
  });
  const releaseGuard = guard(child);
  const stop = async () => {
    await end(child);
    releaseGuard();
  };
  try {
    await untilListening(child);
    tendStreamRecords(database);
  } catch (error) {
    await stop();
    throw error;
  }
  return { url: `http://127.0.0.1:${port}`, stop };
}

/** Ends the engine when this process ends, even if it is killed: then the guard's input closes. */
function guard(child: ChildProcess): () => void {
  if (child.pid === undefined) return () => undefined;
  const watcher = spawn('/bin/sh', ['-c', 'read -r _; kill -KILL "$0" 2>/dev/null', String(child.pid)], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  });
  watcher.stdin.on('error', () => undefined);
  return () => watcher.stdin.end();
}

async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return (address as { port: number }).port;
}

/** The engine says on its error output that it listens; whoever answers on its port might be somebody else. */
function untilListening(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    let output = '';
    const fail = (reason: string) => {
      clearTimeout(timer);
      reject(new Error(`The DynamoDB engine did not start: ${output.trim() || reason}`));
    };
    const timer = setTimeout(() => fail(`it was not ready within ${START_TIMEOUT_MS / 1000} s`), START_TIMEOUT_MS);
    child.once('error', (error) => fail(error.message));
    child.once('exit', (code) => fail(`it ended with ${code}`));
    child.stderr!.on('data', (chunk: Buffer) => {
      output = (output + chunk.toString('utf8')).slice(-2000);
      if (!output.includes('listening on')) return;
      clearTimeout(timer);
      resolve();
    });
  });
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const exited = once(child, 'exit');
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), 2000);
  await exited;
  clearTimeout(timer);
}
