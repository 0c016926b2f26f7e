import { execFile, spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { delimiter, dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { PartnerAccess } from '../../local/partners-file.ts';
import { scratchFolder } from '../lib/scratch-folder.ts';
import { type ApiAnswer, readContract } from '../partner-api/api-contract.ts';
import { type ExampleGateway, startExampleGateway } from '../partner-api/example-gateway.ts';
import { CALLER, exampleHandlers } from '../partner-api/example-handlers.ts';
import { sendToHandlers } from '../partner-api/proxy-event.ts';
import type { GeneratedRequest } from '../partner-api/request-generator.ts';
import { tableOf } from './markdown-table.ts';

const project = resolve(import.meta.dirname, '../..');
const page = readFileSync(join(project, 'docs/api.md'), 'utf8');
const contract = readContract();
/** Blocks of `sh` are what a reader can run on this machine; those of `bash` need an account. */
const blocks = [...page.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, text = '']) => text);
const send = sendToHandlers(exampleHandlers({}, { always: true }), CALLER);
/** What the page asks its readers for; everything else here needs Node only. */
const hasTools = ['curl', 'jq', 'bash'].every((tool) => spawnSync(tool, ['--version']).status === 0);
const KEY = { secretAccessKey: 'secret/of+the=docs', sessionToken: 'token/of+the=docs==' };

/** Which players were asked for, each time. */
const visits: string[] = [];

/** What a few players get in the place of the first example. */
function fulfilled({ operation, pathParameters }: GeneratedRequest, answer: ApiAnswer): ApiAnswer {
  const playerId = pathParameters['playerId'] ?? '';
  visits.push(playerId);
  const isFirst = visits.filter((one) => one === playerId).length === 1;
  if (playerId === 'is-served-later-1' && isFirst) {
    const body = operation.responses.get(200)?.examples?.['callAgain'];
    return { ...answer, body: JSON.stringify(body) };
  }
  if (playerId !== 'belongs-to-another-1') return answer;
  const error = { code: 'ACCOUNT_OF_ANOTHER', message: 'no', requestId: answer.headers['x-amz-apigw-id'] };
  return { ...answer, status: 409, body: JSON.stringify({ error }) };
}

describe('docs/api.md', () => {
  test('has every code of an error with its status and meaning, and no other', () => {
    expect(tableOf(page, 'code')).toEqual(
      Object.entries(contract.errors).map(([code, { status, meaning }]) => [
        code,
        String(status),
        meaning.replaceAll('`', ''),
      ]),
    );
  });

  test('has every route of the OpenAPI document, and no other', () => {
    const rows = tableOf(page, 'route').map(([route, operationId]) => [route, operationId]);
    const all = contract.operations.map(({ method, path, operationId }) => [`${method} ${path}`, operationId]);
    expect(rows.sort()).toEqual(all.sort());
  });
});

