import { readFileSync } from 'node:fs';
import { tableOf } from '../docs/markdown-table.ts';

/** What the documents say of an error of Buy with Prime's GraphQL API. */
export interface DocumentedError {
  /** Type and code, for people. */
  readonly name: string;
  readonly type: string;
  readonly code: string | undefined;
  /** What a partner gets for a quote, for reading an order and for an order: status, and code of the error. */
  readonly quote: string;
  readonly read: string;
  readonly order: string;
  /** Whether the request for an order may have made one: `no` or `maybe`. */
  readonly made: string;
}

/** Rows that stand for several errors, and examples of these. */
const EXAMPLES: Readonly<Record<string, readonly string[]>> = {
  'ValidationError and another code, or none': ['ValidationError SomethingNew', 'ValidationError'],
  'an error of another type, or of none, alone or among others': ['SomethingNewError'],
};

/** The rows about single errors of `docs/buy-with-prime-errors.md`, which `upstream-matrix.test.ts` proves of the client. */
export function documentedErrors(): DocumentedError[] {
  const page = readFileSync(new URL('../../docs/buy-with-prime-errors.md', import.meta.url), 'utf8');
  return tableOf(page, 'when Amazon answers').flatMap((row) => {
    const [when = '', , quote = '', , read = '', , order = '', , made = ''] = row;
    const names = EXAMPLES[when] ?? (/^[A-Z]\w+Error( [A-Z]\w+)?$/.test(when) ? [when] : []);
    return names.map((name) => {
      const [type = '', code] = name.split(' ');
      return { name, type, code, quote, read, order, made };
    });
  });
}
