import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as z from 'zod';
import { type Partner, RuntimeSettings } from '../lambdas/shared/settings-schema.ts';
import {
  buyWithPrimeSecretName,
  entitlementsSecretName,
  offerStatusSecretName,
  pricingSecretName,
} from '../lambdas/shared/settings.ts';
import { checkAcrossFields } from './cross-checks.ts';
import { describeIssues, nearest, type Override, SettingsError } from './problems.ts';
import { upToNineMinutes, upToSixtyMinutes } from './schedules.ts';

/** Retention periods that CloudWatch Logs offers, in days. */
const LOG_RETENTION_DAYS = [
  1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653,
] as const;

const memorySize = z.number().int().min(128).max(10_240);

/** The part of `config/<stage>.json` that decides what is deployed. */
export const DeploySettings = z.strictObject({
  removalPolicy: z
    .enum(['retain', 'destroy'])
    .default('retain')
    .describe('What happens to tables, queues, logs and the bus with its archive when the stack is deleted.'),
  logRetentionDays: z.literal(LOG_RETENTION_DAYS).default(30).describe('How long the log groups keep their events.'),
  schedules: z
    .strictObject({
      plan: upToNineMinutes
        .default('rate(1 minute)')
        .describe('How often checks are planned: rate(1 minute) to rate(9 minutes), and before the backlog ends.'),
      reconcile: upToSixtyMinutes
        .default('rate(5 minutes)')
        .describe('How often unpublished changes are looked for: rate(1 minute) to rate(60 minutes).'),
      sweep: upToSixtyMinutes
        .default('rate(5 minutes)')
        .describe('How often entitlements are looked for that were left behind: rate(1 minute) to rate(60 minutes).'),
    })
    .prefault({}),
  bus: z
    .strictObject({
      archiveDays: z.number().int().min(1).max(3650).default(30).describe('How long events can be replayed.'),
      subscriberAccounts: z
        .array(z.string().regex(/^\d{12}$/, { error: 'expected the 12 digits of an AWS account' }))
        .default([])
        .describe('AWS accounts that may manage rules of their own on the bus, each once.'),
    })
    .prefault({}),
  workers: z
    .strictObject({
      maximumConcurrency: z
        .number()
        .int()
        .min(2)
        .max(1000)
        .default(10)
        .describe('Buckets of one API that are worked on at the same time; at least as many as there are.'),
      titleMemorySize: memorySize.default(512).describe('Memory of the workers that ask about titles, MiB.'),
      priceMemorySize: memorySize
        .default(128)
        .describe(
          'Memory of the workers that ask about prices, MiB. They mostly wait; rates from 5 per second up may want more.',
        ),
    })
    .prefault({}),
  gateway: z
    .strictObject({
      domain: z
        .strictObject({
          name: z.string().regex(/^(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,}$/, {
            error: 'expected a domain name such as offers.example.com',
          }),
          certificateArn: z.string().regex(/^arn:aws[a-z-]*:acm:[a-z0-9-]+:\d{12}:certificate\/[a-f0-9-]+$/, {
            error: 'expected the ARN of a certificate of ACM in the region of the stack',
          }),
        })
        .optional()
        .describe('Domain of your own for the partner API. The stack prints where its DNS record has to lead.'),
      webAclArn: z
        .string()
        .regex(/^arn:aws[a-z-]*:wafv2:[a-z0-9-]+:\d{12}:regional\/webacl\/[\w-]+\/[a-f0-9-]+$/, {
          error: 'expected the ARN of a regional web ACL of AWS WAF',
        })
        .optional()
        .describe('Web ACL of AWS WAF that stands before the partner API. Default: none.'),
      accessLogRole: z
        .boolean()
        .default(true)
        .describe(
          'Make the role through which API Gateway writes access logs, for the whole account and region. False where there is one.',
        ),
    })
    .prefault({}),
  alarms: z
    .strictObject({
      notificationTopicArn: z
        .string()
        .regex(/^arn:aws[a-z-]*:sns:[a-z0-9-]+:\d{12}:[A-Za-z0-9_-]{1,256}$/, {
          error: 'expected the ARN of an SNS topic',
        })
        .optional()
        .describe('SNS topic that hears of every alarm.'),
    })
    .prefault({}),
});
export type DeploySettings = z.infer<typeof DeploySettings>;

