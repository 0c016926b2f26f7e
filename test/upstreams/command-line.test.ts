import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { temporaryDirectory } from './running-simulator.ts';

const MAIN = path.resolve(import.meta.dirname, '../../local/upstreams/main.ts');

function run(...args: string[]): {
  child: ChildProcessWithoutNullStreams;
  output: () => string;
  exit: Promise<number | null>;
} {
  const child = spawn(process.execPath, [MAIN, ...args]);
  let text = '';
  child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (text += chunk.toString()));
  const exit = once(child, 'close').then(([code]) => code as number | null);
  return { child, output: () => text, exit };
}

describe('the command line', () => {
  it('runs until Ctrl-C, tells where things are and keeps its key to itself', async () => {
    const directory = await temporaryDirectory();
    const { child, output, exit } = run('--titles', '3', '--pki-dir', directory);
    while (!output().includes('Ctrl-C')) await Promise.race([once(child.stdout, 'data'), exit]);
    const key = await readFile(path.join(directory, 'clients/example.api-key'), 'utf8');
    expect(output()).toMatch(/https:\/\/127\.0\.0\.1:\d+.*http:\/\/127\.0\.0\.1:\d+/);
    expect(output()).toContain(path.join(directory, 'clients/example.pem'));
    expect(output()).not.toContain(key);
    child.kill('SIGINT');
    expect(await exit).toBe(0);
  });

  it('explains itself', async () => {
    const { output, exit } = run('--help');
    expect(await exit).toBe(0);
    expect(output()).toContain('--control-port');
  });

  it('exits with 2 for wrong usage', async () => {
    for (const args of [['--unknown'], ['--port', 'x'], ['--titles', '-1'], ['--dialect', 'klingon']]) {
      const { output, exit } = run(...args);
      expect(await exit).toBe(2);
      expect(output()).toContain('--help');
    }
  });

  it('exits with 1 and says why when a port is taken', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    const { output, exit } = run('--port', String(port), '--pki-dir', await temporaryDirectory());
    expect(await exit).toBe(1);
    expect(output()).toContain('the port is in use');
    server.close();
  });
});
