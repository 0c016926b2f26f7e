import { DeleteItemCommand, DynamoDBClient, ListTablesCommand, ScanCommand } from '@aws-sdk/client-dynamodb';
import type { AwsCredentialIdentity } from '@smithy/types';
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Fulfilment } from '../../lambdas/entitlements/player-answers.ts';
import type { PartnerAccess } from '../../local/partners-file.ts';
import { readStartOptions } from '../../local/start-options.ts';
import { callSigned } from '../pipeline/partner-clients.ts';
import { scanForSecrets, secretsIn } from '../pipeline/secret-scan.ts';

const PROJECT = resolve(import.meta.dirname, '../..');
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'offer-relay-start-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Valid codes of the example benefit. */
function validCodes(data: string): string[] {
  const benefits = JSON.parse(readFileSync(join(data, 'offer-codes.json'), 'utf8')) as Record<
    string,
    { codes: { valid: string[] } }
  >;
  return benefits['EXAMPLE_BENEFIT']?.codes.valid ?? [];
}

/** `npm start` without npm. */
function start(args: string[], environment: Record<string, string> = {}) {
  const child = spawn(process.execPath, ['local/start.ts', ...args], {
    cwd: PROJECT,
    env: { ...process.env, NO_COLOR: '1', ...environment },
  });
  let output = '';
  const waiting: { text: string; done: () => void }[] = [];
  const hear = (chunk: Buffer): void => {
    output += String(chunk);
    for (const { text, done } of waiting) if (output.includes(text)) done();
  };
  child.stdout.on('data', hear);
  child.stderr.on('data', hear);
  const ended = new Promise<number | null>((done) => child.on('close', done));
  return {
    pid: child.pid ?? 0,
    output: () => output,
    shows: (text: string) =>
      Promise.race([
        new Promise<void>((done) => (output.includes(text) ? done() : waiting.push({ text, done }))),
        ended.then((code) => Promise.reject(new Error(`ended with ${code} before it showed "${text}":\n${output}`))),
      ]),
    ended,
    interrupt: () => {
      child.kill('SIGINT');
      return ended;
    },
  };
}

/** Processes whose command line holds a text. */
async function processesWith(text: string): Promise<string[]> {
  const { readdir } = await import('node:fs/promises');
  const ids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const lines = ids.map((id) => {
    try {
      return readFileSync(`/proc/${id}/cmdline`, 'utf8').replaceAll('\0', ' ');
    } catch {
      return '';
    }
  });
  return lines.filter((line) => line.includes(text));
}

const jsonLines = (file: string): { detail: { metadata: { id: string } } }[] =>
  readFileSync(file, 'utf8')
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as { detail: { metadata: { id: string } } });

/** Makes a running watch list one that was begun before there were prices. */
async function forgetPrices(data: string): Promise<void> {
  const endpoints = JSON.parse(readFileSync(join(data, 'endpoints.json'), 'utf8')) as Record<string, unknown>;
  const client = new DynamoDBClient({
    endpoint: String(endpoints['dynamodb']),
    region: String(endpoints['region']),
    credentials: endpoints['credentials'] as AwsCredentialIdentity,
  });
  const { TableNames = [] } = await client.send(new ListTablesCommand({}));
  const TableName = TableNames.find((name) => name.includes('Watches'));
  const { Items = [] } = await client.send(new ScanCommand({ TableName, ProjectionExpression: 'watchId' }));
  const prices = Items.flatMap(({ watchId }) => (watchId?.S?.startsWith('price|') === true ? [{ watchId }] : []));
  expect(prices).toHaveLength(174);
  for (const Key of prices) await client.send(new DeleteItemCommand({ TableName, Key }));
  client.destroy();
}

