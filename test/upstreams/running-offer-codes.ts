import { sign, type Request } from 'aws4';
import { Agent, request } from 'node:https';
import { afterEach } from 'vitest';
import type {
  BenefitOptions,
  OfferCodesOptions,
  SigningCredentials,
  SimulatorOptions,
} from '../../local/upstreams/simulator.ts';
import { start, type Received, type Started } from './running-simulator.ts';

export const SINGLE = { id: 'FREE_MONTH', marketplace: 'US', use: 'single' } as const satisfies BenefitOptions;
export const MULTIPLE = {
  id: 'HALF_PRICE',
  marketplace: 'US',
  use: 'multiple',
  usageLimit: 3,
} as const satisfies BenefitOptions;
export const WEEKEND = {
  id: 'WEEKEND_DEAL',
  marketplace: 'US',
  use: 'multiple',
  activeWeekdays: ['Saturday', 'Sunday'],
} as const satisfies BenefitOptions;
export const INDIAN = { id: 'INDIAN_MONTH', marketplace: 'IN', use: 'single' } as const satisfies BenefitOptions;
export const CODE = '123456789';

export const SUCCESS = { status: 200, json: { message: 'SUCCESS' } };
export const INVALID = { status: 200, json: { message: 'INVALID_OFFER_CODE' } };
export const LIMIT = { status: 200, json: { message: 'FAILURE:DENIED:EXCEEDED_USAGE_LIMIT' } };
export const INACTIVE = { status: 200, json: { message: 'FAILURE:DENIED:DEAL_INACTIVE' } };

export interface Asking {
  benefit?: string;
  /** @default CODE */
  code?: string;
  /** The code's segment of the path as it goes out, in place of the encoded code. */
  segment?: string;
  /** The whole target, in place of everything above. */
  path?: string;
  method?: string;
  /** Signed ones; undefined leaves out what would be sent. */
  headers?: Record<string, string | undefined>;
  /** Sent and not signed. */
  unsigned?: Record<string, string>;
  body?: string;
  /** What the signature is about, where it differs from what is right. */
  signing?: { credentials?: SigningCredentials; region?: string; service?: string };
  /** Changes what has been signed. */
  tamper?: (request: Signed) => void;
}

export interface Signed {
  method: string;
  path: string;
  headers: Record<string, string>;
  body: string | undefined;
}

export interface StartedOfferCodes extends Started {
  verify(asking?: Asking): Promise<Received>;
  redeem(asking?: Asking): Promise<Received>;
}

const agents: Agent[] = [];
afterEach(() => {
  for (const agent of agents.splice(0)) agent.destroy();
});

/** A simulator with four benefits that have one valid code each, and a client of which `aws4` makes the signatures. */
export async function startOfferCodes(
  options: Partial<OfferCodesOptions> = {},
  simulatorOptions: Partial<Omit<SimulatorOptions, 'offerStatus' | 'offerCodes'>> = {},
): Promise<StartedOfferCodes> {
  const benefits = [SINGLE, MULTIPLE, WEEKEND, INDIAN];
  const started = await start({
    ...simulatorOptions,
    offerCodes: { benefits, codes: benefits.map(({ id }) => ({ benefit: id, code: CODE })), ...options },
  });
  const { simulator, clock } = started;
  const agent = new Agent({ keepAlive: true });
  agents.push(agent);

  const ask = async (operation: 'verify' | 'redeem', asking: Asking): Promise<Received> => {
    const {
      benefit = SINGLE.id,
      code = CODE,
      segment = encodeURIComponent(code),
      signing = {},
      unsigned = {},
    } = asking;
    const {
      path = `/v1/customer/benefit/${encodeURIComponent(benefit)}/offer-code/${segment}/${operation}`,
      method = operation === 'verify' ? 'GET' : 'POST',
    } = asking;
    const isIndian = benefit === INDIAN.id;
    const headers = {
      Host: `127.0.0.1:${new URL(simulator.offerCodesUrl).port}`,
      'X-Amz-Date': amazonDate(clock.now()),
      'x-amz-marketplace': isIndian ? 'IN' : 'US',
      ...asking.headers,
    };
    const wanted: Request = {
      method,
      path,
      service: signing.service ?? 'execute-api',
      region: signing.region ?? (isIndian ? 'eu-west-1' : 'us-east-1'),
      headers: Object.fromEntries(Object.entries(headers).filter(([, value]) => value !== undefined)),
      ...(asking.body !== undefined && { body: asking.body }),
    };
    const made = sign(wanted, { ...(signing.credentials ?? simulator.offerCodeCredentials()) });
    const signed: Signed = {
      method,
      path: made.path ?? path,
      headers: { ...(made.headers as Record<string, string>), ...unsigned },
      body: asking.body,
    };
    asking.tamper?.(signed);
    return await send(signed);
  };

  const send = async ({ method, path, headers, body }: Signed): Promise<Received> =>
    await new Promise((resolve, reject) => {
      const { ca } = simulator.offerCodeCredentials();
      const { port } = new URL(simulator.offerCodesUrl);
      // No URL parser comes between: the path goes out as it is.
      const sent = request({
        host: '127.0.0.1',
        port,
        path,
        method,
        headers,
        agent,
        ca,
      });
      sent.on('error', reject);
      sent.on('response', (response) => {
        const chunks: Buffer[] = [];
        response.on('error', reject);
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () => {
          const text = Buffer.concat(chunks).toString('utf8');
          resolve({ status: response.statusCode ?? 0, headers: response.headers, text, json: parse(text) });
        });
      });
      sent.end(body);
    });

  return { ...started, verify: (asking = {}) => ask('verify', asking), redeem: (asking = {}) => ask('redeem', asking) };
}

/** As `x-amz-date` has it. */
export function amazonDate(at: number): string {
  return new Date(at).toISOString().replaceAll(/[:-]|\.\d{3}/g, '');
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
