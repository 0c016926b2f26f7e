import { randomUUID } from 'node:crypto';
import { mkdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { parseArgs } from 'node:util';
import * as z from 'zod';
import { exampleCatalogue } from './catalogue.ts';
import { exampleClaims, exampleSkus } from './example-claims.ts';
import { exampleItems, EXAMPLE_MARKETPLACES } from './example-items.ts';
import { exampleOfferCodes, offerCodesByState } from './example-offer-codes.ts';
import { exampleProducts } from './example-products.ts';
import { MerchantCredentials } from './buy-with-prime/buy-with-prime-options.ts';
import { newMerchantCredentials } from './buy-with-prime/merchants.ts';
import { newSigningCredentials, type SigningCredentials } from './offer-codes/signing-keys.ts';
import { writeAtomically } from './pki.ts';
import { newCredentials, type SellingCredentials } from './pricing/selling-accounts.ts';
import { startSimulator, type BenefitOptions } from './simulator.ts';

const ACCOUNT = 'example';
const [US, CA, DE] = EXAMPLE_MARKETPLACES;
/** One selling account in each of two regions. */
const SELLING_ACCOUNTS = [
  { name: 'example-na', sellerId: 'A1EXAMPLENA001', marketplaces: [US, CA] },
  { name: 'example-eu', sellerId: 'A1EXAMPLEEU001', marketplaces: [DE] },
] as const;
const BENEFITS: readonly BenefitOptions[] = [
  { id: 'EXAMPLE_BENEFIT', marketplace: 'US', use: 'single' },
  { id: 'EXAMPLE_BENEFIT_IN', marketplace: 'IN', use: 'multiple', usageLimit: 3 },
];

const PLAYER = 'example-player';
const SHOP = 'example';

const HELP = `Runs the simulated Prime Video Offer Status, Product Pricing, Offer Code, Prime Gaming and Buy with Prime APIs on this
machine.

Usage: node local/upstreams/main.ts [options]

  --seed <n>           the same seed gives the same titles, items and lives (default 1)
  --dialect <name>     document, or mixed: every spelling that clients must tolerate (default document)
  --latency <ms>       median latency of an answer, log-normal (default none)
  --control-port <n>   port of the control endpoint (default: a free one)
  --pki-dir <path>     where certificates, keys and credentials are kept (default .local/upstreams)

Offer Status:
  --titles <n>         how many example titles (default 200)
  --tempo <n>          mean changes per minute over all titles, 0 freezes them (default 0.15 per title)
  --rate <n>           requests per second (default 10)
  --burst <n>          (default 5)
  --port <n>           port of the API (default: a free one)

Product Pricing:
  --price-items <n>    how many example items, over three marketplaces (default 120)
  --price-tempo <n>    mean changes per minute over all items, 0 freezes them (default 0.15 per item)
  --rate-profile <n>   today, or document: Amazon's rates of today or of its document (default today)
  --rate-header <n>    always, never or sometimes: whether answers tell the rate (default always)
  --token-life <s>     seconds that an access token lives (default 3600)
  --price-port <n>     port of the API and its token endpoint (default: a free one)

Offer Code:
  --offer-codes <n>    how many example codes in each state of each benefit (default 12)
  --offer-codes-port <n>
                       port of the API (default: a free one)

Prime Gaming:
  --claims <n>         how many offers the example player has claimed (default 3)
  --entitlements-port <n>
                       port of both endpoints and of Login with Amazon's profile (default: a free one)

Buy with Prime:
  --offer-life <s>     seconds for which an offer can be ordered (default 900)
  --buy-with-prime-port <n>
                       port of the GraphQL API and its token endpoint (default: a free one)

  --help               this text

Stops on Ctrl-C. Exit codes: 0 stopped, 1 could not start, 2 wrong usage.
`;

class UsageError extends Error {
  override readonly name = 'UsageError';
}

function readArguments(argv: string[]) {
  const text = { type: 'string' } as const;
  let values;
  try {
    ({ values } = parseArgs({
      args: argv,
      options: {
        seed: text,
        titles: text,
        tempo: text,
        dialect: text,
        rate: text,
        burst: text,
        latency: text,
        port: text,
        'control-port': text,
        'pki-dir': text,
        'price-items': text,
        'price-tempo': text,
        'price-port': text,
        'rate-profile': text,
        'rate-header': text,
        'token-life': text,
        'offer-codes': text,
        'offer-codes-port': text,
        claims: text,
        'entitlements-port': text,
        'offer-life': text,
        'buy-with-prime-port': text,
        help: { type: 'boolean' },
      },
    }));
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
  return {
    help: values.help === true,
    seed: readNumber('--seed', values.seed, { min: Number.MIN_SAFE_INTEGER, integer: true }) ?? 1,
    titles: readNumber('--titles', values.titles, { min: 0, max: 1_000_000, integer: true }) ?? 200,
    tempo: readNumber('--tempo', values.tempo, { min: 0 }),
    dialect: readChoice('--dialect', values.dialect, ['document', 'mixed']),
    rate: readNumber('--rate', values.rate, { min: 0.001 }) ?? 10,
    burst: readNumber('--burst', values.burst, { min: 1 }) ?? 5,
    latency: readNumber('--latency', values.latency, { min: 0 }),
    port: readNumber('--port', values.port, { min: 0, max: 65_535, integer: true }) ?? 0,
    controlPort: readNumber('--control-port', values['control-port'], { min: 0, max: 65_535, integer: true }) ?? 0,
    pkiDir: path.resolve(values['pki-dir'] ?? '.local/upstreams'),
    priceItems: readNumber('--price-items', values['price-items'], { min: 0, max: 1_000_000, integer: true }) ?? 120,
    priceTempo: readNumber('--price-tempo', values['price-tempo'], { min: 0 }),
    pricePort: readNumber('--price-port', values['price-port'], { min: 0, max: 65_535, integer: true }) ?? 0,
    rateProfile: readChoice('--rate-profile', values['rate-profile'], ['today', 'document']),
    rateHeader: readChoice('--rate-header', values['rate-header'], ['always', 'never', 'sometimes']),
    tokenLife: readNumber('--token-life', values['token-life'], { min: 1 }) ?? 3600,
    offerCodes: readNumber('--offer-codes', values['offer-codes'], { min: 0, max: 100_000, integer: true }) ?? 12,
    offerCodesPort:
      readNumber('--offer-codes-port', values['offer-codes-port'], { min: 0, max: 65_535, integer: true }) ?? 0,
    claims: readNumber('--claims', values.claims, { min: 0, max: 100_000, integer: true }) ?? 3,
    entitlementsPort:
      readNumber('--entitlements-port', values['entitlements-port'], { min: 0, max: 65_535, integer: true }) ?? 0,
    offerLife: readNumber('--offer-life', values['offer-life'], { min: 1 }) ?? 900,
    buyWithPrimePort:
      readNumber('--buy-with-prime-port', values['buy-with-prime-port'], { min: 0, max: 65_535, integer: true }) ?? 0,
  } as const;
}

/** The first choice is the default one. */
function readChoice<Choice extends string>(
  name: string,
  text: string | undefined,
  choices: readonly [Choice, ...Choice[]],
): Choice {
  if (text === undefined) return choices[0];
  const choice = choices.find((candidate) => candidate === text);
  if (choice === undefined) throw new UsageError(`${name} must be one of: ${choices.join(', ')}.`);
  return choice;
}

function readNumber(
  name: string,
  text: string | undefined,
  bounds: { min: number; max?: number; integer?: boolean },
): number | undefined {
  if (text === undefined) return undefined;
  const { min, max = Number.MAX_SAFE_INTEGER, integer = false } = bounds;
  const value = text.trim() === '' ? Number.NaN : Number(text);
  if (!(value >= min && value <= max) || (integer && !Number.isInteger(value))) {
    throw new UsageError(`${name} cannot be "${text}".`);
  }
  return value;
}

/** The key outlives the process, so that a client configured once stays configured. */
async function keepApiKey(file: string): Promise<string> {
  const found = await readFile(file, 'utf8').catch(() => '');
  if (found.trim() !== '') return found.trim();
  const made = randomUUID();
  await mkdir(path.dirname(file), { recursive: true, mode: 0o700 });
  await writeAtomically(file, made, 0o600);
  return made;
}

/** The same for what a selling account logs in with; beside it lies the form that asks for a token. */
async function keepCredentials(stem: string): Promise<SellingCredentials> {
  const found = await readFile(`${stem}.lwa.json`, 'utf8').catch(() => '');
  if (found !== '') return readCredentials(`${stem}.lwa.json`, found, Credentials);
  const made = newCredentials();
  await mkdir(path.dirname(stem), { recursive: true, mode: 0o700 });
  await writeAtomically(`${stem}.lwa.json`, JSON.stringify(made), 0o600);
  const form = new URLSearchParams({
    grant_type: 'refresh_token',
    refresh_token: made.refreshToken,
    client_id: made.clientId,
    client_secret: made.clientSecret,
  });
  await writeAtomically(`${stem}.lwa-form`, form.toString(), 0o600);
  return made;
}

/** The same for what requests about offer codes are signed with; beside it lies what curl takes with -K. */
async function keepSigningCredentials(stem: string): Promise<SigningCredentials> {
  const file = `${stem}.aws.json`;
  const found = await readFile(file, 'utf8').catch(() => '');
  if (found !== '') return readCredentials(file, found, SigningPair);
  const made = newSigningCredentials();
  await mkdir(path.dirname(stem), { recursive: true, mode: 0o700 });
  await writeAtomically(file, JSON.stringify(made), 0o600);
  await writeAtomically(`${stem}.curl`, `user = "${made.accessKeyId}:${made.secretAccessKey}"\n`, 0o600);
  return made;
}

/** The same for what a merchant's application shows; beside it lies the form that asks for a token. */
async function keepMerchantCredentials(stem: string): Promise<MerchantCredentials> {
  const file = `${stem}.buy-with-prime.json`;
  const found = await readFile(file, 'utf8').catch(() => '');
  if (found !== '') return readCredentials(file, found, MerchantCredentials);
  const made = newMerchantCredentials();
  await mkdir(path.dirname(stem), { recursive: true, mode: 0o700 });
  await writeAtomically(file, JSON.stringify(made), 0o600);
  const { clientId, clientSecret } = made;
  const form = { grant_type: 'client_credentials', client_id: clientId, client_secret: clientSecret };
  await writeAtomically(`${stem}.buy-with-prime-form`, new URLSearchParams(form).toString(), 0o600);
  return made;
}

function readCredentials<Read>(file: string, text: string, schema: z.ZodType<Read>): Read {
  const parsed = schema.safeParse(parseJson(text));
  if (!parsed.success) throw new Error(`${file} does not hold credentials; delete it to have new ones made.`);
  return parsed.data;
}

const Credentials = z.object({
  clientId: z.string().min(1),
  clientSecret: z.string().min(1),
  refreshToken: z.string().min(1),
});
const SigningPair = z.object({ accessKeyId: z.string().min(1), secretAccessKey: z.string().min(1) });

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

async function run(argv: string[]): Promise<void> {
  const options = readArguments(argv);
  if (options.help) {
    process.stdout.write(HELP);
    return;
  }
  const { seed, port, controlPort, pkiDir, tempo, dialect, rate, burst, latency } = options;
  const catalogue = exampleCatalogue(options.titles, seed);
  const client = path.join(pkiDir, 'clients', ACCOUNT);
  const apiKey = await keepApiKey(`${client}.api-key`);
  const items = exampleItems(options.priceItems, seed);
  const sellers = await Promise.all(
    SELLING_ACCOUNTS.map(async (account) => {
      const credentials = await keepCredentials(path.join(pkiDir, 'clients', account.name));
      return { ...account, credentials };
    }),
  );
  const signer = path.join(pkiDir, 'clients', 'offer-codes');
  const signingCredentials = await keepSigningCredentials(signer);
  const merchant = path.join(pkiDir, 'clients', SHOP);
  const merchantCredentials = await keepMerchantCredentials(merchant);
  const codes = exampleOfferCodes(BENEFITS, options.offerCodes, seed);
  const codesFile = path.join(pkiDir, 'offer-codes.json');
  const simulator = await startSimulator({
    pkiDir,
    seed,
    port,
    controlPort,
    offerStatus: {
      accounts: [{ name: ACCOUNT, apiKey, licensors: ['example-studios'], rate, burst }],
      titles: catalogue,
      dialect,
      ...(tempo !== undefined && { tempo }),
      ...(latency !== undefined && { latency: { medianMs: latency, sigma: 0.5 } }),
    },
    pricing: {
      accounts: sellers,
      items,
      profile: options.rateProfile,
      rateHeader: options.rateHeader,
      tokenLifeSeconds: options.tokenLife,
      port: options.pricePort,
      dialect,
      ...(options.priceTempo !== undefined && { tempo: options.priceTempo }),
      ...(latency !== undefined && { latency: { medianMs: latency, sigma: 0.5 } }),
    },
    offerCodes: {
      benefits: BENEFITS,
      codes: codes.map(({ state: _, ...code }) => code),
      credentials: signingCredentials,
      port: options.offerCodesPort,
      ...(latency !== undefined && { latency: { medianMs: latency, sigma: 0.5 } }),
    },
    entitlements: {
      claims: exampleClaims(PLAYER, exampleSkus(options.claims), seed),
      port: options.entitlementsPort,
      ...(latency !== undefined && { latency: { medianMs: latency, sigma: 0.5 } }),
    },
    buyWithPrime: {
      accounts: [{ account: SHOP, credentials: merchantCredentials }],
      products: exampleProducts([SHOP]),
      offerLifeSeconds: options.offerLife,
      port: options.buyWithPrimePort,
      dialect,
      ...(latency !== undefined && { latency: { medianMs: latency, sigma: 0.5 } }),
    },
    log: (line) => process.stdout.write(`${line}\n`),
  });
  // A header for curl with -K, so that the token is in no command line.
  const player = `${path.join(pkiDir, 'clients', PLAYER)}.curl`;
  const token = simulator.issueToken({ account: PLAYER });
  await writeAtomically(player, `header = "x-amz-access-token: ${token}"\n`, 0o600);
  await writeAtomically(codesFile, `${JSON.stringify(offerCodesByState(BENEFITS, codes), null, 2)}\n`, 0o644);
  const [first] = catalogue;
  const example = first && `/v1/avails/${first.licensor}/status/${encodeURIComponent(first.alid)}`;
  const authority = path.join(pkiDir, 'ca.pem');
  const seller = path.join(pkiDir, 'clients', SELLING_ACCOUNTS[0].name);
  const code = codes.find(({ state }) => state === 'valid');
  const item = items.find(({ marketplaceId }) => marketplaceId === US);
  process.stdout.write(
    [
      `Credentials: ${client}.pem, ${client}.key, ${client}.api-key; ` +
        `${SELLING_ACCOUNTS.map(({ name }) => path.join(pkiDir, 'clients', `${name}.lwa.json`)).join(', ')}; ` +
        `${signer}.aws.json; ${merchant}.buy-with-prime.json; ${player} (good for an hour); ` +
        `authority: ${authority}`,
      ...(example
        ? [
            `Try: curl --cert ${client}.pem --key ${client}.key --cacert ${authority} ` +
              `-H "x-api-key: $(cat ${client}.api-key)" '${simulator.offerStatusUrl}${example}'`,
          ]
        : []),
      ...(item
        ? [
            `Try: token=$(curl -s --cacert ${authority} -d @${seller}.lwa-form '${simulator.tokenUrl}' | jq -r .access_token)`,
            `     curl --cacert ${authority} -H "x-amz-access-token: $token" ` +
              `'${simulator.pricingUrl}/products/pricing/v0/items/${item.asin}/offers?MarketplaceId=${US}&ItemCondition=New'`,
          ]
        : []),
      ...(code
        ? [
            `Offer codes in each state: ${codesFile}`,
            `Try: curl --cacert ${authority} -K ${signer}.curl --aws-sigv4 aws:amz:us-east-1:execute-api -H 'x-amz-marketplace: US' ` +
              `'${simulator.offerCodesUrl}/v1/customer/benefit/${code.benefit}/offer-code/${encodeURIComponent(code.code)}/verify'`,
          ]
        : []),
      `Try: curl --cacert ${authority} -K ${player} '${simulator.entitlementsUrl}/api/entitlements'`,
      `Try: token=$(curl -s --cacert ${authority} -d @${merchant}.buy-with-prime-form '${simulator.buyWithPrime.tokenUrl}' | jq -r .access_token)`,
      `     curl --cacert ${authority} -H "Authorization: Bearer $token" -H 'x-api-version: 2024-11-01' ` +
        `-H 'x-api-target-id: ${merchantCredentials.targetId}' -H 'content-type: application/json' ` +
        `-d '{"query": "{ offers(input: {lineItems: [{product: {productId: \\"example-mug\\"}, amount: {value: 1}}]}) ` +
        `{ edges { node { id lineItems { deliveryOffer { deliveryOfferSummary { deliveryMessage { messageText } } } } } } } }"}' ` +
        `'${simulator.buyWithPrime.graphqlUrl}'`,
      'Stop with Ctrl-C.',
      '',
    ].join('\n'),
  );
  const stop = (): void => {
    void simulator.stop();
  };
  process.once('SIGINT', stop);
  process.once('SIGTERM', stop);
}

try {
  await run(process.argv.slice(2));
} catch (error) {
  const isUsage = error instanceof UsageError;
  const reason = error instanceof Error ? error.message : String(error);
  process.stderr.write(`${reason}\n${isUsage ? 'See --help.\n' : ''}`);
  process.exitCode = isUsage ? 2 : 1;
}