// These are of zod/mini, which has no messages of its own: importing classic zod sets the English ones for both.
const { stage: _stage, ...stagelessRuntimeSettings } = RuntimeSettings.shape;

/** Shape of `config/<stage>.json`: what is deployed and what the functions read. The stage is the file's name. */
export const SettingsFile = z.strictObject({
  $schema: z.string().optional().describe('Path of the JSON Schema, for the editor.'),
  ...DeploySettings.shape,
  ...stagelessRuntimeSettings,
});

/** Everything the stack needs to know about a stage. */
export interface Settings extends DeploySettings {
  readonly stage: string;
  /** Ships as `settings.json` in the asset of each function. */
  readonly runtime: RuntimeSettings;
}

export interface LoadSettingsOptions {
  /**
   * Folder of the stage files.
   *
   * @default - the folder of this module
   */
  readonly directory?: string;
  /**
   * Values that replace those of the file; where several have one path, the last wins.
   *
   * @default - none
   */
  readonly overrides?: readonly Override[];
}

/**
 * Reads and validates `<directory>/<stage>.json`.
 *
 * @throws SettingsError which lists everything that is wrong, and is meant to be shown without a stack trace.
 */
export function loadSettings(
  stage: string,
  { directory = import.meta.dirname, overrides = [] }: LoadSettingsOptions = {},
) {
  const file = stageFile(stage, directory);
  const content = readJson(file);
  for (const override of overrides) replace(content, override);

  const parsed = SettingsFile.safeParse(content);
  if (!parsed.success) throw describeIssues(parsed.error.issues, { file, content, overrides, schema: SettingsFile });

  const settings = split(stage, parsed.data);
  const issues = checkAcrossFields(settings);
  if (issues.length > 0) throw describeIssues(issues, { file, content: parsed.data, overrides, schema: SettingsFile });
  return settings;
}

/** Names of the secrets that the operator makes before the stage can work. */
export function requiredSecrets(settings: Settings): string[] {
  return [
    ...offerStatusSecrets(settings),
    ...pricingSecrets(settings),
    ...offerCodesSecrets(settings),
    ...entitlementsSecrets(settings),
    ...buyWithPrimeSecrets(settings),
  ];
}

/** Name of the secret that offer codes need, if any. */
export function offerCodesSecrets({ runtime }: Settings): string[] {
  const { trustSecret } = runtime.offerCodes;
  return trustSecret === undefined || Object.keys(runtime.partnerApi.partners).length === 0 ? [] : [trustSecret];
}

/** Names of the secrets that entitlements need: the authority to trust, and keys of webhooks and of the push integration. */
export function entitlementsSecrets(settings: Settings): string[] {
  return [
    ...entitlementsTrustSecrets(settings),
    // One secret holds all keys of a partner.
    ...new Set([...webhookSecrets(settings), ...pushSecrets(settings)]),
  ];
}

/** Name of the secret of the authority to trust where Prime Gaming is asked, if there is one and anybody asks. */
export function entitlementsTrustSecrets({ runtime }: Settings): string[] {
  const { trustSecret } = runtime.entitlements;
  return trustSecret === undefined || Object.keys(runtime.partnerApi.partners).length === 0 ? [] : [trustSecret];
}

/** Names of the secrets by whose keys webhooks are signed. */
export function webhookSecrets({ stage, runtime }: Settings): string[] {
  return Object.entries(runtime.partnerApi.partners).flatMap(([name, { entitlements }]) =>
    entitlements.granter.kind === 'webhook' && entitlements.granter.signature.kind === 'hmac'
      ? [entitlementsSecretName(stage, name, entitlements)]
      : [],
  );
}

