import { App } from 'aws-cdk-lib';
import { type Override, SettingsError } from '../config/problems.ts';
import { loadSettings, stagesIn } from '../config/settings.ts';
import { OfferRelayStack } from '../lib/offer-relay-stack.ts';
import { addRuleChecks } from '../lib/rule-checks.ts';

/** What replaces `offerStatus.baseUrl` of the stage file at synthesis; the context wins over the environment. */
function overridesOf(app: App): Override[] {
  const fromEnvironment = process.env['OFFER_RELAY_OFFER_STATUS_URL'];
  const fromContext: unknown = app.node.tryGetContext('offerStatus.baseUrl');
  return [
    { source: 'environment OFFER_RELAY_OFFER_STATUS_URL', value: fromEnvironment },
    { source: 'context offerStatus.baseUrl', value: fromContext },
  ].flatMap(({ source, value }) =>
    typeof value === 'string' && value !== '' ? [{ path: ['offerStatus', 'baseUrl'], value, source }] : [],
  );
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
    overrides: overridesOf(app),
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
