import { createHash } from 'node:crypto';
import { OPERATION_EXAMPLES, QUOTE_EXAMPLE } from '../../config/openapi/examples.ts';
import { OPERATIONS, tellsAge, WITH_QUOTE } from '../../config/openapi/operations.ts';
import { createPushIdentifier } from '../../lambdas/entitlements/identify-push.ts';
import { systemClock } from '../../lambdas/shared/clock.ts';
import { UnavailableError } from '../../lambdas/shared/errors.ts';
import { ApiError, API_ERRORS } from '../../lambdas/shared/partner-api/api-error.ts';
import { type IdentifyPartner, partnerIdentifier } from '../../lambdas/shared/partner-api/partners.ts';
import { createPartnerHandler, type PartnerAnswer, serve } from '../../lambdas/shared/partner-api/serve.ts';
import { PartnerApiSettings } from '../../lambdas/shared/settings-schema.ts';
import type { Telemetry } from '../../lambdas/shared/telemetry.ts';
import { WebhookKeys } from '../../lambdas/shared/webhooks/standard-webhooks.ts';
import type { ProxyHandler } from './proxy-event.ts';

/** By partner. */
export const PUSH_KEYS = { example: `whsec_${Buffer.from('the push key of the fuzz test...').toString('base64')}` };
export const CALLER = { roleId: 'AROAEXAMPLEROLE000000', apiKeyId: 'key-of-example' };

const settings = PartnerApiSettings.parse({
  partners: { example: { accountId: '000000000000', externalId: 'example', entitlements: { push: true } } },
});
const silent: Telemetry = { info() {}, warn() {}, error() {}, count() {}, seconds() {}, flush() {} };

/**
 * The functions with the real way in and out, and in the place of their work the examples of the document: each understood
 * request gets an example or, now and then, one of the errors that its route may have.
 *
 * @param lie replaces the answer of an operation
 * @param always gives the first example of the first answer, and no error
 */
export function exampleHandlers(
  lie: Readonly<Record<string, () => PartnerAnswer>> = {},
  { always = false } = {},
): Map<string, ProxyHandler> {
  const names = new Set(OPERATIONS.map(({ handler }) => handler));
  return new Map(
    [...names].map((name) => [
      name,
      createPartnerHandler({
        routes: OPERATIONS.filter(({ handler }) => handler === name).map(({ route }) =>
          serve(route, async (request) => {
            const lied = lie[route.operationId];
            if (lied !== undefined) return lied();
            const dice = always
              ? Buffer.alloc(4)
              : createHash('sha256')
                  .update(JSON.stringify([request.path, request.query, request.body]))
                  .digest();
            // Who has been let in is not sent away for the signature.
            const errors = route.errors.filter((error) => error !== 'PUSH_SIGNATURE_REFUSED');
            const code = always ? undefined : errors[dice.readUInt8(0) % 32];
            if (code === 'UPSTREAM_UNAVAILABLE') throw new UnavailableError('ServerError', 'an upstream that fails');
            if (code !== undefined) {
              const beside = WITH_QUOTE.includes(code) ? { quote: QUOTE_EXAMPLE } : {};
              throw new ApiError(code, undefined, API_ERRORS[code].status === 429 ? 7 : undefined, beside);
            }
            const answers = Object.keys(route.answers).map(Number);
            const status = answers[dice.readUInt8(1) % answers.length]!;
            const bodies = Object.values(OPERATION_EXAMPLES[route.operationId]!.answers[status] ?? {});
            const waits = route.errors.some((error) => error.startsWith('UPSTREAM'));
            return {
              status,
              ...(bodies.length > 0 && { body: bodies[dice.readUInt8(2) % bodies.length] }),
              ...(tellsAge(route) && { headers: { Age: String(dice.readUInt8(3) % 60) } }),
              ...(waits && { upstreamMs: dice.readUInt8(3) / 3 }),
            };
          }),
        ),
        identify: identifyFor(name),
        telemetry: silent,
        clock: systemClock,
      }),
    ]),
  );
}

const byRole = partnerIdentifier(`example=${CALLER.roleId}/${CALLER.apiKeyId}`, settings);

const bySignature = createPushIdentifier({
  telemetry: { count: () => undefined },
  settings,
  secretOf: async ({ name }) => ({ pushKey: WebhookKeys.parse(PUSH_KEYS[name as keyof typeof PUSH_KEYS]) }),
  clock: systemClock,
});

/** A function that partners call lets in by role and key, and one that Amazon calls by its signature. */
function identifyFor(name: string): IdentifyPartner {
  return OPERATIONS.some(({ handler, route }) => handler === name && route.capability === 'push')
    ? bySignature
    : byRole;
}
