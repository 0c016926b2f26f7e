import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { beginProgram, PROJECT, runProgram, serverOf, stackAnswer, told, until } from '../bulk/running-program.ts';
import { CREDENTIALS, REGION, startCatalogueTable, TABLE } from './catalogue-table.ts';

// Each command is a process of its own, and the machine may be busy.
vi.setConfig({ testTimeout: 120_000 });

const SCRIPT = 'local/skus/main.ts';
const HEADER = 'sku,item,quantity,kind';
let table: Awaited<ReturnType<typeof startCatalogueTable>>;
let folder: string;
/** Partner of this test alone. */
let partner: string;
let series = 0;
beforeEach(() => void (partner = `game-${(series += 1)}`));
beforeAll(async () => {
  table = await startCatalogueTable();
  folder = await mkdtemp(join(tmpdir(), 'offer-relay-skus-'));
  await endpointsIn('data', table.url);
  const games = Object.fromEntries(Array.from({ length: 30 }, (_, index) => [`game-${index + 1}`, partnerOf()]));
  const skus = { fixed: [{ itemId: 'coins', quantity: 5, kind: 'stackable' }] };
  const shop = { accountId: '111122223333', externalId: 'shop', capabilities: ['offer-codes'] };
  await settingsOf('config', { ...games, arcade: partnerOf({ skus }), shop });
  await settingsOf('one', { arcade: partnerOf({ skus }), shop });
  await settingsOf('none', { shop });
});
afterAll(async () => {
  await table.stop();
  await rm(folder, { recursive: true, force: true });
});

const partnerOf = (entitlements: object = {}) => ({
  accountId: '111122223333',
  externalId: 'game',
  capabilities: ['entitlements'],
  entitlements,
});
async function settingsOf(name: string, partners: object): Promise<void> {
  await mkdir(join(folder, name));
  for (const stage of ['local', 'prod']) {
    await writeFile(join(folder, name, `${stage}.json`), JSON.stringify({ partnerApi: { partners } }));
  }
}
/** What `npm start` leaves in its data folder. */
async function endpointsIn(name: string, dynamodb: string, outputs: object = { EntitlementsTableName: TABLE }) {
  const data = join(folder, name);
  await mkdir(data, { recursive: true });
  const endpoints = { dynamodb, sqs: dynamodb, region: REGION, credentials: CREDENTIALS, outputs };
  await writeFile(join(data, 'endpoints.json'), JSON.stringify(endpoints));
  return data;
}
const fileOf = async (name: string, lines: readonly string[]): Promise<string> => {
  const file = join(folder, name);
  await writeFile(file, `${lines.join('\n')}\n`);
  return file;
};
const skus = (args: readonly string[], environment: Readonly<Record<string, string>> = {}, input?: string) =>
  runProgram(SCRIPT, args, { HOME: folder, ...environment }, input);
const local = (...args: string[]) => [...args, '--data', join(folder, 'data'), '--config', join(folder, 'config')];
/** On the local stack, about the partner of this test. */
const on = (...args: string[]) => [...local(...args), '--partner', partner];
const importText = (lines: readonly string[], ...args: string[]) =>
  skus(on('import', '-', ...args), {}, [HEADER, ...lines, ''].join('\n'));
const listed = async () => (await skus(on('list', '--quiet'))).out.trimEnd().split('\n').slice(1);