describe('npm start', () => {
  it('shows change events, writes addresses and events, refuses a second start, stops whole, and goes on', async () => {
    const data = join(folder, 'data');
    const first = start(['--data', data]);
    await first.shows('Change events as they reach the bus');
    await first.shows('Offer Added');
    const endpoints = JSON.parse(readFileSync(join(data, 'endpoints.json'), 'utf8')) as Record<string, string>;
    const offerCodes = JSON.parse(readFileSync(join(data, 'offer-codes.json'), 'utf8')) as Record<string, object>;
    expect(offerCodes['EXAMPLE_BENEFIT']).toMatchObject({ use: 'single', codes: { valid: { length: 12 } } });
    expect(first.output()).toContain('offer-codes.json');
    for (const name of [
      'dynamodb',
      'sqs',
      'eventbridge',
      'offerStatus',
      'pricing',
      'offerCodes',
      'entitlements',
      'control',
    ]) {
      expect(endpoints[name]).toMatch(/^https?:\/\/127\.0\.0\.1:\d+$/);
    }
    expect(jsonLines(join(data, 'events.jsonl')).length).toBeGreaterThan(0);

    const second = start(['--data', data]);
    expect(await second.ended).toBe(1);
    expect(second.output()).toContain(`running here already (process ${first.pid})`);

    const partners = JSON.parse(readFileSync(join(data, 'partners.json'), 'utf8')) as Record<string, PartnerAccess>;
    const { example } = partners;
    if (example?.player === undefined) throw new Error('the partner of the local stage is missing, or its player');
    const { playerId, token } = example.player;
    expect(first.output()).toContain(`POST /v1/players/${playerId}/entitlements/fulfil`);
    const [valid = ''] = validCodes(data);
    const verified = await callSigned(example, {
      path: `/v1/benefits/EXAMPLE_BENEFIT/offer-codes/${encodeURIComponent(valid)}/verify`,
    });
    expect([verified.status, verified.body]).toEqual([200, { valid: true, message: 'SUCCESS' }]);
    await first.shows('Offer Code Verified');
    const fulfilled = await callSigned(example, {
      ...{ method: 'POST', path: `/v1/players/${playerId}/entitlements/fulfil` },
      headers: { 'x-amz-access-token': token },
    });
    expect(fulfilled.status).toBe(200);
    const { entitlements, complete } = fulfilled.body as Fulfilment;
    expect(entitlements.map(({ outcome, reported }) => ({ outcome, reported }))).toEqual([
      { outcome: 'granted', reported: true },
      { outcome: 'granted', reported: true },
    ]);
    expect(complete).toBe(true);
    const inventory = await callSigned(example, { path: `/v1/players/${playerId}/inventory` });
    expect(inventory.body).toMatchObject({
      items: [
        { itemId: 'coins', quantity: 750 },
        { itemId: 'skin_mechahat', quantity: 1 },
      ],
    });
    await first.shows('Entitlement Granted');
    await first.shows('Entitlement Reported');

    expect(await first.interrupt()).toBe(0);
    expect(first.output()).toContain('Stopped.');
    const needles = [
      { name: 'the code', value: valid },
      { name: 'the API key', value: example.apiKey },
      { name: 'the secret key', value: example.credentials.secretAccessKey },
      { name: 'the session token', value: example.credentials.sessionToken },
      { name: "the player's token", value: token },
      { name: 'a signature', value: 'AWS4-HMAC-SHA256' },
    ];
    const mayHoldSecrets = (path: string): boolean => ['api-keys.json', 'generated-secrets.json'].includes(path);
    const written = await scanForSecrets({ folders: [join(data, 'cloud')], needles, except: mayHoldSecrets });
    expect(written).toEqual([]);
    expect(secretsIn(first.output() + readFileSync(join(data, 'events.jsonl'), 'utf8'), needles)).toEqual([]);
    expect(await processesWith(data)).toEqual([]);

    const again = start(['--data', data]);
    await again.shows('Change events as they reach the bus');
    expect(again.output()).not.toMatch(/example (?:titles|prices)/u);
    await forgetPrices(data);
    expect(await again.interrupt()).toBe(0);
    const priced = start(['--data', data]);
    await priced.shows('Change events as they reach the bus');
    expect(priced.output()).toMatch(/174 example prices/u);
    expect(priced.output()).not.toContain('example titles');
    expect(await priced.interrupt()).toBe(0);
    const ids = jsonLines(join(data, 'events.jsonl')).map((event) => event.detail.metadata.id);
    expect(new Set(ids).size).toBe(ids.length);

    const fresh = start(['--data', data, '--fresh', '--quiet', '--seed', '7']);
    await fresh.shows('example titles');
    expect(await fresh.interrupt()).toBe(0);
  }, 240_000);

  it('stops when whoever started it is gone', async () => {
    const data = join(folder, 'orphan');
    const shell = spawn('sh', ['-c', `"${process.execPath}" local/start.ts --quiet --data "${data}"; true`], {
      cwd: PROJECT,
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    await new Promise<void>((done) =>
      shell.stdout.on('data', (chunk: Buffer) => (String(chunk).includes('Change events') ? done() : undefined)),
    );
    shell.kill('SIGKILL');
    // The data folder is free again once everything has ended.
    const end = Date.now() + 60_000;
    while (existsSync(join(data, 'running.pid')) && Date.now() < end)
      await new Promise((done) => setTimeout(done, 100));
    expect(existsSync(join(data, 'running.pid'))).toBe(false);
    while ((await processesWith(data)).length > 0 && Date.now() < end)
      await new Promise((done) => setTimeout(done, 100));
    expect(await processesWith(data)).toEqual([]);
  }, 90_000);

  it('leaves a folder alone that it has not made', async () => {
    const foreign = await mkdtemp(join(folder, 'foreign-'));
    await writeFile(join(foreign, 'precious.txt'), 'mine');
    const refused = start(['--data', foreign, '--fresh']);
    expect(await refused.ended).toBe(1);
    expect(refused.output()).toContain('was not made by this program');
    expect(existsSync(join(foreign, 'precious.txt'))).toBe(true);
  });

  it('asks for credentials when it is pointed at another upstream', async () => {
    const data = join(folder, 'elsewhere');
    const refused = start(['--data', data], { OFFER_RELAY_OFFER_STATUS_URL: 'https://sandbox.example.test' });
    expect(await refused.ended).toBe(2);
    expect(refused.output()).toContain('OFFER_RELAY_SECRETS_FILE');
    const priced = start(['--data', data], { OFFER_RELAY_PRICING_URL: 'https://sandbox.example.test' });
    expect(await priced.ended).toBe(2);
    expect(priced.output()).toContain('SP-API Product Pricing is https://sandbox.example.test: its credentials');
  });

  it('explains itself', async () => {
    const help = start(['--help']);
    expect(await help.ended).toBe(0);
    for (const option of ['--fresh', '--seed', '--port', '--quiet', '--data']) expect(help.output()).toContain(option);
  });

  it.each([
    [['--port', 'x'], '--port is "x"; it must be a whole number from 0 to 65529.'],
    [['--seed', '-1'], /--seed/],
    [['--frish'], /--frish/],
    [['surplus'], /surplus/],
  ])('refuses %j and says why', (args, message) => {
    expect(() => readStartOptions(args)).toThrow(message);
  });
});
