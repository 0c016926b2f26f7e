import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const HERE = import.meta.dirname;

/** The pinned versions of the packages that are compared with. */
export function versionsOfPeers(): Record<string, string> {
  const { dependencies } = read(join(HERE, 'package.json')) as { dependencies: Record<string, string> };
  return dependencies;
}

/** Installs the other clients, pinned by a lock file of their own, unless they are there. */
export async function installPeers(signal: AbortSignal): Promise<void> {
  const isThere = ([name, version]: [string, string]): boolean => {
    const file = join(HERE, 'node_modules', name, 'package.json');
    return existsSync(file) && (read(file) as { version: string }).version === version;
  };
  if (Object.entries(versionsOfPeers()).every(isThere)) return;
  console.log('Installing the clients to compare with …');
  const npm = spawn('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], {
    cwd: HERE,
    stdio: ['ignore', 'inherit', 'inherit'],
    signal,
    shell: process.platform === 'win32',
  });
  const [code] = (await once(npm, 'exit')) as [number | null];
  if (code !== 0) throw new Error(`npm ci in ${HERE} ended with ${String(code)}`);
}

function read(file: string): unknown {
  return JSON.parse(readFileSync(file, 'utf8'));
}