describe('the command line', () => {
  it('explains itself and each command', async () => {
    expect(await skus(['--help'])).toMatchObject({ code: 0, out: expect.stringContaining('import FILE') });
    for (const command of ['import', 'list', 'remove']) {
      const { code, out } = await skus([command, '--help']);
      const usage = new RegExp(`npm run (--silent )?skus -- ${command}[^]*Exit codes`);
      expect([code, out]).toEqual([0, expect.stringMatching(usage)]);
    }
  });

  it.each([
    [[], 'Which command?'],
    [['imprt'], 'Did you mean "import"?'],
    [['import'], 'Which file?'],
    [['import', 'a.csv', 'b.csv'], 'One file at a time'],
    [['import', 'a.csv', '--fast'], '--fast'],
    [['list', 'a.csv'], 'list takes no file'],
    [['list', '--format', 'xml'], '--format is "xml"; it must be csv or json.'],
    [['list', '--region', 'eu-west-1'], 'give --stage as well'],
    [['remove'], 'Which SKUs?'],
    [['remove', 'a', '--file', 'b.csv'], 'not both'],
    [['remove', 'two words'], '"two words" is no SKU; expected 1 to 200 letters'],
    [['remove', 'a', '--rejects', 'b.csv'], '--rejects is for files'],
    [['list', '--stage', 'nowhere'], 'nowhere'],
  ])('refuses %j with exit code 2 and says what is allowed', async (args, message) => {
    const { code, err } = await skus(args);
    expect([code, err]).toEqual([2, expect.stringContaining(message)]);
  });

  it('finds the partner by itself where one has entitlements, and otherwise says which there are', async () => {
    const list = (config: string, ...more: string[]) =>
      skus(['list', '--data', join(folder, 'data'), '--config', join(folder, config), ...more]);
    expect(await list('one')).toMatchObject({ code: 0, out: `${HEADER}\n` });
    expect(await list('config')).toMatchObject({ code: 2, err: expect.stringMatching(/^Which partner\?.*game-1, /) });
    const near = await list('one', '--partner', 'arcde');
    expect(near).toMatchObject({ code: 2, err: expect.stringContaining('Did you mean "arcade"?') });
    expect(await list('one', '--partner', '__proto__')).toMatchObject({ code: 2 });
    const shop = await list('one', '--partner', 'shop');
    expect(shop).toMatchObject({ code: 2, err: expect.stringContaining('does not have the capability entitlements') });
    const none = await list('none');
    expect(none).toMatchObject({ code: 2, err: expect.stringContaining('No partner of the settings has') });
  });

  it('says what to do when there is no local stack, and when that is too old to have a catalogue', async () => {
    const none = await skus(['list', '--data', join(folder, 'nothing'), '--config', join(folder, 'one')]);
    expect(none).toMatchObject({ code: 1, err: expect.stringMatching(/No local stack has been started.*npm start/) });
    const old = await endpointsIn('old', table.url, {});
    const { code, err } = await skus(['list', '--data', old, '--config', join(folder, 'one')]);
    expect([code, err]).toEqual([1, expect.stringContaining('has no output EntitlementsTableName')]);
  });
});

