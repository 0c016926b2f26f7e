import type { BusEvent } from './event-bus.ts';
import type { RuleTarget } from './model.ts';

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
  values.set('aws.events.event', { ...event, detail: undefined });
  values.set('aws.events.event.json', event);

  const inQuotes = quotedPositions(template);
  const filled = template.replace(/<([^<>\s]+)>/g, (whole, name: string, position: number) => {
    if (!values.has(name)) return whole;
    const value = values.get(name);
    if (!inQuotes[position]) return value === undefined ? '""' : JSON.stringify(value);
    const text = value === undefined ? '' : typeof value === 'string' ? value : JSON.stringify(value);
    return JSON.stringify(text).slice(1, -1);
  });
  try {
    return JSON.stringify(JSON.parse(filled));
  } catch {
    return filled;
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

/** The simple JSON paths that EventBridge takes: `$.detail.offer[0].id` and `$.detail['x']`. */
export function select(event: unknown, path: string): unknown {
  const steps = path.replace(/^\$\.?/, '').matchAll(/\['([^']+)'\]|\[(\d+)\]|([^.[\]]+)/g);
  let value: unknown = event;
  for (const [, quoted, index, name] of steps) {
    if (value === null || typeof value !== 'object') return undefined;
    value = (value as Record<string, unknown>)[quoted ?? index ?? name!];
  }
  return value;
}
