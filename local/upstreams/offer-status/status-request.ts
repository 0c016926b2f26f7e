import { MARKETPLACES, type TitleId } from './title-state.ts';

/** What a request line asks for. */
export type StatusRequest =
  | { kind: 'unroutable' }
  /** The path is the operation's but one of its segments is not valid percent-encoding. */
  | { kind: 'undecodable' }
  | ({ kind: 'title'; marketplace: string; territory: string | undefined; problem: string | undefined } & TitleId);

/**
 * Reads `/v1/avails/{licensor}/status/{ALID}?marketplace=&territory=`.
 *
 * The path is split before it is decoded, and each segment decoded once: an ALID's own `/` arrives as `%2F`, and one
 * that was encoded twice names another title. No URL parser is used, because it would resolve `.` and `..`.
 */
export function readStatusRequest(requestTarget: string): StatusRequest {
  const [path = '', query = ''] = requestTarget.split(/\?(.*)/s, 2);
  const segments = path.split('/');
  const [before, version, resource, licensorSegment = '', operation, alidSegment = ''] = segments;
  const isRoute = before === '' && version === 'v1' && resource === 'avails' && operation === 'status';
  if (!isRoute || segments.length !== 6 || licensorSegment === '' || alidSegment === '') return { kind: 'unroutable' };
  try {
    const licensor = decodeURIComponent(licensorSegment);
    const alid = decodeURIComponent(alidSegment);
    return { kind: 'title', licensor, alid, ...readQuery(query) };
  } catch {
    return { kind: 'undecodable' };
  }
}

function readQuery(query: string): { marketplace: string; territory: string | undefined; problem: string | undefined } {
  const parameters = new URLSearchParams(query);
  const marketplaces = parameters.getAll('marketplace');
  const territories = parameters.getAll('territory');
  const [marketplace = 'GLOBAL'] = marketplaces;
  const [territory] = territories;
  const allowed: readonly string[] = MARKETPLACES;
  let problem: string | undefined;
  if (marketplaces.length > 1 || territories.length > 1) problem = 'A parameter was given more than once.';
  else if (!allowed.includes(marketplace)) problem = `Invalid marketplace. Allowed values: ${allowed.join(', ')}.`;
  else if (territory !== undefined && !/^[A-Z]{2}$/.test(territory)) {
    problem = 'Invalid territory. It must be a two-letter territory code.';
  }
  return { marketplace, territory, problem };
}
