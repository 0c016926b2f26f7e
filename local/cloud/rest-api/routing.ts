import type { ApiResource, DeploymentDefinition, MethodDefinition } from './definition.ts';

export interface Route {
  readonly resource: ApiResource;
  /** Undefined where the resource has none for this verb. */
  readonly method?: MethodDefinition;
  /** As they stand in the URL, still percent-encoded. */
  readonly pathParameters: Readonly<Record<string, string>>;
}

interface Node {
  readonly fixed: Map<string, Node>;
  variable?: { readonly name: string; readonly node: Node };
  greedy?: { readonly name: string; readonly resource: ApiResource };
  resource?: ApiResource;
}

const newNode = (): Node => ({ fixed: new Map() });

/** The resources of a deployment that have methods, as the tree that requests are matched against. */
export class Routes {
  readonly #root = newNode();
  readonly #methods = new Map<ApiResource, Map<string, MethodDefinition>>();

  constructor({ methods }: DeploymentDefinition) {
    for (const method of methods) {
      const { resource } = method;
      if (!this.#methods.has(resource)) this.#add(resource);
      this.#methods.set(
        resource,
        (this.#methods.get(resource) ?? new Map<string, MethodDefinition>()).set(method.httpMethod, method),
      );
    }
  }

  #add(resource: ApiResource): void {
    let node = this.#root;
    for (const part of segmentsOf(resource.path)) {
      const [, name, plus] = /^\{(.+?)(\+?)\}$/.exec(part) ?? [];
      if (name === undefined) {
        const next = node.fixed.get(part) ?? newNode();
        node.fixed.set(part, next);
        node = next;
      } else if (plus === '+') {
        node.greedy = { name, resource };
        return;
      } else {
        node.variable ??= { name, node: newNode() };
        node = node.variable.node;
      }
    }
    node.resource = resource;
  }

  /**
   * Finds what serves a path: fixed parts come before `{variable}` ones, and these before a greedy `{variable+}`. A resource
   * without the verb refuses it, even where a greedy one would have it. A slash at the end makes no difference, and an
   * encoded one (`%2F`) separates nothing.
   *
   * @param path without the stage, as it stands in the request line
   */
  find(path: string, httpMethod: string): Route | undefined {
    const found = match(this.#root, segmentsOf(path), 0);
    if (!found) return undefined;
    const methods = this.#methods.get(found.resource);
    const method = methods?.get(httpMethod) ?? methods?.get('ANY');
    return { ...found, ...(method ? { method } : {}) };
  }
}

function segmentsOf(path: string): string[] {
  const bare = path.replace(/^\//, '').replace(/\/$/, '');
  return bare === '' ? [] : bare.split('/');
}

type Match = Pick<Route, 'resource' | 'pathParameters'>;

function match(node: Node, segments: readonly string[], at: number): Match | undefined {
  const segment = segments[at];
  if (segment === undefined) return node.resource && { resource: node.resource, pathParameters: {} };
  const next = node.fixed.get(segment);
  const fixed = next && match(next, segments, at + 1);
  if (fixed) return fixed;
  // A parameter is never empty.
  const variable = node.variable && segment !== '' ? match(node.variable.node, segments, at + 1) : undefined;
  if (variable) {
    return { ...variable, pathParameters: { [node.variable!.name]: segment, ...variable.pathParameters } };
  }
  if (!node.greedy) return undefined;
  return { resource: node.greedy.resource, pathParameters: { [node.greedy.name]: segments.slice(at).join('/') } };
}
