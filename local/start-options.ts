import { resolve } from 'node:path';
import { parseOptions, wholeNumber } from './command-line.ts';

export const HELP = `Runs the whole stack on this machine: no AWS account, no Docker, no Java.

Usage: npm start -- [options]

  --fresh          start over: forget tables, queues, events, and what is simulated
  --seed <n>       seed of what is simulated: titles, items, offer codes, claims, and their lives (default 1)
  --port <n>       port of the simulated Offer Status API; the control endpoint takes the next one, and the simulated
                   Product Pricing, Offer Codes, the stack's partner API, the simulated Prime Gaming and Buy with Prime
                   those after it (default: free ports)
  --data <folder>  where everything is kept (default .local)
  --quiet          print no events
  --help           this text

Environment
  OFFER_RELAY_OFFER_STATUS_URL  another Offer Status API in place of the simulated one
  OFFER_RELAY_PRICING_URL       another Product Pricing API in place of the simulated one
  OFFER_RELAY_TOKEN_URL         where its access tokens come from (default: Login with Amazon)
  OFFER_RELAY_OFFER_CODES_URL   another API for offer codes in place of the simulated one
  OFFER_RELAY_ENTITLEMENTS_URL  another Prime Gaming in place of the simulated one
  OFFER_RELAY_PROFILE_URL       where it is said whose a player's token is (default: Login with Amazon)
  OFFER_RELAY_BUY_WITH_PRIME_URL
                                another GraphQL endpoint in place of the simulated Buy with Prime
  OFFER_RELAY_BUY_WITH_PRIME_TOKEN_URL
                                where its access tokens come from (default: Amazon's own)
  OFFER_RELAY_SECRETS_FILE      their credentials: a JSON file {"<secret name>": {…}}, with cert, key and apiKey for Offer
                                Status, clientId, clientSecret and refreshToken for Product Pricing, and clientId,
                                clientSecret and targetId for Buy with Prime
  OFFER_RELAY_DYNAMODB_URL      another DynamoDB endpoint in place of the engine that comes along
  NO_COLOR                      print without colour

Ctrl-C stops everything; the next start goes on where this one ended.
Exit codes: 0 stopped, 1 could not start or failed, 2 wrong usage.
`;

export interface StartOptions {
  readonly help: boolean;
  readonly fresh: boolean;
  readonly quiet: boolean;
  readonly seed: number;
  readonly port: number;
  readonly data: string;
}

/** @throws UsageError which says what is allowed */
export function readStartOptions(argv: readonly string[]): StartOptions {
  const values = parseOptions(argv, {
    help: { type: 'boolean' },
    fresh: { type: 'boolean' },
    quiet: { type: 'boolean' },
    seed: { type: 'string' },
    port: { type: 'string' },
    data: { type: 'string' },
  });
  return {
    help: values.help ?? false,
    fresh: values.fresh ?? false,
    quiet: values.quiet ?? false,
    seed: wholeNumber('--seed', values.seed ?? '1', 0),
    port: wholeNumber('--port', values.port ?? '0', 0, 65_529),
    data: resolve(values.data ?? '.local'),
  };
}
