import { once } from 'node:events';
import { Agent } from 'node:https';
import { connect } from 'node:net';
import { describe, expect, it } from 'vitest';
import { loadOrCreatePki } from '../../local/upstreams/pki.ts';
import { ACCOUNT, ALID, LICENSOR, start, temporaryDirectory, titlePath } from './running-simulator.ts';

const FORBIDDEN = { status: 403, json: { message: 'Forbidden' } };

describe('access to the Offer Status API', () => {
  it('is given to a client with a certificate and a key, over one kept connection', async () => {
    const { get } = await start();
    let connections = 0;
    class CountingAgent extends Agent {
      override createConnection(...args: Parameters<Agent['createConnection']>): ReturnType<Agent['createConnection']> {
        connections += 1;
        return super.createConnection(...args);
      }
    }
    const agent = new CountingAgent({ keepAlive: true, maxSockets: 1 });
    for (let index = 0; index < 5; index += 1) {
      expect((await get(titlePath(), { agent })).status).toBe(200);
    }
    expect(connections).toBe(1);
    agent.destroy();
  });

  it('fails in the TLS handshake without a certificate or with a foreign one', async () => {
    const { get, simulator } = await start();
    const foreign = (await loadOrCreatePki(await temporaryDirectory(), [ACCOUNT.name])).clients.get(ACCOUNT.name);
    if (!foreign) throw new Error('missing');
    for (const certificate of [null, foreign]) {
      const agent = new Agent();
      await expect(get(titlePath(), { certificate, agent })).rejects.toMatchObject({
        code: expect.stringMatching(/ECONNRESET|ERR_SSL|EPIPE/) as string,
      });
      agent.destroy();
    }
    expect(simulator.requests()).toMatchObject({ total: 0, tlsRejected: 2 });
  });

  it('is forbidden without a key, with a wrong one, and with the key of another certificate', async () => {
    const other = { ...ACCOUNT, name: 'other', apiKey: 'key-of-other' };
    const { get, simulator } = await start({ offerStatus: { accounts: [ACCOUNT, other] } });
    expect(await get(titlePath(), { headers: {} })).toMatchObject(FORBIDDEN);
    expect(await get(titlePath(), { headers: { 'x-api-key': 'no' } })).toMatchObject(FORBIDDEN);
    expect(await get(titlePath(), { headers: { 'x-api-key': other.apiKey } })).toMatchObject(FORBIDDEN);
    expect(await get(titlePath(), { account: 'other', agent: new Agent() })).toMatchObject({ status: 200 });
    expect(simulator.requests().accounts).toEqual({
      '(none)': { total: 3, byStatus: { 403: 3 } },
      other: { total: 1, byStatus: { 200: 1 } },
    });
  });

  it('is forbidden to the titles of a licensor that is not the key’s', async () => {
    const { get } = await start({ offerStatus: { titles: [{ licensor: 'somebody-else', alid: ALID }] } });
    const answer = await get(titlePath(ALID, 'somebody-else'));
    expect(answer).toMatchObject({ status: 403, json: { OfferStatuses: [], errors: expect.any(String) as string } });
  });

  it('is limited by each key’s own token bucket, at the moment a request arrives', async () => {
    const limited = { ...ACCOUNT, rate: 10, burst: 5 };
    const free = { ...limited, name: 'other', apiKey: 'key-of-other' };
    const { get, clock, simulator } = await start({ offerStatus: { accounts: [limited, free] } });
    const statuses = async (count: number, account = ACCOUNT.name): Promise<number[]> => {
      const agent = new Agent({ keepAlive: true });
      const answers: number[] = [];
      for (let index = 0; index < count; index += 1) answers.push((await get(titlePath(), { account, agent })).status);
      agent.destroy();
      return answers;
    };
    expect(await statuses(7)).toEqual([200, 200, 200, 200, 200, 429, 429]);
    expect(await statuses(1, 'other')).toEqual([200]);
    clock.pass(99);
    expect(await statuses(1)).toEqual([429]);
    clock.pass(1);
    expect(await statuses(2)).toEqual([200, 429]);
    expect((await get(titlePath())).json).toEqual({ message: 'Too Many Requests' });
    expect(simulator.requests().accounts[ACCOUNT.name]?.byStatus).toEqual({ 200: 6, 429: 5 });
  });

  it('has a rate of 10 per second and a burst of 5 unless an account says otherwise', async () => {
    const account = { name: ACCOUNT.name, apiKey: ACCOUNT.apiKey, licensors: [LICENSOR] };
    const { getTitle, clock } = await start({ offerStatus: { accounts: [account] } });
    const statuses = [];
    for (let index = 0; index < 6; index += 1) statuses.push((await getTitle()).status);
    clock.pass(100);
    statuses.push((await getTitle()).status, (await getTitle()).status);
    expect(statuses).toEqual([200, 200, 200, 200, 200, 429, 200, 429]);
  });

  it('does not keep a simulator from stopping while a handshake is unfinished', async () => {
    const { simulator } = await start();
    const socket = connect(Number(new URL(simulator.offerStatusUrl).port), '127.0.0.1');
    await once(socket, 'connect');
    const closed = once(socket, 'close');
    await simulator.stop();
    await closed;
  });

  it('refuses accounts that could not be told apart', async () => {
    const twin = { ...ACCOUNT, name: 'twin' };
    await expect(start({ offerStatus: { accounts: [ACCOUNT, ACCOUNT] } })).rejects.toThrow('Two accounts');
    await expect(start({ offerStatus: { accounts: [ACCOUNT, twin] } })).rejects.toThrow('same API key');
    await expect(start({ offerStatus: { accounts: [{ ...ACCOUNT, name: '../x' }] } })).rejects.toThrow('cannot be');
  });
});
