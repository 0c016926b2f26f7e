import { once } from 'node:events';
import { type IncomingMessage } from 'node:http';
import { request } from 'node:https';
import { json } from 'node:stream/consumers';
import { expect, it } from 'vitest';
import { startPricing } from './running-pricing.ts';

async function post(simulator: Awaited<ReturnType<typeof startPricing>>['simulator'], body: string) {
  const sent = request(simulator.tokenUrl, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    ca: simulator.pricingCredentials('shop').ca,
    agent: false,
  });
  sent.end(body);
  const [response] = (await once(sent, 'response')) as [IncomingMessage];
  return { status: response.statusCode, body: await json(response) };
}

it('gives a token for JSON too, which several libraries post in place of a form', async () => {
  const { simulator, price } = await startPricing();
  const { clientId, clientSecret, refreshToken } = simulator.pricingCredentials('shop');
  const fields = { grant_type: 'refresh_token', client_id: clientId, client_secret: clientSecret };
  const { status, body } = await post(simulator, JSON.stringify({ ...fields, refresh_token: refreshToken }));
  expect(status).toBe(200);
  const { access_token: token } = body as { access_token: string };
  expect((await price({ ItemType: 'Asin', Asins: 'B000000001' }, { token })).status).toBe(200);

  expect(await post(simulator, JSON.stringify({ ...fields, refresh_token: 7 }))).toMatchObject({
    status: 400,
    body: { error: 'invalid_request' },
  });
  for (const broken of ['{', 'null', '[]']) {
    expect(await post(simulator, broken)).toMatchObject({ status: 400, body: { error: 'invalid_request' } });
  }
});
