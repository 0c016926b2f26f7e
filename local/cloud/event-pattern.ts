import { BlockList, isIP } from 'node:net';

/** A parsed event pattern, as rules and event source filters use it. */
export interface FilterPattern {
  readonly source: Record<string, unknown>;
  matches(event: unknown): boolean;
}

type Test = (value: unknown) => boolean;
type Node = (value: unknown) => boolean;

/**
 * Parses an event pattern and says what is wrong with it.
 * https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html
 */
export function parsePattern(pattern: string | object): FilterPattern {
  let source: unknown;
  try {
    source = typeof pattern === 'string' ? JSON.parse(pattern) : pattern;
  } catch (error) {
    throw new Error(`the event pattern is not JSON: ${(error as Error).message}`, { cause: error });
  }
  if (!isObject(source)) throw new Error('the event pattern is not an object');
  return { source, matches: objectNode(source, '') };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}

function objectNode(pattern: Record<string, unknown>, path: string): Node {
  const nodes: Node[] = Object.entries(pattern).map(([key, value]) => {
    const at = path ? `${path}.${key}` : key;
    if (key === '$or') {
      if (!Array.isArray(value) || value.length < 2) throw new Error(`${at} wants a list of at least two patterns`);
      const branches = value.map((branch) => {
        if (!isObject(branch)) throw new Error(`${at} wants a list of patterns`);
        return objectNode(branch, at);
      });
      return (event) => branches.some((branch) => branch(event));
    }
    const child = isObject(value) ? objectNode(value, at) : leafNode(value, at);
    return (event) => child(isObject(event) ? event[key] : undefined);
  });
  // An array in the event matches if one of its elements meets the whole pattern below it.
  const matches: Node = (event) =>
    Array.isArray(event) ? event.some((element) => matches(element)) : nodes.every((node) => node(event));
  return matches;
}

function leafNode(matchers: unknown, path: string): Node {
  if (!Array.isArray(matchers) || matchers.length === 0)
    throw new Error(`${path} must be a list of at least one value, or an object`);
  const tests = matchers.map((matcher) => valueTest(matcher, path));
  return (value) => {
    const values = Array.isArray(value) && value.length > 0 ? value.flat(Infinity) : [value];
    return values.some((item) => tests.some((test) => test(item)));
  };
}

function isLeaf(value: unknown): boolean {
  return value !== undefined && !Array.isArray(value) && !isObject(value);
}

function valueTest(matcher: unknown, path: string): Test {
  if (!isObject(matcher)) return (value) => value === matcher;
  const [operator, operand] = Object.entries(matcher)[0] ?? [];
  if (operator === undefined || Object.keys(matcher).length !== 1)
    throw new Error(`${path} wants one operator in each object`);
  switch (operator) {
    case 'exists':
      if (typeof operand !== 'boolean') throw new Error(`${path}: exists wants true or false`);
      return (value) => isLeaf(value) === operand;
    case 'anything-but':
      return anythingBut(operand, path);
    case 'numeric':
      return numeric(operand, path);
    case 'cidr':
      return cidr(operand, path);
    default:
      return stringTest(operator, operand, path);
  }
}

function stringTest(operator: string, operand: unknown, path: string): Test {
  const onStrings =
    (test: (value: string) => boolean): Test =>
    (value) =>
      typeof value === 'string' && test(value);
  if (
    (operator === 'prefix' || operator === 'suffix') &&
    isObject(operand) &&
    typeof operand['equals-ignore-case'] === 'string'
  ) {
    const text = operand['equals-ignore-case'].toLowerCase();
    return onStrings((value) =>
      operator === 'prefix' ? value.toLowerCase().startsWith(text) : value.toLowerCase().endsWith(text),
    );
  }
  if (typeof operand !== 'string') throw new Error(`${path}: ${operator} is unknown or wants a string`);
  switch (operator) {
    case 'prefix':
      return onStrings((value) => value.startsWith(operand));
    case 'suffix':
      return onStrings((value) => value.endsWith(operand));
    case 'equals-ignore-case':
      return onStrings((value) => value.toLowerCase() === operand.toLowerCase());
    case 'wildcard': {
      const expression = wildcard(operand, path);
      return onStrings((value) => expression.test(value));
    }
    default:
      throw new Error(`${path}: there is no operator ${operator}`);
  }
}

function anythingBut(operand: unknown, path: string): Test {
  let excluded: Test[];
  if (isObject(operand)) {
    const [operator, inner] = Object.entries(operand)[0] ?? [];
    if (operator === undefined || !['prefix', 'suffix', 'wildcard', 'equals-ignore-case'].includes(operator)) {
      throw new Error(`${path}: anything-but does not take ${operator ?? 'an empty object'}`);
    }
    excluded = (Array.isArray(inner) ? inner : [inner]).map((item) => stringTest(operator, item, path));
  } else {
    excluded = (Array.isArray(operand) ? operand : [operand]).map((item) => {
      if (typeof item !== 'string' && typeof item !== 'number')
        throw new Error(`${path}: anything-but wants strings or numbers`);
      return (value: unknown) => value === item;
    });
  }
  return (value) => isLeaf(value) && !excluded.some((test) => test(value));
}

function numeric(operand: unknown, path: string): Test {
  if (!Array.isArray(operand) || ![2, 4].includes(operand.length))
    throw new Error(`${path}: numeric wants a comparison or a range`);
  const comparisons: ((value: number) => boolean)[] = [];
  for (let index = 0; index < operand.length; index += 2) {
    const [operator, bound] = [operand[index] as unknown, operand[index + 1] as unknown];
    if (typeof bound !== 'number') throw new Error(`${path}: numeric compares with numbers`);
    switch (operator) {
      case '=':
        comparisons.push((value) => value === bound);
        break;
      case '<':
        comparisons.push((value) => value < bound);
        break;
      case '<=':
        comparisons.push((value) => value <= bound);
        break;
      case '>':
        comparisons.push((value) => value > bound);
        break;
      case '>=':
        comparisons.push((value) => value >= bound);
        break;
      default:
        throw new Error(`${path}: numeric has no comparison ${String(operator)}`);
    }
  }
  return (value) => typeof value === 'number' && comparisons.every((compare) => compare(value));
}

function cidr(operand: unknown, path: string): Test {
  const [network, length] = String(operand).split('/');
  const family = isIP(network ?? '');
  if (!family || !/^\d+$/.test(length ?? '')) throw new Error(`${path}: cidr wants an address and a prefix length`);
  const list = new BlockList();
  list.addSubnet(network!, Number(length), family === 6 ? 'ipv6' : 'ipv4');
  return (value) => {
    const version = typeof value === 'string' ? isIP(value) : 0;
    return version !== 0 && list.check(value as string, version === 6 ? 'ipv6' : 'ipv4');
  };
}

function wildcard(pattern: string, path: string): RegExp {
  if (pattern.replace(/\\./g, '').includes('**')) throw new Error(`${path}: a wildcard has no consecutive asterisks`);
  const source = pattern.replace(/\\([*\\])|\*|[^*\\]+|\\/g, (token, escaped: string | undefined) =>
    token === '*' ? '.*' : (escaped ?? token).replace(/[$()*+./?[\\\]^{|}-]/g, '\\$&'),
  );
  return new RegExp(`^${source}$`, 's');
}
