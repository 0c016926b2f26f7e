/** Who may import whom. Pure functions over project paths; `offer-relay-plugin.ts` makes a lint rule of them. */

/** One import as the walls see it. */
export interface ImportEdge {
  /** Path of the importing file below the project, with forward slashes. */
  readonly from: string;
  /** Path of the imported file below the project, or the name of a package. */
  readonly to: string;
  readonly isPackage: boolean;
  /** True for `import type` and `export type`, which leave nothing behind at run time. */
  readonly typeOnly: boolean;
}

type Wall = (edge: ImportEdge) => string | undefined;

const within =
  (...folders: readonly string[]) =>
  (path: string): boolean =>
    folders.some((folder) => path.startsWith(`${folder}/`));

const isPackageOf =
  (...names: readonly string[]) =>
  ({ to, isPackage }: ImportEdge): boolean =>
    isPackage &&
    names.some((name) => (name.endsWith('/') ? to.startsWith(name) : to === name || to.startsWith(`${name}/`)));

const isCdk = isPackageOf('aws-cdk-lib', 'constructs', 'cdk-nag');
const isRuntimePackage = isPackageOf('@aws-sdk/', '@smithy/', '@aws-lambda-powertools/');

/** What the settings and the generated schemas are made of: the only files of the functions that `config` runs. */
const SCHEMA_SOURCES = [
  'lambdas/shared/settings.ts',
  'lambdas/shared/settings-schema.ts',
  'lambdas/shared/sku-items.ts',
  'lambdas/offer-status/offer-event-schemas.ts',
  'lambdas/pricing/marketplaces.ts',
  'lambdas/pricing/pricing-accounts.ts',
  'lambdas/pricing/price-event-schemas.ts',
  'lambdas/offer-codes/offer-code-event-schemas.ts',
  // The routes of the partner API, of which its OpenAPI document is made, and the schemas that it names.
  'lambdas/shared/partner-api/api-error.ts',
  'lambdas/shared/partner-api/route.ts',
  'lambdas/shared/partner-api/answer-fields.ts',
  'lambdas/offer-codes/offer-code-routes.ts',
  'lambdas/offer-codes/offer-code-answers.ts',
  'lambdas/entitlements/entitlement-event-schemas.ts',
  'lambdas/entitlements/player-routes.ts',
  'lambdas/entitlements/player-answers.ts',
  'lambdas/entitlements/player-id.ts',
  'lambdas/entitlements/outcomes.ts',
  'lambdas/entitlements/push-routes.ts',
  'lambdas/entitlements/push-answers.ts',
  'lambdas/buy-with-prime/order-event-schemas.ts',
  'lambdas/buy-with-prime/buy-with-prime-routes.ts',
  'lambdas/buy-with-prime/buy-with-prime-requests.ts',
  'lambdas/buy-with-prime/buy-with-prime-answers.ts',
  'lambdas/buy-with-prime/quote.ts',
  'lambdas/buy-with-prime/order.ts',
  'lambdas/offer-status/title-routes.ts',
  'lambdas/offer-status/title-answers.ts',
  'lambdas/offer-status/offer.ts',
  'lambdas/offer-status/offer-changes.ts',
  'lambdas/pricing/price-routes.ts',
  'lambdas/pricing/price-answers.ts',
  'lambdas/pricing/price-snapshot.ts',
  'lambdas/pricing/price-changes.ts',
  'lambdas/pricing/price-tuning.ts',
  'lambdas/partner-api/service-routes.ts',
  'lambdas/partner-api/service-answers.ts',
];

/** Rooms that every other room may import. */
const OPEN_ROOMS = ['shared', 'change-events'];

const roomOf = (path: string): string | undefined => /^lambdas\/([^/]+)\//.exec(path)?.[1];
const roleOf = (path: string): string | undefined => /\.(handler|client|store)\.[cm]?[jt]s$/.exec(path)?.[1];

