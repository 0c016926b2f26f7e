import js from '@eslint/js';
import { defineConfig, globalIgnores } from 'eslint/config';
import tseslint from 'typescript-eslint';
import { offerRelayPlugin } from './config/lint/offer-relay-plugin.ts';

export default defineConfig(
  globalIgnores(['cdk.out/', '.local/', 'coverage/', 'bench/results/']),
  {
    files: ['**/*.{ts,mts,js,mjs}'],
    extends: [js.configs.recommended],
    plugins: { 'offer-relay': offerRelayPlugin },
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    rules: {
      'offer-relay/import-walls': 'error',
      'offer-relay/environment-access': 'error',
      'offer-relay/zod-namespace': 'error',
      'offer-relay/file-names': 'error',
      eqeqeq: ['error', 'always', { null: 'ignore' }],
      'no-console': 'off',
    },
  },
  {
    files: ['**/*.{ts,mts}'],
    extends: [tseslint.configs.strictTypeChecked, tseslint.configs.stylisticTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'inline-type-imports' }],
      '@typescript-eslint/consistent-type-exports': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      // Numbers and booleans in a message are what they seem.
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
      // `_` names what is taken apart and left out.
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      // A zod schema and its type share a name.
      '@typescript-eslint/no-redeclare': 'off',
      // Environment variables and DynamoDB attributes are index signatures; brackets around a literal say so.
      '@typescript-eslint/dot-notation': 'off',
      '@typescript-eslint/no-confusing-void-expression': 'off',
      '@typescript-eslint/consistent-type-definitions': 'off',
      // Ports and stores are closures over their dependencies: their functions have no `this` to lose.
      '@typescript-eslint/unbound-method': 'off',
      '@typescript-eslint/no-dynamic-delete': 'off',
      // The reason of an aborted signal is passed on as it is.
      '@typescript-eslint/prefer-promise-reject-errors': [
        'error',
        { allowThrowingAny: true, allowThrowingUnknown: true },
      ],
    },
  },
  {
    // What is not deployed may say "I know" where an index was checked a line before, and stand in for asynchronous ports.
    files: ['local/**', 'test/**', 'bench/**'],
    rules: {
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/require-await': 'off',
      '@typescript-eslint/no-empty-function': 'off',
      '@typescript-eslint/no-meaningless-void-operator': 'off',
      // The compiler does not see that a flag changes while something is awaited.
      '@typescript-eslint/no-unnecessary-condition': 'off',
    },
  },
  {
    // Matchers such as expect.any() have the type `any`, and fakes stand in for parts of a class.
    files: ['test/**'],
    rules: {
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-class-instance-assignment': 'off',
      '@typescript-eslint/no-misused-promises': ['error', { checksVoidReturn: false }],
    },
  },
  {
    files: ['**/*.{js,mjs}'],
    languageOptions: { globals: { process: 'readonly', console: 'readonly', URL: 'readonly' } },
  },
  {
    // CDK's constructs do their work in the constructor.
    files: ['lib/**', 'bin/**', 'test/lib/**'],
    rules: { '@typescript-eslint/no-extraneous-class': 'off', 'no-new': 'off' },
  },
);
