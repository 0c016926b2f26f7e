import type { Template } from './assembly.ts';
import { TemplateError, type TemplateLocation } from './template-error.ts';

/** What a template sees of the place it is deployed to. Secrets, tables and queues all live in this one. */
export const REGION = 'us-east-1';
export const ACCOUNT_ID = '000000000000';
export const PARTITION = 'aws';

/** Stands for `AWS::NoValue` until the property holding it is dropped. */
const NO_VALUE = Symbol('AWS::NoValue');

/** What other resources may ask of one that exists. */
export interface ReferencedResource {
  ref: string;
  attributes: Record<string, string>;
}

export interface Intrinsics {
  /** The value with every intrinsic function replaced. */
  resolve(value: unknown, location: TemplateLocation): unknown;
  condition(name: string, location: TemplateLocation): boolean;
  /** The logical ids of the resources that a value refers to. */
  references(value: unknown): Set<string>;
}

type Arguments = unknown[];

/** CloudFormation's intrinsic functions, over the resources created so far. */
export function createIntrinsics(
  template: Template,
  stackName: string,
  resources: ReadonlyMap<string, ReferencedResource>,
): Intrinsics {
  const pseudoParameters: Record<string, unknown> = {
    'AWS::Region': REGION,
    'AWS::AccountId': ACCOUNT_ID,
    'AWS::Partition': PARTITION,
    'AWS::URLSuffix': 'amazonaws.com',
    'AWS::StackName': stackName,
    'AWS::StackId': `arn:${PARTITION}:cloudformation:${REGION}:${ACCOUNT_ID}:stack/${stackName}/00000000-0000-0000-0000-000000000000`,
    'AWS::NotificationARNs': [],
    'AWS::NoValue': NO_VALUE,
  };

  function ref(name: string, location: TemplateLocation): unknown {
    if (name in pseudoParameters) return pseudoParameters[name];
    const parameter = template.Parameters?.[name];
    if (parameter) {
      if (parameter.Default === undefined)
        throw new TemplateError(location, `the parameter ${name} has no default value`);
      const value = parameter.Default;
      const isList = typeof value === 'string' && /List|CommaDelimited/.test(parameter.Type);
      return isList ? value.split(',').map((item) => item.trim()) : value;
    }
    return resource(name, location).ref;
  }

  function resource(name: string, location: TemplateLocation): ReferencedResource {
    const found = resources.get(name);
    if (found) return found;
    throw new TemplateError(location, `it refers to ${name}, which the template does not create`);
  }

  function attribute(name: string, attributeName: string, location: TemplateLocation): string {
    const value = resource(name, location).attributes[attributeName];
    if (value !== undefined) return value;
    throw new TemplateError(location, `Fn::GetAtt ${name}.${attributeName} is not supported by the local cloud`);
  }

  function list(value: unknown, size: number | undefined, name: string, location: TemplateLocation): Arguments {
    if (!Array.isArray(value) || (size !== undefined && value.length !== size)) {
      throw new TemplateError(location, `${name} wants ${size === undefined ? 'a list' : `a list of ${size}`}`);
    }
    return value;
  }

  const functions: Record<string, (argument: unknown, location: TemplateLocation) => unknown> = {
    Ref: (argument, location) => ref(String(argument), location),
    'Fn::GetAtt': (argument, location) => {
      const parts =
        typeof argument === 'string' ? argument.split('.') : list(argument, undefined, 'Fn::GetAtt', location);
      const [name, ...rest] = parts.map(String);
      return attribute(name ?? '', rest.join('.'), location);
    },
    'Fn::Join': (argument, location) => {
      const [separator, values] = list(argument, 2, 'Fn::Join', location);
      const items = resolve(values, location);
      return list(items, undefined, 'Fn::Join', location).map(String).join(String(separator));
    },
    'Fn::Split': (argument, location) => {
      const [separator, value] = list(argument, 2, 'Fn::Split', location);
      return String(resolve(value, location)).split(String(separator));
    },
    'Fn::Select': (argument, location) => {
      const [index, values] = list(argument, 2, 'Fn::Select', location);
      const items = list(resolve(values, location), undefined, 'Fn::Select', location);
      const position = Number(resolve(index, location));
      if (!(position in items)) throw new TemplateError(location, `Fn::Select has no item ${position}`);
      return items[position];
    },
    'Fn::Sub': (argument, location) => {
      const [text, variables] = typeof argument === 'string' ? [argument, {}] : list(argument, 2, 'Fn::Sub', location);
      const values = resolve(variables, location) as Record<string, unknown>;
      return String(text).replace(/\$\{([^}]+)\}/g, (_, name: string) => {
        if (name.startsWith('!')) return `\${${name.slice(1)}}`;
        if (name in values) return String(values[name]);
        const dot = name.indexOf('.');
        if (dot > 0) return attribute(name.slice(0, dot), name.slice(dot + 1), location);
        return String(ref(name, location));
      });
    },
    'Fn::FindInMap': (argument, location) => {
      const [map, top, second] = list(resolve(argument, location), 3, 'Fn::FindInMap', location).map(String);
      const value = template.Mappings?.[map!]?.[top!]?.[second!];
      if (value === undefined)
        throw new TemplateError(location, `Fn::FindInMap finds nothing at ${map}.${top}.${second}`);
      return value;
    },
    'Fn::If': (argument, location) => {
      const [name, whenTrue, whenFalse] = list(argument, 3, 'Fn::If', location);
      return evaluate(condition(String(name), location) ? whenTrue : whenFalse, location);
    },
    'Fn::Equals': (argument, location) => {
      const [left, right] = list(resolve(argument, location), 2, 'Fn::Equals', location);
      return String(left) === String(right);
    },
    'Fn::And': (argument, location) =>
      list(argument, undefined, 'Fn::And', location).every((item) => truth(item, location)),
    'Fn::Or': (argument, location) =>
      list(argument, undefined, 'Fn::Or', location).some((item) => truth(item, location)),
    'Fn::Not': (argument, location) => !truth(list(argument, 1, 'Fn::Not', location)[0], location),
    Condition: (argument, location) => condition(String(argument), location),
  };

  function truth(value: unknown, location: TemplateLocation): boolean {
    return evaluate(value, location) === true;
  }

  function condition(name: string, location: TemplateLocation): boolean {
    const definition = template.Conditions?.[name];
    if (definition === undefined) throw new TemplateError(location, `the template has no condition ${name}`);
    return truth(definition, { logicalId: name, type: 'Condition' });
  }

  function intrinsicName(value: Record<string, unknown>): string | undefined {
    const keys = Object.keys(value);
    const only = keys.length === 1 ? keys[0]! : undefined;
    if (only === undefined) return undefined;
    // A lone `Condition` key is an intrinsic only with a name of a condition: policy documents use the key as well.
    if (only === 'Condition') return typeof value['Condition'] === 'string' ? only : undefined;
    return only === 'Ref' || only.startsWith('Fn::') ? only : undefined;
  }

  function evaluate(value: unknown, location: TemplateLocation): unknown {
    if (typeof value === 'string' && value.includes('{{resolve:')) {
      throw new TemplateError(location, 'dynamic references ({{resolve:…}}) are not supported by the local cloud');
    }
    if (Array.isArray(value)) {
      return value
        .map((item, index) => evaluate(item, within(location, String(index))))
        .filter((item) => item !== NO_VALUE);
    }
    if (value === null || typeof value !== 'object') return value;
    const name = intrinsicName(value as Record<string, unknown>);
    if (name !== undefined) {
      const run = functions[name];
      if (!run) throw new TemplateError(location, `${name} is not supported by the local cloud`);
      return run((value as Record<string, unknown>)[name], location);
    }
    const result: Record<string, unknown> = {};
    for (const [key, item] of Object.entries(value)) {
      const evaluated = evaluate(item, within(location, key));
      if (evaluated !== NO_VALUE) result[key] = evaluated;
    }
    return result;
  }

  function resolve(value: unknown, location: TemplateLocation): unknown {
    const result = evaluate(value, location);
    return result === NO_VALUE ? undefined : result;
  }

  function references(value: unknown, found = new Set<string>()): Set<string> {
    if (Array.isArray(value)) for (const item of value) references(item, found);
    else if (value !== null && typeof value === 'object') {
      for (const [key, item] of Object.entries(value)) {
        if (key === 'Ref' && typeof item === 'string') found.add(item);
        if (key === 'Fn::GetAtt') found.add(String(Array.isArray(item) ? item[0] : String(item).split('.')[0]));
        if (key === 'Fn::Sub') {
          const text = String(Array.isArray(item) ? item[0] : item);
          for (const match of text.matchAll(/\$\{([^!}][^}]*)\}/g)) found.add(match[1]!.split('.')[0]!);
        }
        references(item, found);
      }
    }
    return found;
  }

  return { resolve, condition, references: (value) => references(value) };
}

function within(location: TemplateLocation, key: string): TemplateLocation {
  return { ...location, property: location.property ? `${location.property}.${key}` : key };
}