/** Names of the secrets by whose keys Amazon signs what it pushes. */
export function pushSecrets(settings: Settings): string[] {
  return Object.entries(pushedPartners(settings)).map(([name, { entitlements }]) =>
    entitlementsSecretName(settings.stage, name, entitlements),
  );
}

/** The partners that have the push integration. */
export function pushedPartners({ runtime }: Settings): Readonly<Record<string, Partner>> {
  return Object.fromEntries(
    Object.entries(runtime.partnerApi.partners).filter(([, { entitlements }]) => entitlements.push),
  );
}

/** Names of the secrets of the merchant accounts that a partner has. */
export function buyWithPrimeSecrets({ stage, runtime }: Settings): string[] {
  const { accounts } = runtime.buyWithPrime;
  const used = Object.values(runtime.partnerApi.partners).map(({ buyWithPrime }) => buyWithPrime?.account);
  return Object.entries(accounts)
    .filter(([account]) => used.includes(account))
    .map(([account, values]) => buyWithPrimeSecretName(stage, account, values));
}

/** Names of the secrets of the Offer Status accounts. */
export function offerStatusSecrets({ stage, runtime }: Settings): string[] {
  const { accounts } = runtime.offerStatus;
  return Object.entries(accounts).map(([account, values]) => offerStatusSecretName(stage, account, values));
}

/** Names of the secrets of the selling accounts. */
export function pricingSecrets({ stage, runtime }: Settings): string[] {
  const { accounts } = runtime.pricing;
  return Object.entries(accounts).map(([account, values]) => pricingSecretName(stage, account, values));
}

function split(stage: string, file: z.infer<typeof SettingsFile>): Settings {
  const { $schema: _, ...values } = file;
  const { removalPolicy, logRetentionDays, schedules, bus, workers, gateway, alarms, ...runtime } = values;
  return {
    stage,
    removalPolicy,
    logRetentionDays,
    schedules,
    bus,
    workers,
    gateway,
    alarms,
    runtime: RuntimeSettings.parse({ stage, ...runtime }),
  };
}

function stageFile(stage: string, directory: string): string {
  const name = RuntimeSettings.shape.stage.safeParse(stage);
  if (!name.success) {
    throw new SettingsError(`The stage "${stage}" is no valid name: ${name.error.issues[0]?.message ?? 'malformed'}.`);
  }
  const file = join(directory, `${stage}.json`);
  if (existsSync(file)) return file;
  const stages = stagesIn(directory);
  const near = nearest(stage, stages);
  throw new SettingsError(
    [
      `There are no settings for the stage "${stage}": ${file} does not exist.`,
      near === undefined ? undefined : `Did you mean "${near}"?`,
      stages.length === 0 ? 'There are no stages yet.' : `The stages are: ${stages.join(', ')}.`,
    ]
      .filter((line) => line !== undefined)
      .join('\n'),
  );
}

/** Names of the stages that have a file in the folder, in alphabetical order. */
export function stagesIn(directory: string = import.meta.dirname): string[] {
  if (!existsSync(directory)) return [];
  return readdirSync(directory)
    .filter((name) => name.endsWith('.json') && !name.endsWith('.schema.json'))
    .map((name) => name.slice(0, -'.json'.length))
    .sort();
}

function readJson(file: string): Record<string, unknown> {
  let content: unknown;
  try {
    content = JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    throw new SettingsError(`${file} is not valid JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
  const record = z.record(z.string(), z.unknown()).safeParse(content);
  if (!record.success) throw new SettingsError(`${file} must hold one JSON object.`);
  return record.data;
}

function replace(content: Record<string, unknown>, { path, value }: Override): void {
  let target = content;
  for (const key of path.slice(0, -1)) {
    const inner = target[key];
    const next = typeof inner === 'object' && inner !== null && !Array.isArray(inner) ? { ...inner } : {};
    target[key] = next;
    target = next;
  }
  const last = path.at(-1);
  if (last !== undefined) target[last] = value;
}