describe('a catalogue on the local stack', () => {
  it('is imported, imported again without a write, changed, listed and removed', async () => {
    const file = await fileOf('season.csv', [HEADER, 'a,coins,500,stackable', 'b,hat,,unique', 'a,skin,1,unique']);
    const counts = (ended: Awaited<ReturnType<typeof skus>>) =>
      ['lines read', 'added', 'changed', 'same', 'rejected'].map((name) => told(ended, name));
    const first = await skus(on('import', file));
    expect([first.code, ...counts(first)]).toEqual([0, '3', '2', '0', '0', '0']);
    expect(first.out).toContain(`Imported into the catalogue of ${partner} in the local stack in `);
    expect(counts(await skus(on('import', file)))).toEqual(['3', '0', '0', '2', '0']);
    expect(counts(await importText(['a,coins,400,stackable']))).toEqual(['1', '0', '1', '0', '0']);
    expect(await listed()).toEqual(['a,coins,400,stackable', 'b,hat,1,unique']);
    const json = await skus(on('list', '--format', 'json'));
    expect(json.err).toBe('2 SKUs listed.\n');
    expect(JSON.parse(json.out)).toEqual({
      a: [{ itemId: 'coins', quantity: 400, kind: 'stackable' }],
      b: [{ itemId: 'hat', quantity: 1, kind: 'unique' }],
    });
    const removed = await skus(on('remove', 'a', 'nobody', 'a'));
    expect([removed.code, told(removed, 'removed'), told(removed, 'not in the catalogue')]).toEqual([0, '1', '1']);
    expect(await listed()).toEqual(['b,hat,1,unique']);
    const all = await skus(on('remove', '--file', file, '--yes'));
    expect([all.code, told(all, 'removed'), told(all, 'not in the catalogue')]).toEqual([0, '1', '1']);
    expect(await listed()).toEqual([]);
  });

  it('takes the good SKUs, keeps the lines of the others to be mended, and takes those then', async () => {
    const rejects = join(folder, 'season-rejects.csv');
    const file = await fileOf('mixed.csv', [HEADER, 'a,coins,500,stackable', 'b,hat,2,unique', 'b,cape,1,unique']);
    const first = await skus(on('import', file, '--rejects', rejects));
    expect([first.code, told(first, 'added'), told(first, 'rejected'), told(first, 'lines not taken')]).toEqual([3, '1', '1', '2']); // prettier-ignore
    expect(first.err).toContain('line 3: quantity is "2"; expected quantity 1 of items that are unique');
    expect(first.err).toContain('line 4: line 3 is wrong, and a SKU is taken as a whole');
    const kept = readFileSync(rejects, 'utf8');
    expect(kept.split('\n')[0]).toBe(`line,reason,${HEADER}`);
    expect(await skus(on('import', file, '--rejects', rejects))).toMatchObject({ code: 2 });
    await writeFile(rejects, kept.replace('b,hat,2', 'b,hat,1'));
    const mended = await skus(on('import', rejects));
    expect([mended.code, told(mended, 'added')]).toEqual([0, '1']);
    expect(await listed()).toEqual(['a,coins,500,stackable', 'b,cape,1,unique', 'b,hat,1,unique']);
  });

  it('only tells what would change with --dry-run', async () => {
    await importText(['a,coins,500,stackable', 'b,hat,1,unique']);
    const dry = await importText(['a,coins,400,stackable', 'c,hat,1,unique'], '--dry-run', '--replace');
    expect(dry.out).toContain('nothing was written');
    expect([dry.code, ...['added', 'changed', 'same', 'removed'].map((name) => told(dry, name))]).toEqual([0, '1', '1', '0', '1']); // prettier-ignore
    expect(await listed()).toEqual(['a,coins,500,stackable', 'b,hat,1,unique']);
  });

  it('becomes what the file says with --replace, once somebody has agreed, and never by a file with wrong lines', async () => {
    await importText(['a,coins,500,stackable', 'b,hat,1,unique', 'c,hat,1,unique']);
    const whole = ['a,coins,400,stackable', 'b,hat,1,unique'];
    const unasked = await importText(whole, '--replace');
    expect(unasked.code).toBe(2);
    expect(unasked.err).toContain('Take 1 SKU that the file does not name off the catalogue');
    expect(unasked.err).toContain('add --yes');
    expect(await listed()).toEqual(['a,coins,500,stackable', 'b,hat,1,unique', 'c,hat,1,unique']);

    const wrong = await importText(['a,coins,300,stackable', 'x x,hat,1,unique'], '--replace', '--yes');
    expect([wrong.code, told(wrong, 'changed'), told(wrong, 'removed')]).toEqual([3, '1', '0']);
    expect(wrong.err).toContain('Nothing is removed, since lines were not taken');
    const empty = await importText([], '--replace', '--yes');
    expect(empty).toMatchObject({ code: 1, err: expect.stringContaining('would empty the catalogue') });

    const replaced = await importText(whole, '--replace', '--yes');
    expect([replaced.code, told(replaced, 'changed'), told(replaced, 'removed')]).toEqual([0, '1', '1']);
    expect(await listed()).toEqual(whole);
    // Nothing is to be removed any more, so nobody has to agree.
    expect((await importText(whole, '--replace')).code).toBe(0);
  });

  it.skipIf(!existsSync('/usr/bin/script')).each([
    ['no', 'n\n', 1],
    ['Ctrl-C', '\u0003', 1],
    ['yes', 'y\n', 0],
  ])('asks on a terminal before a file of SKUs is removed, and understands %s', async (_, key, wanted) => {
    await importText(['a,hat,1,unique', 'b,hat,1,unique']);
    const file = await fileOf(`asked-${partner}.csv`, ['sku', 'a', 'a', 'b']);
    const command = [process.execPath, SCRIPT, ...on('remove', '--file', file)].join(' ');
    const child = spawn('/usr/bin/script', ['-qec', command, '/dev/null'], { cwd: PROJECT });
    let out = '';
    child.stdout.on('data', (chunk: Buffer) => (out += String(chunk)));
    await until('the question', () => out.includes('[y/N]'));
    child.stdin.write(key);
    const [code] = (await once(child, 'close')) as [number];
    expect(out).toContain(`Take 2 SKUs off the catalogue of ${partner} in the local stack`);
    expect([code, (await listed()).length]).toEqual([wanted, wanted === 0 ? 0 : 2]);
  });

  it('does not remove a file of SKUs where nobody can be asked', async () => {
    const file = await fileOf('unasked.csv', ['sku', 'a']);
    const refused = await skus(on('remove', '--file', file));
    expect(refused).toMatchObject({ code: 2, err: expect.stringContaining('add --yes') });
  });

  it('says which SKUs the settings have as well, since those win', async () => {
    const arcade = (...args: string[]) => [...local(...args), '--partner', 'arcade'];
    const note = 'Note: the settings hold "fixed" as well, and what they say wins.';
    const imported = await skus(arcade('import', '-'), {}, `${HEADER}\nfixed,hat,1,unique\nfree,hat,1,unique\n`);
    expect(imported).toMatchObject({ code: 0, err: expect.stringContaining(note) });
    expect((await skus(arcade('list'))).err).toBe(`2 SKUs listed.\n${note}\n`);
    const removed = await skus(arcade('remove', 'fixed'));
    expect(removed).toMatchObject({ code: 0, err: expect.stringContaining(note) });
    expect((await skus(arcade('list'))).err).toBe(
      '1 SKU listed. The settings hold 1 besides, which are not in this list.\n',
    );
    await skus(arcade('remove', 'free'));
  });

  it('is printed into a pipe that is closed early, and that is no failure', async () => {
    await importText(Array.from({ length: 300 }, (_, index) => `s${index},hat,1,unique`));
    const { child, ended } = beginProgram(SCRIPT, on('list', '--quiet'), { HOME: folder });
    child.stdout?.once('data', () => child.stdout?.destroy());
    expect(await ended).toMatchObject({ code: 0, err: '' });
  });
});

