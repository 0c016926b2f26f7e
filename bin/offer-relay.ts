import { App } from 'aws-cdk-lib';
import { type Override, SettingsError } from '../config/problems.ts';
import { loadSettings, stagesIn } from '../config/settings.ts';
import { OfferRelayStack } from '../lib/offer-relay-stack.ts';
import { addRuleChecks } from '../lib/rule-checks.ts';

/** Settings that the context of a synthesis may replace, and a variable for the stage local. */
const REPLACEABLE = {
  'offerStatus.baseUrl': 'OFFER_RELAY_OFFER_STATUS_URL',
  'pricing.baseUrl': 'OFFER_RELAY_PRICING_URL',
  'pricing.tokenUrl': 'OFFER_RELAY_TOKEN_URL',
  'offerCodes.baseUrl': 'OFFER_RELAY_OFFER_CODES_URL',
  'entitlements.baseUrl': 'OFFER_RELAY_ENTITLEMENTS_URL',
  'entitlements.profileUrl': 'OFFER_RELAY_PROFILE_URL',
  'buyWithPrime.graphqlUrl': 'OFFER_RELAY_BUY_WITH_PRIME_URL',
  'buyWithPrime.tokenUrl': 'OFFER_RELAY_BUY_WITH_PRIME_TOKEN_URL',
};

/** A variable is for the local stage: one that was left over in a shell must not redirect a stage on AWS. */
function fromEnvironment(variable: string, stage: string): string | undefined {
  const url = process.env[variable];
  if (stage === 'local' || url === undefined || url === '') return url;
  console.error(`${variable} is ignored: it is for the stage local, and this is the stage ${stage}.`);
  return undefined;
}

/** What replaces values of the stage file at synthesis; the context wins over the environment. */
function overridesOf(app: App, stage: string): Override[] {
  return Object.entries(REPLACEABLE).flatMap(([field, variable]) => {
    const fromContext: unknown = app.node.tryGetContext(field);
    return [
      { source: `environment ${variable}`, value: fromEnvironment(variable, stage) },
      { source: `context ${field}`, value: fromContext },
    ].flatMap(({ source, value }) =>
      typeof value === 'string' && value !== '' ? [{ path: field.split('.'), value, source }] : [],
    );
  });
}

function stageOf(app: App): string {
  const stage: unknown = app.node.tryGetContext('stage');
  if (typeof stage === 'string' && stage !== '') return stage;
  throw new SettingsError(`No stage is given. Add -c stage=<stage>; the stages are: ${stagesIn().join(', ')}.`);
}

try {
  const app = new App();
  const stage = stageOf(app);
  const directory: unknown = app.node.tryGetContext('config');
  const settings = loadSettings(stage, {
    overrides: overridesOf(app, stage),
    // Stage files may be kept outside of the project: -c config=<folder>
    ...(typeof directory === 'string' && { directory }),
  });
  new OfferRelayStack(app, `OfferRelay-${stage}`, { settings });
  addRuleChecks(app);
  app.synth();
} catch (error) {
  if (!(error instanceof SettingsError)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
