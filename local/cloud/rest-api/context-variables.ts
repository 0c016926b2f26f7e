/** What `$context` holds: texts, numbers and further variables by name. */
export interface ContextVariables {
  readonly [name: string]: string | number | null | undefined | ContextVariables;
}

/** The variable with this path, such as `identity.sourceIp`; nothing where it has no value. */
export function contextVariable(variables: ContextVariables, path: string): string | undefined {
  let value: ContextVariables[string] = variables;
  for (const name of path.split('.')) {
    if (value === null || typeof value !== 'object' || !Object.hasOwn(value, name)) return undefined;
    value = value[name];
  }
  return value === null || typeof value === 'object' ? undefined : value?.toString();
}

/**
 * Puts values in place of `$context.…` and `$stageVariables.…`, and nothing else: neither access logs nor gateway responses
 * know directives. Values are not escaped.
 *
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-mapping-template-reference.html
 *
 * @param absent stands for a variable without a value
 */
export function fillVariables(
  template: string,
  context: ContextVariables,
  stageVariables: Readonly<Record<string, string>>,
  absent: string,
): string {
  return template.replace(
    /\$(context|stageVariables)((?:\.[A-Za-z_][\w-]*)+)/g,
    (_, root: string, path: string) =>
      contextVariable(root === 'context' ? context : stageVariables, path.slice(1)) ?? absent,
  );
}