/** A file of a room without a role suffix: domain code or a use case, which takes its dependencies as arguments. */
function isDomain(path: string): boolean {
  const room = roomOf(path);
  return room !== undefined && room !== 'shared' && roleOf(path) === undefined;
}

const WALLS: readonly Wall[] = [
  (edge) =>
    within('lambdas', 'local/upstreams')(edge.from) && isCdk(edge)
      ? 'what runs does not know how it is deployed: no CDK here'
      : undefined,
  ({ from, to, isPackage }) =>
    within('lambdas')(from) && !isPackage && !within('lambdas')(to)
      ? 'functions import nothing of the project outside lambdas'
      : undefined,
  ({ from, to, isPackage }) =>
    within('bin')(from) && !isPackage && !within('bin', 'lib', 'config')(to)
      ? 'bin imports lib and config only'
      : undefined,
  ({ from, to, isPackage }) =>
    within('lib')(from) && !isPackage && !within('lib', 'lambdas', 'config')(to)
      ? 'lib imports lib, config and the types of lambdas only'
      : undefined,
  ({ from, to, isPackage, typeOnly }) =>
    within('lib')(from) && !isPackage && within('lambdas')(to) && !typeOnly
      ? 'lib imports lambdas as types only: use `import type`'
      : undefined,
  ({ from, to, isPackage }) =>
    within('config')(from) && !isPackage && !within('config')(to) && !SCHEMA_SOURCES.includes(to)
      ? `config imports config and ${SCHEMA_SOURCES.join(', ')} only`
      : undefined,
  ({ from, to, isPackage }) =>
    within('local/upstreams')(from) && !isPackage && within('lambdas', 'lib', 'bin', 'config')(to)
      ? 'the simulator is written from the API documents alone, or the tests would agree with our own misreading'
      : undefined,
  betweenRooms,
  (edge) =>
    isDomain(edge.from) && !edge.typeOnly && isRuntimePackage(edge)
      ? 'domain code knows no SDK: take a client or a store as an argument'
      : undefined,
  ({ from, to, isPackage, typeOnly }) =>
    isDomain(from) && !isPackage && !typeOnly && ['client', 'store'].includes(roleOf(to) ?? '')
      ? 'domain code takes clients and stores as arguments: use `import type`'
      : undefined,
  ({ to, isPackage, typeOnly }) =>
    !isPackage && !typeOnly && roleOf(to) === 'handler' && within('lambdas')(to)
      ? 'a handler is where a function starts: nobody imports its values, use `import type`'
      : undefined,
];

function betweenRooms({ from, to, isPackage }: ImportEdge): string | undefined {
  const own = roomOf(from);
  const other = roomOf(to);
  if (isPackage || own === undefined || other === undefined || own === other) return undefined;
  if (own === 'shared') return 'shared imports no room';
  return OPEN_ROOMS.includes(other) ? undefined : `a room imports itself, ${OPEN_ROOMS.join(' and ')} only`;
}

/** Every wall that an import breaks, as sentences; empty when the import is fine. */
export function brokenWalls(edge: ImportEdge): string[] {
  return WALLS.map((wall) => wall(edge)).filter((message) => message !== undefined);
}

/** Whether a file may read `process.env`: handlers, bin, and what runs on the developer's machine. */
export function mayReadEnvironment(path: string): boolean {
  if (within('lambdas')(path)) return roleOf(path) === 'handler';
  return !within('lib', 'config')(path);
}

const EMPTY_WORDS = ['util', 'utils', 'helper', 'helpers', 'common', 'manager', 'managers'];

/** What is wrong with a file's name, as a sentence; undefined when nothing is. */
export function brokenName(path: string): string | undefined {
  const words = path.toLowerCase().split(/[^a-z0-9]+/);
  const empty = words.find((word) => EMPTY_WORDS.includes(word));
  if (empty !== undefined) return `"${empty}" says nothing: name the file after its concept`;
  const name = path.split('/').at(-1) ?? '';
  return /^[a-z0-9]+(?:[-.][a-z0-9]+)*$/.test(name) ? undefined : 'file names are kebab-case';
}
