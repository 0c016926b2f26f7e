import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { isFromOfferRelay } from '../../docs/examples/grant-webhook.ts';
import { OUTCOMES, REASONS } from '../../lambdas/entitlements/outcomes.ts';
import { playerRoutes } from '../../lambdas/entitlements/player-routes.ts';
import { pushRoutes } from '../../lambdas/entitlements/push-routes.ts';
import { API_ERRORS } from '../../lambdas/shared/partner-api/api-error.ts';
import { EntitlementsSettings, PartnerEntitlements } from '../../lambdas/shared/settings-schema.ts';
import { webhookHeaders } from '../partner-api/push-signature.ts';
import { tableOf } from './markdown-table.ts';

const project = resolve(import.meta.dirname, '../..');
const page = readFileSync(join(project, 'docs/entitlements.md'), 'utf8');
const example = readFileSync(join(project, 'docs/examples/grant-webhook.ts'), 'utf8');
const blocks = (language: string) =>
  [...page.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, 'gms'))].map(([, text = '']) => text);
const firstCells = (heading: string) => tableOf(page, heading).map(([cell]) => cell);

describe('docs/entitlements.md', () => {
  test('has every reason with its meaning, and no other', () => {
    expect(tableOf(page, 'reason')).toEqual(Object.entries(REASONS).map(([reason, meaning]) => [reason, meaning]));
  });

  test('has every outcome, and no other', () => {
    expect(firstCells('outcome')).toEqual([...OUTCOMES]);
  });

  test('says of every error that fulfilling has of its own what to do', () => {
    expect(firstCells('error')).toEqual([...playerRoutes.fulfil.errors]);
  });

  test('says of every refusal of a pushed claim what it means, with its status', () => {
    const told = firstCells('answer').flatMap((cell) => {
      const [, status, code] = /^(\d{3}) ([A-Z_]+)$/.exec(cell ?? '') ?? [];
      return code === undefined ? [] : [[code, Number(status)]];
    });
    const own = pushRoutes.claim.errors.filter((code) => code !== 'NOT_FOUND');
    expect(told.sort()).toEqual(own.map((code) => [code, API_ERRORS[code].status]).sort());
  });

  test('tells the defaults of the settings as they are', () => {
    const told = tableOf(page, 'setting').map(([setting, value]) => [setting, value]);
    const defaults = Object.entries(EntitlementsSettings.parse({}));
    expect(told.sort()).toEqual(defaults.map(([setting, value]) => [setting, String(value)]).sort());
  });

  test('shows settings that are taken', () => {
    const [partner, webhook] = blocks('json')
      .slice(1, 3)
      .map((text) => JSON.parse(`{${text}}`) as unknown) as [
      { partnerApi: { partners: { example: { entitlements: unknown } } } },
      { granter: unknown },
    ];
    const { skus, granter } = PartnerEntitlements.parse(partner.partnerApi.partners.example.entitlements);
    expect(skus['primegaming_season01_drop01']).toContainEqual({
      itemId: 'skin_mechahat',
      quantity: 1,
      kind: 'unique',
    });
    expect(granter).toEqual({ kind: 'inventory' });
    expect(PartnerEntitlements.parse(webhook).granter).toEqual(webhook.granter);
  });

  test('shows of the example backend what stands in it', () => {
    const [shown = ''] = blocks('ts');
    expect(shown).toContain('isFromOfferRelay');
    expect(example).toContain(shown);
  });
});