describe('the examples of docs/api.md', { timeout: 120_000 }, () => {
  let gateway: ExampleGateway;
  let cwd: string;
  let environment: Record<string, string>;

  beforeAll(async () => {
    gateway = await startExampleGateway({
      contract,
      region: 'eu-west-1',
      accessKeyId: 'ASIAEXAMPLE',
      key: KEY,
      apiKey: 'key of the docs',
      answer: async (request) => {
        const answer = await send(request);
        if (request.operation.operationId === 'fulfilEntitlements') return fulfilled(request, answer);
        const isFirstPage =
          request.operation.operationId === 'readTitleHistory' && !request.query.some(([name]) => name === 'cursor');
        return isFirstPage ? { ...answer, body: answer.body.replace('"next":null', '"next":"more-_"') } : answer;
      },
    });
    const { url } = gateway;
    const credentials = { accessKeyId: 'ASIAEXAMPLE', ...KEY };
    const access: PartnerAccess = {
      url,
      region: 'eu-west-1',
      roleArn: '',
      externalId: '',
      apiKey: 'key of the docs',
      credentials,
    };
    environment = {
      URL: url,
      API_KEY: access.apiKey,
      AWS_REGION: access.region,
      AWS_ACCESS_KEY_ID: credentials.accessKeyId,
      AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
      AWS_SESSION_TOKEN: credentials.sessionToken,
    };
    cwd = scratchFolder();
    mkdirSync(join(cwd, '.local'));
    const player = { playerId: 'player-4711', token: 'Atza|token of the docs'.replaceAll(' ', '-') };
    const shopper = { token: 'Atza|token-of-a-shopper', externalId: 'session-4711' };
    writeFileSync(join(cwd, '.local/partners.json'), JSON.stringify({ example: { ...access, player, shopper } }));
    const codes = { EXAMPLE_BENEFIT: { codes: { valid: ['396945100000', 'SAVE 10 100001'] } } };
    writeFileSync(join(cwd, '.local/offer-codes.json'), JSON.stringify(codes));
    for (const name of ['docs', 'node_modules']) symlinkSync(join(project, name), join(cwd, name));
  });
  afterAll(() => gateway.stop());

  const run = async (script: string) => {
    const PATH = [dirname(process.execPath), process.env['PATH']].join(delimiter);
    const options = { cwd, env: { PATH, HOME: cwd } };
    return (await promisify(execFile)('bash', ['-euo', 'pipefail', '-c', script], options)).stdout;
  };
  const client = async (words: string[], variables: Record<string, string> = {}) => {
    const file = join(project, 'docs/examples/partner-client.ts');
    return (await promisify(execFile)(process.execPath, [file, ...words], { env: { ...environment, ...variables } }))
      .stdout;
  };
  const [setUp = '', first = '', defineCall = ''] = blocks;

  test.runIf(hasTools)('run as they stand, one after the other, and every request is answered well', async () => {
    const from = gateway.requests.length;
    const output = await run(blocks.join('\necho\n'));
    const asked = gateway.requests.slice(from);
    expect(asked.filter(({ status }) => status >= 400)).toEqual([]);
    // One for each command that asks.
    const commands =
      blocks
        .slice(3)
        .join('\n')
        .match(/^(?:call |TAG=|node )/gm) ?? [];
    expect(commands.length).toBeGreaterThan(15);
    expect(asked).toHaveLength(commands.length + 1);
    expect(asked.map(({ status }) => status)).toContain(304);
    expect(output).toContain('\n304\n');
    expect(output).toContain('{"valid":true,"message":"SUCCESS"}');
    expect(output).toContain('"outcome":"granted"');
    expect(output).toContain('"offerId":"offer-');
    expect(output.match(/"amazonOrderId":"[^"]+","assumed":false/g)).toHaveLength(2);
  });

  test.runIf(hasTools)('begin with a request that says everything, and needs nothing of what follows', async () => {
    expect(JSON.parse(await run(`${setUp}\n${first}`))).toMatchObject({ status: 'ok' });
  });

  test.runIf(hasTools)(
    'are refused where the page says that curl 7 signs wrongly, as long as it is that curl',
    async () => {
      const { stdout } = await promisify(execFile)('curl', ['--version']);
      if (!stdout.startsWith('curl 7.')) return;
      const ask = async (path: string) => run(`${setUp}\n${defineCall}\ncall GET '${path}'`);
      for (const path of [
        '/v1/titles/a/md:alid:x/status',
        '/v1/titles/a/b%2Fc/status',
        '/v1/titles/a/b/history?limit=1&from=2026-01-01T00%3A00%3A00Z',
        '/v1/titles/a/b/history?from=2026-01-01T00:00:00Z',
      ])
        expect(await ask(path)).toContain('INVALID_SIGNATURE');
    },
  );

  test('in TypeScript sign what curl 7 cannot, redeem, and turn pages', async () => {
    const from = gateway.requests.length;
    expect(await client(['status', 'example-studios', 'a b/c%2F:+(é)!*'])).toContain('"alid"');
    expect(await client(['redeem', 'EXAMPLE_BENEFIT', '50% off', 'purchase-1'])).toContain('"redeemed":true');
    expect((await client(['history', 'example-studios', 'ES_MOV_000002'])).match(/"observedAt"/g)).toHaveLength(2);
    expect(gateway.requests.slice(from)).toEqual([
      { line: 'GET /example/v1/titles/example-studios/a%20b%2Fc%252F%3A%2B%28%C3%A9%29%21%2A/status', status: 200 },
      { line: 'POST /example/v1/benefits/EXAMPLE_BENEFIT/offer-codes/50%25%20off/redeem', status: 200 },
      { line: 'GET /example/v1/titles/example-studios/ES_MOV_000002/history?limit=20', status: 200 },
      {
        line: 'GET /example/v1/titles/example-studios/ES_MOV_000002/history?limit=20&cursor=more-_',
        status: 200,
      },
    ]);
  });

  test('in TypeScript call again until a fulfilment is complete, and do not repeat a conflict', async () => {
    const from = gateway.requests.length;
    const fulfil = async (playerId: string) => client(['fulfil', playerId], { PLAYER_TOKEN: 'Atza|token-of-the-docs' });
    expect((await fulfil('is-served-later-1')).match(/"outcome"/g)?.length).toBeGreaterThan(1);
    const asked = gateway.requests.slice(from);
    const line = 'POST /example/v1/players/is-served-later-1/entitlements/fulfil';
    expect(asked).toEqual([
      { line, status: 200 },
      { line, status: 200 },
    ]);
    await expect(fulfil('belongs-to-another-1')).rejects.toThrow(/409 ACCOUNT_OF_ANOTHER/);
    expect(gateway.requests.length).toBe(from + 3);
  });

  test('in TypeScript tell the code and the request of an error, and do not repeat what is refused', async () => {
    const from = gateway.requests.length;
    const failed = client(['status', 'a', 'b'], { API_KEY: 'another' });
    await expect(failed).rejects.toThrow(/403 API_KEY_REFUSED: no such key \(request [0-9a-f-]{36}\)/);
    expect(gateway.requests.slice(from)).toHaveLength(1);
  });
});
