import { dirname, relative, resolve, sep } from 'node:path';
import type { ESLint, Rule } from 'eslint';
import { brokenName, brokenWalls, mayReadEnvironment } from './import-walls.ts';

const PROJECT = resolve(import.meta.dirname, '../..');

const belowProject = (file: string): string => relative(PROJECT, file).split(sep).join('/');

/** The parts of a syntax node that the rules look at; the parser adds more, and calls some of them by other names. */
interface Source {
  readonly source?: { readonly type: string; readonly value?: unknown } | null;
  readonly importKind?: string;
  readonly exportKind?: string;
}

const importWalls: Rule.RuleModule = {
  meta: { type: 'problem', schema: [], docs: { description: 'who may import whom' } },
  create(context) {
    const check = (node: Rule.Node, specifier: unknown, typeOnly: boolean) => {
      if (typeof specifier !== 'string' || specifier.startsWith('node:')) return;
      const isPackage = !specifier.startsWith('.') && !specifier.startsWith('/');
      const to = isPackage ? specifier : belowProject(resolve(dirname(context.filename), specifier));
      for (const message of brokenWalls({ from: belowProject(context.filename), to, isPackage, typeOnly })) {
        context.report({ node, message });
      }
    };
    const checkSource = (node: Rule.Node) => {
      const { source, importKind, exportKind } = node as Rule.Node & Source;
      if (source?.type === 'Literal') check(node, source.value, importKind === 'type' || exportKind === 'type');
    };
    return {
      ImportDeclaration: checkSource,
      ExportNamedDeclaration: checkSource,
      ExportAllDeclaration: checkSource,
      ImportExpression: checkSource,
      // `import('…')` in the place of a type, which plain ESLint has no name for.
      TSImportType: (node: Rule.Node) => {
        const { source } = node as Rule.Node & Source;
        check(node, source?.value, true);
      },
      'CallExpression[callee.name="require"] > Literal.arguments': (node: Rule.Node) => {
        if (node.type === 'Literal') check(node, node.value, false);
      },
    };
  },
};

const environmentAccess: Rule.RuleModule = {
  meta: { type: 'problem', schema: [], docs: { description: 'who may read process.env' } },
  create(context) {
    if (mayReadEnvironment(belowProject(context.filename))) return {};
    const report = (node: Rule.Node) => {
      context.report({ node, message: 'only handlers and bin read process.env: take the value as an argument' });
    };
    return {
      'MemberExpression[object.name="process"]:matches([property.name="env"], [property.value="env"])': report,
      'VariableDeclarator[init.name="process"] > ObjectPattern > Property[key.name="env"]': report,
      'ImportDeclaration[source.value=/^(node:)?process$/]': report,
    };
  },
};

const zodNamespace: Rule.RuleModule = {
  meta: {
    type: 'problem',
    schema: [],
    docs: { description: 'zod is imported as a namespace, and in functions as zod/mini' },
  },
  create(context) {
    const inFunctions = belowProject(context.filename).startsWith('lambdas/');
    const check = (node: Rule.Node) => {
      if (inFunctions && (node as Rule.Node & Source).source?.value !== 'zod/mini') {
        context.report({
          node,
          message: "write `import * as z from 'zod/mini'`: one import of classic zod adds over 50 KB to a bundle",
        });
      } else if (
        node.type === 'ImportDeclaration' &&
        node.specifiers.some(({ type }) => type !== 'ImportNamespaceSpecifier')
      ) {
        const module = inFunctions ? 'zod/mini' : 'zod';
        context.report({
          node,
          message: `write \`import * as z from '${module}'\`: the named import brings every locale into the bundle`,
        });
      }
    };
    return {
      ':matches(ImportDeclaration, ExportNamedDeclaration, ExportAllDeclaration, ImportExpression, TSImportType)[source.value=/^zod(\\/|$)/]':
        check,
    };
  },
};

const fileNames: Rule.RuleModule = {
  meta: { type: 'suggestion', schema: [], docs: { description: 'file names are kebab-case and say something' } },
  create(context) {
    return {
      Program(node) {
        const message = brokenName(belowProject(context.filename));
        if (message !== undefined) context.report({ node, message });
      },
    };
  },
};

/** The project's own lint rules. */
export const offerRelayPlugin: ESLint.Plugin = {
  meta: { name: 'offer-relay' },
  rules: {
    'import-walls': importWalls,
    'environment-access': environmentAccess,
    'zod-namespace': zodNamespace,
    'file-names': fileNames,
  },
};
