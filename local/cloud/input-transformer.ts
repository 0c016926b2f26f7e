import type { BusEvent } from './event-bus.ts';
import type { InputTransformer, RuleTarget } from './model.ts';

const PREDEFINED = [
  'aws.events.rule-arn',
  'aws.events.rule-name',
  'aws.events.event.ingestion-time',
  'aws.events.event',
  'aws.events.event.json',
] as const;
const PLACEHOLDER = /<([^<>\s]+)>/g;
/** Dot notation, as the API asks for it, with positions in lists. EventBridge knows wildcards as well. */
const PATH = /^\$(?:\.[\w/-]+|\[\d+\])*$/;
const MOST_PATHS = 100;
const LONGEST = 256;

/**
 * Why EventBridge would refuse a transformer, or why it cannot be carried out here.
 *
 * https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_InputTransformer.html
 *
 * @returns undefined where nothing is against it
 */
export function transformerProblem({ paths, template }: InputTransformer): string | undefined {
  const names = Object.keys(paths);
  if (names.length > MOST_PATHS) return `InputPathsMap has ${names.length} entries, and ${MOST_PATHS} are allowed`;
  const bad = names.find((name) => !/^[\w-]+$/.test(name) || name.length > LONGEST || /^aws/i.test(name));
  if (bad !== undefined) return `InputPathsMap: ${bad} is no name of a variable`;
  for (const path of Object.values(paths)) {
    const problem = pathProblem(path);
    if (problem !== undefined) return `InputPathsMap: ${problem}`;
  }
  const known = new Set<string>([...names, ...PREDEFINED]);
  for (const [, name] of template.matchAll(PLACEHOLDER)) {
    if (!known.has(name!)) return `InputTemplate contains invalid placeholder ${name}`;
  }
  if (template.trimStart().startsWith('{') && !isJson(fill(template, () => 0))) {
    return 'InputTemplate is no JSON object: a placeholder stands for a value, or lies within a text';
  }
  return undefined;
}

/** Why a path is none that can be followed here; undefined where it is one. */
export function pathProblem(path: string): string | undefined {
  if (path.length <= LONGEST && PATH.test(path)) return undefined;
  return `${path} is no path in dot notation; the local cloud knows no wildcards`;
}

/** What a rule's target gets of an event: all of it, a constant, a part, or a template filled from it. */
export function targetInput(target: RuleTarget, event: BusEvent, rule: { name: string; arn: string }): string {
  if (target.input !== undefined) return target.input;
  if (target.inputPath !== undefined) return JSON.stringify(select(event, target.inputPath) ?? null);
  if (!target.inputTransformer) return JSON.stringify(event);

  const { paths, template } = target.inputTransformer;
  const values = new Map<string, unknown>(Object.entries(paths).map(([name, path]) => [name, select(event, path)]));
  values.set('aws.events.rule-arn', rule.arn);
  values.set('aws.events.rule-name', rule.name);
  values.set('aws.events.event.ingestion-time', event.time);
  const { detail: _, 'detail-type': detailType, ...envelope } = event;
  // This one variable spells it without its dash.
  values.set('aws.events.event', { ...envelope, detailType });
  values.set('aws.events.event.json', event);
  // A path that leads nowhere gives an empty text, in quotes or not.
  const filled = fill(template, (name) => (values.get(name) === undefined ? '' : values.get(name)));
  return isJson(filled) ? JSON.stringify(JSON.parse(filled)) : filled;
}

/** The template with a value for each placeholder: as JSON, or as text where it is within one. */
function fill(template: string, valueOf: (name: string) => unknown): string {
  const inQuotes = quotedPositions(template);
  return template.replace(PLACEHOLDER, (_, name: string, position: number) => {
    const value = valueOf(name);
    if (!inQuotes[position]) return JSON.stringify(value);
    return JSON.stringify(typeof value === 'string' ? value : JSON.stringify(value)).slice(1, -1);
  });
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** For each position of a template: whether it is inside a JSON string. */
function quotedPositions(template: string): boolean[] {
  const positions: boolean[] = [];
  for (let index = 0; index < template.length; index++) {
    const toggles = template[index] === '"' && template[index - 1] !== '\\';
    positions.push((positions.at(-1) ?? false) !== toggles);
  }
  return positions;
}

/** What lies at a path such as `$.detail.offers[0].id`; undefined where nothing does. */
function select(event: unknown, path: string): unknown {
  let value: unknown = event;
  for (const [, name, index] of path.matchAll(/\.([^.[\]]+)|\[(\d+)\]/g)) {
    const step = name ?? index!;
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, step)) return undefined;
    value = (value as Record<string, unknown>)[step];
  }
  return value;
}
