import { describe, expect, it } from 'vitest';
import {
  CODE,
  INDIAN,
  MULTIPLE,
  SINGLE,
  SUCCESS,
  amazonDate,
  startOfferCodes,
  type Asking,
  type Signed,
  type StartedOfferCodes,
} from './running-offer-codes.ts';

const ROLE = {
  accessKeyId: 'ASIAFUNCTIONROLE',
  secretAccessKey: 'secret-of-the-role',
  sessionToken: 'session-of-the-role',
};
const MINUTE_MS = 60_000;

async function refusedWith(started: StartedOfferCodes, asking: Asking): Promise<string> {
  const answer = await started.redeem(asking);
  expect(answer.status).toBe(403);
  expect(answer.json).toEqual({ error: { code: 'InvalidSignature', message: expect.any(String) } });
  expect(started.simulator.offerCodeTruth(SINGLE.id, CODE).redemptions).toEqual([]);
  return (answer.json as { error: { message: string } }).error.message;
}

describe('the signature of a request about an offer code', () => {
  it('is asked for first of all', async () => {
    const { verify, redeem } = await startOfferCodes();
    const without = ({ headers }: Signed) => delete headers['Authorization'];
    for (const answer of [
      await verify({ tamper: without }),
      await redeem({ tamper: without }),
      await verify({ tamper: without, headers: { 'x-amz-marketplace': undefined } }),
    ]) {
      expect(answer).toMatchObject({
        status: 403,
        json: { error: { code: 'MissingAuthenticationToken', message: 'Request is missing Authentication Token' } },
      });
    }
  });

  it('is for the region of its marketplace', async () => {
    const started = await startOfferCodes();
    expect(await started.verify()).toMatchObject(SUCCESS);
    expect(await started.verify({ benefit: INDIAN.id })).toMatchObject(SUCCESS);
    expect(await refusedWith(started, { signing: { region: 'eu-west-1' } })).toContain('us-east-1/execute-api');
    const other = { benefit: INDIAN.id, signing: { region: 'us-east-1' } };
    expect(await refusedWith(started, other)).toContain('eu-west-1/execute-api');
  });

  it('is for the region that the options name', async () => {
    const started = await startOfferCodes({ regions: { US: 'us-west-2', IN: 'ap-south-1' } });
    expect(await started.verify({ signing: { region: 'us-west-2' } })).toMatchObject(SUCCESS);
    expect(await refusedWith(started, {})).toContain('us-west-2/execute-api');
  });

  it.each<[string, Asking, RegExp]>([
    ['another service', { signing: { service: 'lambda' } }, /scoped to us-east-1\/execute-api, not to .*lambda/],
    ['a path that was altered', { tamper: (made) => (made.path = made.path.replace(CODE, '987654321')) }, /does not match/],
    ['a query that was added', { tamper: (made) => (made.path += '?force=true') }, /does not match/],
    ['another method', { method: 'GET', tamper: (made) => (made.method = 'POST') }, /does not match/],
    ['a body that was added', { tamper: (made) => (made.body = '{}') }, /does not match/],
    ['a header that was altered', { headers: { 'x-amz-time-zone': 'UTC' }, tamper: ({ headers }) => (headers['x-amz-time-zone'] = 'Asia/Kolkata') }, /does not match/],
    ['a marketplace that was not signed', { headers: { 'x-amz-marketplace': undefined }, unsigned: { 'x-amz-marketplace': 'US' } }, /'x-amz-marketplace' must be/],
    ['a time zone that was not signed', { unsigned: { 'x-amz-time-zone': 'UTC' } }, /'x-amz-time-zone' must be/],
    ['a time of redemption that was not signed', { unsigned: { 'x-amz-offer-code-redemption-time': '20260501T0000Z' } }, /'x-amz-offer-code-redemption-time' must be/],
    ['a header that is no such one', { tamper: ({ headers }) => (headers['Authorization'] = 'Bearer token') }, /requires 'Credential'/],
    ['a date that is not that of the scope', { tamper: ({ headers }) => (headers['X-Amz-Date'] = '20260430T235959Z') }, /Date in Credential scope/],
  ])('is invalid: %s', async (_, asking, message) => {
    expect(await refusedWith(await startOfferCodes(), asking)).toMatch(message);
  }); // prettier-ignore

  it('is invalid with another secret, and with a key that nobody has', async () => {
    const started = await startOfferCodes();
    const { accessKeyId, secretAccessKey } = started.simulator.offerCodeCredentials();
    const credentials = (changed: object) => ({
      signing: { credentials: { accessKeyId, secretAccessKey, ...changed } },
    });
    expect(await refusedWith(started, credentials({ secretAccessKey: 'guessed' }))).toContain('does not match');
    expect(await refusedWith(started, credentials({ accessKeyId: 'AKIANOBODY' }))).toContain('token included');
    expect(await refusedWith(started, credentials({ sessionToken: 'invented' }))).toContain('token included');
    expect(await started.redeem(credentials({}))).toMatchObject(SUCCESS);
  });

  it('expires after five minutes, and is not good before its time', async () => {
    const started = await startOfferCodes();
    const { clock, redeem } = started;
    const signedAt = (at: number) => ({ headers: { 'X-Amz-Date': amazonDate(at) } });
    const now = clock.now() + 12 * 60 * MINUTE_MS;
    clock.pass(12 * 60 * MINUTE_MS);
    expect(await refusedWith(started, signedAt(now - 5 * MINUTE_MS - 1000))).toContain('expired');
    expect(await refusedWith(started, signedAt(now + 5 * MINUTE_MS + 1000))).toContain('not yet valid');
    expect(await redeem({ benefit: MULTIPLE.id, ...signedAt(now - 5 * MINUTE_MS) })).toMatchObject(SUCCESS);
    expect(await redeem({ benefit: MULTIPLE.id, ...signedAt(now + 5 * MINUTE_MS) })).toMatchObject(SUCCESS);
  });

  it('need not cover the request’s own identifier, and may', async () => {
    const { verify } = await startOfferCodes();
    expect(await verify({ unsigned: { 'x-amz-request-id': '1234' } })).toMatchObject(SUCCESS);
    expect(await verify({ headers: { 'x-amz-request-id': '1234' } })).toMatchObject(SUCCESS);
  });

  it('covers a body where there is one', async () => {
    const { redeem } = await startOfferCodes();
    expect(await redeem({ body: '{"note": "of no meaning"}' })).toMatchObject(SUCCESS);
  });

  it('may be that of a role, as soon and as long as somebody vouches for it', async () => {
    const started = await startOfferCodes();
    const asking = { benefit: MULTIPLE.id, signing: { credentials: ROLE } };
    expect(await refusedWith(started, asking)).toContain('token included');
    started.simulator.onSigningKey((id) => (id === ROLE.accessKeyId ? ROLE : undefined));
    expect(await started.redeem(asking)).toMatchObject(SUCCESS);
    expect(await started.redeem()).toMatchObject(SUCCESS);
    started.simulator.onSigningKey(() => undefined);
    expect(await started.redeem(asking)).toMatchObject({ status: 403 });
  });

  it('may be that of a role from the start, and needs its very session', async () => {
    const started = await startOfferCodes({ signingKey: (id) => (id === ROLE.accessKeyId ? ROLE : undefined) });
    const { sessionToken: _, ...lasting } = ROLE;
    for (const credentials of [lasting, { ...ROLE, sessionToken: 'an-earlier-one' }]) {
      expect(await refusedWith(started, { signing: { credentials } })).toContain('token included');
    }
    expect(await started.redeem({ signing: { credentials: ROLE } })).toMatchObject(SUCCESS);
  });

  it('may be made with credentials that the options give', async () => {
    const credentials = { accessKeyId: 'AKIAKEPT', secretAccessKey: 'kept' };
    const { simulator, verify } = await startOfferCodes({ credentials });
    expect(simulator.offerCodeCredentials()).toMatchObject(credentials);
    expect(await verify({ signing: { credentials } })).toMatchObject(SUCCESS);
  });
});
