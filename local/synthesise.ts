import { execFile } from 'node:child_process';
import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import { promisify } from 'node:util';

const PROJECT = resolve(import.meta.dirname, '..');

export interface SynthesisOptions {
  /** Replaces the base URL of the Offer Status API. @default the one of the settings */
  readonly offerStatusUrl?: string;
  /** Replaces the base URL of Product Pricing, in every region. @default the one of the settings */
  readonly pricingUrl?: string;
  /** Replaces the token endpoint of Product Pricing. @default the one of the settings */
  readonly tokenUrl?: string;
  /** Replaces the base URL of the API for offer codes. @default the one of the settings */
  readonly offerCodesUrl?: string;
  /** Replaces the base URL of Prime Gaming's endpoints. @default the one of the settings */
  readonly entitlementsUrl?: string;
  /** Replaces where Login with Amazon says whose a token is. @default the one of the settings */
  readonly profileUrl?: string;
  /** Replaces the GraphQL endpoint of Buy with Prime. @default the one of the settings */
  readonly buyWithPrimeUrl?: string;
  /** Replaces the token endpoint of Buy with Prime. @default the one of the settings */
  readonly buyWithPrimeTokenUrl?: string;
  /** Folder of the stage files. @default the project's `config/` */
  readonly config?: string;
}

/**
 * Synthesises a stage with the very CDK that deploys it.
 *
 * @throws Error with what the CDK printed
 */
export async function synthesise(stage: string, output: string, options: SynthesisOptions = {}): Promise<void> {
  const cdk = createRequire(import.meta.url).resolve('aws-cdk/bin/cdk');
  const context = {
    stage,
    ...(options.offerStatusUrl !== undefined && { 'offerStatus.baseUrl': options.offerStatusUrl }),
    ...(options.pricingUrl !== undefined && { 'pricing.baseUrl': options.pricingUrl }),
    ...(options.tokenUrl !== undefined && { 'pricing.tokenUrl': options.tokenUrl }),
    ...(options.offerCodesUrl !== undefined && { 'offerCodes.baseUrl': options.offerCodesUrl }),
    ...(options.entitlementsUrl !== undefined && { 'entitlements.baseUrl': options.entitlementsUrl }),
    ...(options.profileUrl !== undefined && { 'entitlements.profileUrl': options.profileUrl }),
    ...(options.buyWithPrimeUrl !== undefined && { 'buyWithPrime.graphqlUrl': options.buyWithPrimeUrl }),
    ...(options.buyWithPrimeTokenUrl !== undefined && { 'buyWithPrime.tokenUrl': options.buyWithPrimeTokenUrl }),
    ...(options.config !== undefined && { config: resolve(options.config) }),
  };
  const settings = Object.entries(context).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  try {
    await promisify(execFile)(process.execPath, [cdk, 'synth', '--quiet', '--output', output, ...settings], {
      cwd: PROJECT,
      maxBuffer: 64 * 1024 * 1024,
    });
  } catch (error) {
    const { stderr, stdout } = error as { stderr?: string; stdout?: string };
    throw new Error(`The stack could not be synthesised.\n${(stderr ?? '') || (stdout ?? '') || String(error)}`, {
      cause: error,
    });
  }
}
