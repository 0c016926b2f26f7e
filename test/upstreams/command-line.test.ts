import { sign } from 'aws4';
import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { request } from 'node:https';
import { createServer } from 'node:net';
import { readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { temporaryDirectory } from './running-simulator.ts';

type Codes = Record<string, { codes: Record<string, string[]> }>;

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

/** The text that an URL answers; with a form, it is posted. */
async function ask(url: string, ca: string, headers: Record<string, string>, form?: string): Promise<string> {
  const type = form === undefined ? {} : { 'content-type': 'application/x-www-form-urlencoded' };
  const call = request(url, { ca, method: form === undefined ? 'GET' : 'POST', headers: { ...headers, ...type } });
  call.end(form);
  const [response] = (await once(call, 'response')) as [IncomingMessage];
  let text = '';
  for await (const chunk of response as AsyncIterable<Buffer>) text += chunk.toString();
  return text;
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
    const credentials = await readFile(path.join(directory, 'clients/example-na.lwa.json'), 'utf8');
    for (const secret of Object.values(JSON.parse(credentials) as Record<string, string>)) {
      expect(output()).not.toContain(secret);
    }
    const signing = await readFile(path.join(directory, 'clients/offer-codes.aws.json'), 'utf8');
    expect(output()).not.toContain((JSON.parse(signing) as { secretAccessKey: string }).secretAccessKey);
    expect(output()).not.toContain('Atza|');
    for (const file of ['example-na.lwa.json', 'offer-codes.aws.json', 'offer-codes.curl', 'example-player.curl']) {
      expect((await stat(path.join(directory, 'clients', file))).mode & 0o777).toBe(0o600);
    }
    child.kill('SIGINT');
    expect(await exit).toBe(0);
  });

  it('shows how to ask for a token and a price, in words that work, and keeps the credentials for the next run', async () => {
    const directory = await temporaryDirectory();
    const file = path.join(directory, 'clients/example-na.lwa.json');
    const kept: string[] = [];
    for (let round = 0; round < 2; round += 1) {
      const { child, output, exit } = run('--price-items', '3', '--titles', '0', '--pki-dir', directory);
      while (!output().includes('Ctrl-C')) await Promise.race([once(child.stdout, 'data'), exit]);
      const [, shown = ''] = /Try: (token=[\s\S]*?)\n(?:Try|Stop|Offer codes)/.exec(output()) ?? [];
      const [, form = ''] = /-d @(\S+)/.exec(shown) ?? [];
      const [tokenUrl = '', offersUrl = ''] = shown.match(/https:[^']+/g) ?? [];
      const ca = await readFile(path.join(directory, 'ca.pem'), 'utf8');
      const granted = await ask(tokenUrl, ca, {}, await readFile(form, 'utf8'));
      const { access_token: token = '' } = JSON.parse(granted) as { access_token?: string };
      expect(await ask(offersUrl, ca, { 'x-amz-access-token': token })).toContain('"payload"');
      kept.push(await readFile(file, 'utf8'));
      child.kill('SIGTERM');
      expect(await exit).toBe(0);
    }
    expect(kept[1]).toBe(kept[0]);
  });

  it('shows how to verify an offer code, with credentials that it keeps for the next run', async () => {
    const directory = await temporaryDirectory();
    const file = path.join(directory, 'clients/offer-codes.aws.json');
    const kept: string[] = [];
    for (let round = 0; round < 2; round += 1) {
      const { child, output, exit } = run('--price-items', '0', '--titles', '0', '--pki-dir', directory);
      while (!output().includes('Ctrl-C')) await Promise.race([once(child.stdout, 'data'), exit]);
      const [, options = '', url = ''] =
        /Try: curl (.*offer-codes\.curl.*) '(https:.*offer-code.*)'/.exec(output()) ?? [];
      expect(options).toContain('--aws-sigv4 aws:amz:us-east-1:execute-api');
      const [, configured = ''] = /-K (\S+)/.exec(options) ?? [];
      const [, accessKeyId = '', secretAccessKey = ''] =
        /^user = "([^:]+):(.+)"$/m.exec(await readFile(configured, 'utf8')) ?? [];
      const { host, pathname } = new URL(url);
      const { headers } = sign(
        { host, path: pathname, service: 'execute-api', region: 'us-east-1', headers: { 'x-amz-marketplace': 'US' } },
        { accessKeyId, secretAccessKey },
      );
      const ca = await readFile(path.join(directory, 'ca.pem'), 'utf8');
      expect(await ask(url, ca, headers as Record<string, string>)).toBe('{"message":"SUCCESS"}');
      const codes = JSON.parse(await readFile(path.join(directory, 'offer-codes.json'), 'utf8')) as Codes;
      expect(codes['EXAMPLE_BENEFIT']?.codes['valid']).toContain(decodeURIComponent(pathname.split('/')[6] ?? ''));
      expect(JSON.parse(await readFile(file, 'utf8'))).toEqual({ accessKeyId, secretAccessKey });
      kept.push(secretAccessKey);
      child.kill('SIGTERM');
      expect(await exit).toBe(0);
    }
    expect(kept[1]).toBe(kept[0]);
  });

  it('shows how to ask for entitlements, as a player who has claimed as many offers as wanted', async () => {
    const directory = await temporaryDirectory();
    const { child, output, exit } = run('--claims', '2', '--price-items', '0', '--titles', '0', '--pki-dir', directory);
    while (!output().includes('Ctrl-C')) await Promise.race([once(child.stdout, 'data'), exit]);
    const [, configured = '', url = ''] = /Try: curl .*-K (\S+) '(https:\S+\/api\/entitlements)'/.exec(output()) ?? [];
    const [, token = ''] = /^header = "x-amz-access-token: (.+)"$/m.exec(await readFile(configured, 'utf8')) ?? [];
    const ca = await readFile(path.join(directory, 'ca.pem'), 'utf8');
    expect(JSON.parse(await ask(url, ca, { 'x-amz-access-token': token }))).toMatchObject({
      Entitlements: [
        { VendorProductId: 'primegaming_season01_drop01' },
        { VendorProductId: 'primegaming_season01_drop02' },
      ],
    });
    child.kill('SIGTERM');
    expect(await exit).toBe(0);
  });

  it('shows how to ask for offers, with credentials that it keeps to itself', async () => {
    const directory = await temporaryDirectory();
    const { child, output, exit } = run('--offer-life', '60', '--price-items', '0', '--titles', '0', '--pki-dir', directory); // prettier-ignore
    while (!output().includes('Ctrl-C')) await Promise.race([once(child.stdout, 'data'), exit]);
    const [, form = '', tokenUrl = ''] = /-d @(\S+\.buy-with-prime-form) '(https:\S+)'/.exec(output()) ?? [];
    const ca = await readFile(path.join(directory, 'ca.pem'), 'utf8');
    const secrets = await readFile(form, 'utf8');
    expect(output()).not.toContain(new URLSearchParams(secrets).get('client_secret'));
    expect((await stat(form)).mode & 0o777).toBe(0o600);
    const { access_token: token = '' } = JSON.parse(await ask(tokenUrl, ca, {}, secrets)) as { access_token?: string };
    const [, target = '', body = '', url = ''] = /-H 'x-api-target-id: ([^']+)'.* -d '([^']+)' '(https:\S+)'/.exec(output()) ?? []; // prettier-ignore
    const headers = { authorization: `Bearer ${token}`, 'x-api-version': '2024-11-01', 'x-api-target-id': target };
    const call = request(url, { ca, method: 'POST', headers: { ...headers, 'content-type': 'application/json' } });
    call.end(body);
    const [response] = (await once(call, 'response')) as [IncomingMessage];
    let text = '';
    for await (const chunk of response as AsyncIterable<Buffer>) text += chunk.toString();
    expect(text).toContain('Get it as soon as');
    child.kill('SIGTERM');
    expect(await exit).toBe(0);
  });

  it('explains itself', async () => {
    const { output, exit } = run('--help');
    expect(await exit).toBe(0);
    expect(output()).toContain('--control-port');
  });

  it('exits with 2 for wrong usage', async () => {
    for (const args of [
      ['--unknown'],
      ['--port', 'x'],
      ['--titles', '-1'],
      ['--dialect', 'klingon'],
      ['--rate-profile', 'tomorrow'],
      ['--price-items', '1.5'],
      ['--offer-codes', '-1'],
      ['--offer-codes-port', '65536'],
      ['--claims', '1.5'],
      ['--entitlements-port', '65536'],
    ]) {
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
