import { readFileSync, rmSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { keepPartnersFile, partnerAccess, type PartnerDoors } from '../../local/partners-file.ts';
import { PartnerApiSettings } from '../../lambdas/shared/settings-schema.ts';
import { scratchFolder } from '../lib/scratch-folder.ts';

const settings = PartnerApiSettings.parse({
  partners: {
    shop: { accountId: '111122223333', externalId: 'of-shop' },
    'shop-2': { accountId: '444455556666', externalId: 'of-shop-2' },
  },
});
const arnOf = (name: string) => `arn:aws:iam::000000000000:role/${name}`;

/** A cloud that knows two partners, and gives out other credentials each time. */
function fakeCloud() {
  let sessions = 0;
  const assumed: unknown[] = [];
  const cloud: PartnerDoors = {
    region: 'us-east-1',
    restApis: new Map([['Api', { url: 'http://127.0.0.1:1/local' }]]),
    resources: new Map(
      ['shop-2', 'shop'].map((name) => [
        `Role-${name}`,
        { arn: arnOf(name), constructPath: `Stack/PartnerApi/Partner-${name}/Role/Resource` },
      ]),
    ),
    apiKeyValue: (path) => `value of ${path}`,
    assumeRole(role, options) {
      assumed.push([role, options]);
      sessions += 1;
      return {
        accessKeyId: `ASIA${sessions}`,
        secretAccessKey: `secret ${sessions}`,
        sessionToken: `token ${sessions}`,
        expiration: new Date(),
      };
    },
  };
  return { cloud, assumed };
}

describe('what partners need on this machine', () => {
  test('is the address, the key and a session of each one’s own role', () => {
    const { cloud, assumed } = fakeCloud();
    expect(partnerAccess(cloud, settings)).toEqual({
      shop: {
        url: 'http://127.0.0.1:1/local',
        region: 'us-east-1',
        roleArn: arnOf('shop'),
        externalId: 'of-shop',
        apiKey: 'value of Partner-shop/ApiKey',
        credentials: { accessKeyId: 'ASIA1', secretAccessKey: 'secret 1', sessionToken: 'token 1' },
      },
      'shop-2': {
        url: 'http://127.0.0.1:1/local',
        region: 'us-east-1',
        roleArn: arnOf('shop-2'),
        externalId: 'of-shop-2',
        apiKey: 'value of Partner-shop-2/ApiKey',
        credentials: { accessKeyId: 'ASIA2', secretAccessKey: 'secret 2', sessionToken: 'token 2' },
      },
    });
    expect(assumed).toEqual([
      [arnOf('shop'), { accountId: '111122223333', externalId: 'of-shop', sessionName: 'shop' }],
      [arnOf('shop-2'), { accountId: '444455556666', externalId: 'of-shop-2', sessionName: 'shop-2' }],
    ]);
  });

  test('is nothing where there are no partners, and so no API', () => {
    expect(partnerAccess({ ...fakeCloud().cloud, restApis: new Map() }, { partners: {} })).toEqual({});
  });

  test('is a player and a shopper as well, with their tokens, where a partner has one', () => {
    const player = { playerId: 'player-1', token: 'of the player' };
    const shopper = { externalId: 'checkout-1', token: 'of the shopper' };
    const access = partnerAccess(fakeCloud().cloud, settings, (partner) =>
      partner === 'shop' ? { player } : { shopper, player: undefined },
    );
    expect(access['shop']?.player).toEqual(player);
    expect(access['shop']).not.toHaveProperty('shopper');
    expect(access['shop-2']?.shopper).toEqual(shopper);
    expect(access['shop-2']).not.toHaveProperty('player');
  });

  test('names what the template lacks', () => {
    const { cloud } = fakeCloud();
    expect(() => partnerAccess({ ...cloud, restApis: new Map() }, settings)).toThrow(
      'no REST API for the partner shop',
    );
    expect(() => partnerAccess({ ...cloud, resources: new Map() }, settings)).toThrow('no role for the partner shop');
  });
});

describe('the file of partners', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  const keyIdIn = (file: string) =>
    (JSON.parse(readFileSync(file, 'utf8')) as ReturnType<typeof partnerAccess>)['shop']?.credentials.accessKeyId;

  test('is for its owner only, and renewed before an hour is over until it is ended', () => {
    const file = join(scratchFolder(), 'partners.json');
    const end = keepPartnersFile(file, fakeCloud().cloud, settings, expect.unreachable);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(keyIdIn(file)).toBe('ASIA1');

    vi.advanceTimersByTime(59 * 60_000);
    expect(keyIdIn(file)).toBe('ASIA3');
    expect(statSync(file).mode & 0o777).toBe(0o600);

    end();
    vi.advanceTimersByTime(120 * 60_000);
    expect(keyIdIn(file)).toBe('ASIA3');
  });

  test('has another token of the player each time that it is renewed', () => {
    const file = join(scratchFolder(), 'partners.json');
    const tokenIn = () =>
      (JSON.parse(readFileSync(file, 'utf8')) as ReturnType<typeof partnerAccess>)['shop-2']?.player?.token;
    let issued = 0;
    const servedBy = (partner: string) =>
      partner === 'shop-2' ? { player: { playerId: 'player-1', token: `token ${(issued += 1)}` } } : {};
    const end = keepPartnersFile(file, fakeCloud().cloud, settings, expect.unreachable, servedBy);
    expect(tokenIn()).toBe('token 1');
    vi.advanceTimersByTime(59 * 60_000);
    expect(tokenIn()).toBe('token 2');
    end();
  });

  test('tells of a renewal that fails, and tries again', () => {
    const file = join(scratchFolder(), 'partners.json');
    const troubles: string[] = [];
    const end = keepPartnersFile(file, fakeCloud().cloud, settings, (text) => troubles.push(text));
    rmSync(dirname(file), { recursive: true });

    vi.advanceTimersByTime(59 * 60_000);
    expect(troubles).toEqual([expect.stringContaining('could not be renewed: ENOENT')]);
    end();
  });
});