describe('the example backend', () => {
  const KEY = `whsec_${Buffer.from('the key of the backend, 32 bytes').toString('base64')}`;
  const OLD_KEY = `whsec_${Buffer.from('the key before, 32 bytes long...').toString('base64')}`;
  const grant = (grantId: string, playerId = 'player-4711') => ({
    grantId,
    playerId,
    sku: 'primegaming_season01_drop01',
    items: [
      { itemId: 'coins', quantity: 500, kind: 'stackable' },
      { itemId: 'skin_mechahat', quantity: 1, kind: 'unique' },
    ],
  });
  let url: string;
  let backend: ReturnType<typeof spawn>;

  beforeAll(async () => {
    backend = spawn(process.execPath, [join(project, 'docs/examples/grant-webhook.ts')], {
      env: { WEBHOOK_KEY: KEY, PORT: '0' },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [line] = (await once(createInterface(backend.stdout!), 'line')) as [string];
    url = line.replace('listening on ', '');
  });
  afterAll(async () => {
    backend.kill();
    await once(backend, 'exit');
  });

  const call = async (body: string, headers: Record<string, string>) => {
    const answer = await fetch(url, { method: 'POST', body, headers });
    return { status: answer.status, body: await answer.json() };
  };
  const send = (one: ReturnType<typeof grant>, { at = Date.now(), key = KEY } = {}) => {
    const body = JSON.stringify(one);
    return call(body, webhookHeaders(key, one.grantId, at, body));
  };
  const granted = (skin: boolean) => ({
    status: 200,
    body: {
      items: [
        { itemId: 'coins', granted: true },
        { itemId: 'skin_mechahat', granted: skin },
      ],
    },
  });

  test('gives each grant once, and answers a repeat as it answered the first call', async () => {
    expect(await send(grant('first'))).toEqual(granted(true));
    expect(await send(grant('second'))).toEqual(granted(false));
    expect(await send(grant('first'))).toEqual(granted(true));
    expect(await send(grant('third', 'player-4712'))).toEqual(granted(true));
  });

  test('refuses what is not signed, signed by another, changed, old or early', async () => {
    const body = JSON.stringify(grant('forged'));
    const headers = webhookHeaders(KEY, 'forged', Date.now(), body);
    expect((await call(body, {})).status).toBe(401);
    expect((await call(body, { ...headers, 'webhook-timestamp': 'now' })).status).toBe(401);
    expect((await call(body.replace('500', '900'), headers)).status).toBe(401);
    expect((await call(body, { ...headers, 'webhook-id': 'another' })).status).toBe(401);
    expect((await send(grant('forged'), { key: OLD_KEY })).status).toBe(401);
    expect((await send(grant('forged'), { at: Date.now() - 400_000 })).status).toBe(401);
    expect((await send(grant('forged'), { at: Date.now() + 400_000 })).status).toBe(401);
  });

  const SHORT_KEY = `whsec_${Buffer.alloc(23, 'k').toString('base64')}`;

  test.each([
    ['none', undefined],
    ['an empty one', ''],
    ['one without bytes', 'whsec_'],
    ['a short one', SHORT_KEY],
  ])('does not start with a key that anybody could guess: %s', async (_, key) => {
    const started = spawn(process.execPath, [join(project, 'docs/examples/grant-webhook.ts')], {
      env: { PORT: '0', ...(key !== undefined && { WEBHOOK_KEY: key }) },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    const [told, [code]] = await Promise.all([text(started.stderr), once(started, 'exit')]);
    expect(code).toBe(1);
    expect(told).toMatch(/^WEBHOOK_KEY has to be .*24 bytes/);
  });

  test('takes no call for signed where its key could be guessed', () => {
    const body = Buffer.from(JSON.stringify(grant('guessed')));
    const isTaken = (key: string) =>
      isFromOfferRelay(webhookHeaders(key, 'guessed', Date.now(), body.toString()), body, key);
    expect(isTaken(`whsec_${Buffer.alloc(24, 'k').toString('base64')}`)).toBe(true);
    for (const key of ['', 'whsec_', SHORT_KEY]) expect(isTaken(key)).toBe(false);
  });

  test('takes a call that is signed by an old key as well, while keys are being replaced', async () => {
    const body = JSON.stringify(grant('replaced', 'player-4713'));
    const at = Date.now();
    const [right, old] = [KEY, OLD_KEY].map((key) => webhookHeaders(key, 'replaced', at, body)['webhook-signature']!);
    const headers = { ...webhookHeaders(KEY, 'replaced', at, body), 'webhook-signature': `${old} ${right}` };
    expect(await call(body, headers)).toEqual(granted(true));
  });
});
