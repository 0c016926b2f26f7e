import { readFileSync } from 'node:fs';
import { tableOf } from '../docs/markdown-table.ts';

/** What the documents say of an error of Buy with Prime's GraphQL API. */
export interface DocumentedError {
  /** As the table has it. */
  readonly name: string;
  readonly type: string;
  readonly code: string | undefined;
  /** Whether it is told of a part of the result, so that the operation has been done. */
  readonly isOfPart: boolean;
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

/** Type, code, and whether it is of a part. */
const SINGLE = /^([A-Z]\w+Error)(?: ([A-Z]\w+))?( of a part, and nothing else)?$/;

/** The rows about single errors of `docs/buy-with-prime-errors.md`, which `upstream-matrix.test.ts` proves of the client. */
export function documentedErrors(): DocumentedError[] {
  const page = readFileSync(new URL('../../docs/buy-with-prime-errors.md', import.meta.url), 'utf8');
  return tableOf(page, 'when Amazon answers').flatMap((row) => {
    const [when = '', , quote = '', , read = '', , order = '', , made = ''] = row;
    const names = EXAMPLES[when] ?? (SINGLE.test(when) ? [when] : []);
    return names.map((name) => {
      const [, type = '', code, part] = SINGLE.exec(name) ?? [];
      return { name, type, code, isOfPart: part !== undefined, quote, read, order, made };
    });
  });
}