describe('an import that is disturbed', () => {
  /** Stands in front of the engine; `hold` decides about each call when it comes. */
  async function proxy(hold: (operation: string) => Promise<'pass' | 'deny'>) {
    const { hostname, port } = new URL(table.url);
    return serverOf((incoming, outgoing) => {
      const body: Buffer[] = [];
      incoming.on('data', (chunk: Buffer) => body.push(chunk));
      incoming.on('end', () => {
        const operation = String(incoming.headers['x-amz-target']).split('.')[1] ?? '';
        void hold(operation).then((decision) => {
          if (decision === 'deny') {
            const message = `User: u is not authorized to perform: dynamodb:${operation} on resource: arn:aws:dynamodb:t because`;
            outgoing.writeHead(400, { 'content-type': 'application/x-amz-json-1.0' });
            return outgoing.end(JSON.stringify({ __type: 'AccessDeniedException', message }));
          }
          const { method, url = '/', headers } = incoming;
          const passed = request({ hostname, port, method, path: url, headers }, (answer) => {
            outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
            answer.pipe(outgoing);
          });
          passed.on('error', () => outgoing.destroy());
          return passed.end(Buffer.concat(body));
        });
      });
    });
  }

  it('by Ctrl-C finishes the batches under way, says how to go on, and is finished by the same command', async () => {
    const lines = Array.from({ length: 1_000 }, (_, index) => `s${String(index).padStart(4, '0')},hat,1,unique`);
    const file = await fileOf('stopped.csv', [HEADER, ...lines]);
    let release = (): void => undefined;
    const released = new Promise<void>((resolve) => (release = resolve));
    let writes = 0;
    const held = await proxy(async (operation) => {
      if (operation === 'BatchWriteItem' && (writes += 1) > 6) await released;
      return 'pass';
    });
    const data = await endpointsIn('held', held.url);
    const args = ['import', file, '--partner', partner, '--data', data, '--config', join(folder, 'config')];
    const { child, ended } = beginProgram(SCRIPT, args, { HOME: folder });
    let err = '';
    child.stderr?.on('data', (chunk: Buffer) => (err += String(chunk)));
    await until('a write that is held', () => writes > 6);
    child.kill('SIGINT');
    await until('the stop', () => err.includes('Stopping'));
    release();
    const stopped = await ended;
    held.close();
    expect(stopped.code).toBe(1);
    const added = Number(told(stopped, 'added'));
    expect(added % 100).toBe(0);
    expect(added).toBeGreaterThan(0);
    expect(added).toBeLessThan(1_000);
    expect(stopped.err).toContain(`Not finished: at least ${added} of 1,000 SKUs are done. Go on with`);
    expect(stopped.err).toContain(`  npm run skus -- ${args.join(' ')}\n`);
    expect(await listed()).toHaveLength(added);

    const again = await skus(on('import', file));
    expect([again.code, told(again, 'added'), told(again, 'same')]).toEqual([0, String(1_000 - added), String(added)]);
    expect(await listed()).toEqual(lines);
  });

  it('by Ctrl-C before its file has come whole is not begun', async () => {
    const rejects = join(folder, 'early-rejects.csv');
    const { child, ended } = beginProgram(SCRIPT, on('import', '-', '--rejects', rejects), { HOME: folder });
    child.stdin?.write(`${HEADER}\na,hat,1,unique\n`);
    await until('the header to be read', () => existsSync(rejects));
    child.kill('SIGINT');
    expect(await ended).toMatchObject({ code: 1, out: '', err: expect.stringContaining('Nothing was done.') });
    expect(existsSync(rejects)).toBe(false);
    expect(await listed()).toEqual([]);
  });

  it('by a missing permission names it, and the document that lists all', async () => {
    const denying = await proxy((operation) => Promise.resolve(operation === 'BatchWriteItem' ? 'deny' : 'pass'));
    const cloudFormation = await serverOf((incoming, outgoing) => {
      incoming.resume();
      outgoing.writeHead(200, { 'content-type': 'text/xml' }).end(stackAnswer({ EntitlementsTableName: TABLE }));
    });
    const environment = (dynamodb: string) => ({
      AWS_ENDPOINT_URL_CLOUDFORMATION: cloudFormation.url,
      AWS_ENDPOINT_URL_DYNAMODB: dynamodb,
      AWS_REGION: REGION,
      AWS_ACCESS_KEY_ID: CREDENTIALS.accessKeyId,
      AWS_SECRET_ACCESS_KEY: CREDENTIALS.secretAccessKey,
    });
    const args = ['import', '-', '--stage', 'prod', '--config', join(folder, 'config'), '--partner', partner];
    const text = `${HEADER}\na,hat,1,unique\n`;
    const denied = await skus(args, environment(denying.url), text);
    denying.close();
    expect(denied.code).toBe(1);
    expect(denied.err).toContain(
      'The permission dynamodb:BatchWriteItem on arn:aws:dynamodb:t is missing. docs/sku-catalogue.md lists all.',
    );
    expect(denied.err).toContain('Not finished: at least 0 of 1 SKU are done.');
    // With the permission, the deployed stack is found by its output and has the SKU.
    const allowed = await skus(args, environment(table.url), text);
    cloudFormation.close();
    expect(allowed).toMatchObject({ code: 0, out: expect.stringContaining('OfferRelay-prod in us-east-1') });
    expect(await listed()).toEqual(['a,hat,1,unique']);
  });
});
